//! `cargo xtask fuzz`: targets for as long as one likes, with LLVM's libFuzzer, which looks for inputs
//! that take new branches. `cargo test` tries each for a second.
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::Args;

use crate::error::{Doing, Error, Result};
use crate::{compiler, paths, process};

#[derive(Args)]
pub(crate) struct Options {
    /// The target, such as policy; without one, all after each other
    #[arg(value_name = "TARGET")]
    target: Option<String>,

    /// How long each is tried
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let known = targets()?;
    let chosen = match &options.target {
        None => known,
        Some(target) if known.contains(target) => vec![target.clone()],
        Some(target) => {
            return Err(Error::Unmet(format!(
                "there is no target {target}; the targets are {}",
                known.join(", ")
            )));
        }
    };
    if process::output(Command::new("c++").arg("--version")).is_err() {
        return Err(Error::Unmet(
            "libFuzzer is compiled by a C++ compiler, and there is none: apt-get install g++"
                .to_owned(),
        ));
    }
    let program = build()?;
    let mut failed = Vec::new();
    for target in chosen {
        println!("{target}: {} s", options.seconds);
        if !attempt(&program, &target, options.seconds)? {
            failed.push(target);
        }
    }
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("a fault was found by {}", failed.join(", "));
    Ok(ExitCode::FAILURE)
}

/// The names of the folders of seeds, of which every target has one.
fn targets() -> Result<Vec<String>> {
    let text = paths::root().join("fuzz/src/lib.rs");
    let text = fs::read_to_string(&text).doing(|| format!("reading {}", text.display()))?;
    let names = text.lines().filter_map(|line| {
        let name = line.trim().strip_prefix("name: \"")?;
        name.strip_suffix("\",").map(str::to_owned)
    });
    Ok(names.collect())
}

fn build() -> Result<PathBuf> {
    let mut command = process::cargo();
    command.args(["build", "--workspace", "--bin", "libfuzzer"]);
    command.args(["--features", "stepyard-fuzz/libfuzzer"]);
    compiler::with_coverage(&mut command);
    process::run(&mut command)?;
    Ok(paths::target().join("debug/libfuzzer"))
}

/// Whether no fault was found. What is new in the corpus stays in `target`, and an input that shows a
/// fault is named.
fn attempt(program: &PathBuf, target: &str, seconds: u32) -> Result<bool> {
    let grown = paths::tasks().join("fuzz").join(target);
    let faults = paths::root().join("fuzz/regressions").join(target);
    let folder =
        |path: &PathBuf| fs::create_dir_all(path).doing(|| format!("making {}", path.display()));
    folder(&grown)?;
    let mut command = Command::new(program);
    command
        .env("STEPYARD_FUZZ_TARGET", target)
        .arg(format!("-max_total_time={seconds}"))
        .args([
            "-timeout=10",
            "-rss_limit_mb=4096",
            "-max_len=8192",
            "-print_final_stats=1",
        ])
        .arg(format!(
            "-artifact_prefix={}/found-",
            paths::tasks().join("fuzz").display()
        ))
        .arg(&grown)
        .arg(paths::root().join("fuzz/corpus").join(target));
    if faults.is_dir() {
        command.arg(&faults);
    }
    let succeeded = process::status(&mut command)?.success();
    if !succeeded {
        println!(
            "{target}: the input is in the file that is named above; once the fault is mended, keep \
             it in {}",
            faults.display()
        );
    }
    Ok(succeeded)
}
