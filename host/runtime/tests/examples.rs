//! The example of docs/embedding.md does what the page says that it does.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed assumption fails the test"
)]

use std::path::PathBuf;
use std::process::Command;

/// An example's program, which cargo builds with the tests, beside the folder of their programs.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().unwrap().with_file_name("examples").join(name);
    assert!(
        program.is_file(),
        "{} is not built; run: cargo test -p stepyard",
        program.display()
    );
    program
}

#[test]
fn the_example_prints_what_its_engine_is_asked() {
    let output = Command::new(example("embed")).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let printed = String::from_utf8(output.stdout).unwrap();
    let image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app";
    for line in [
        "login: aws_main at 123456789012.dkr.ecr.us-east-1.amazonaws.com",
        "build: with VERSION=1.2.3",
        &format!("push: {image}:1.2.3"),
        "tag: latest",
        &format!("image: team/app:latest@sha256:{}", "ab".repeat(32)),
        &format!("image: team/app:1.2.3@sha256:{}", "ab".repeat(32)),
    ] {
        assert!(
            printed.lines().any(|printed| printed == line),
            "no line {line} in {printed}"
        );
    }
}
