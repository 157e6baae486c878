//! Projects as `stepyard new` makes them: each builds, passes its cases and runs as it is.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::backend::Backend;
use crate::support::project::Project;
use crate::support::run::{self, Run};
use crate::support::service;

/// A command in the folder of the project that it makes.
fn stepyard(project: &Project, arguments: &[&str]) -> Command {
    let mut command = project.command(arguments);
    if arguments.first() != Some(&"new") {
        command.current_dir(project.path("greeter"));
    }
    // Cargo and rustc are the machine's; what the packages need was fetched with the fixtures.
    for name in ["HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .env("CARGO_NET_OFFLINE", "true")
        .env("XDG_CONFIG_HOME", project.path(""))
        .env_remove("STEPYARD_CONFIG");
    command
}

fn run(project: &Project, arguments: &[&str]) -> Run {
    run::to_end(&mut stepyard(project, arguments))
}

/// What the printed commands of installation do; what they would fetch is there.
fn install(project: &Project, language: &str) {
    let tools = PathBuf::from(service("STEPYARD_TEST_STEP_TOOLS"));
    let link = |from: &str, to: &str| symlink(tools.join(from), project.path(to)).unwrap();
    match language {
        "python" => link("python", "greeter/.venv"),
        "javascript" => link("javascript/node_modules", "greeter/node_modules"),
        _ => {}
    }
}

fn a_new_project_works(language: &str, installation: &str) {
    let project = Project::new(&Backend::local_ecr(&[]));
    run(&project, &["new", "greeter", "--language", language])
        .expect(0)
        .says(installation);
    if language != "rust" {
        run(&project, &["build"]).expect(1).says(installation);
    }
    install(&project, language);
    run(&project, &["build"]).expect(0).says("./step.wasm (");
    let tested = run(&project, &["test"]).expect(0);
    tested.says("greets        ok").says("2 passed, 0 failed");
    run(&project, &["inspect", "step.wasm"])
        .expect(0)
        .says("greeter 0.1.0")
        .says("Whom to greet.")
        .says_nothing_of("stepyard:step/registry");
    let greet = ["run", "--component", "step.wasm", "--set", "name=world"];
    run(&project, &greet).expect(0).says("Hello, world!");
    // One that is there is not written over.
    run(&project, &["new", "greeter", "--language", language]).expect(2);
}

#[test]
fn a_project_in_rust_works_as_it_is_made() {
    a_new_project_works("rust", "rustup target add wasm32-wasip2");
}

#[test]
fn a_project_in_python_works_as_it_is_made() {
    a_new_project_works("python", ".venv/bin/pip install -r requirements.txt");
}

#[test]
fn a_project_in_javascript_works_as_it_is_made() {
    a_new_project_works("javascript", "npm install");
}

/// Copies the files of a folder, and what links in it point to.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name();
        // What a person has installed there.
        if name == ".venv" || name == "node_modules" {
            continue;
        }
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

fn a_step_passes_its_cases(name: &str, language: &str, expected: &str) {
    let steps = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../steps");
    let project = Project::new(&Backend::local_ecr(&[]));
    copy(&steps.join(name), &project.path("greeter"));
    install(&project, language);
    run(&project, &["test"]).expect(0).says(expected);
}

#[test]
fn the_step_in_python_passes_its_cases() {
    a_step_passes_its_cases("untagged-images", "python", "5 passed, 0 failed");
}

#[test]
fn the_step_in_javascript_passes_its_cases() {
    a_step_passes_its_cases("image-rules", "javascript", "5 passed, 0 failed");
}

fn passes(program: &str, arguments: &[&str]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = Command::new(program);
    let output = command.args(arguments).current_dir(root).output().unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stderr),
        String::from_utf8_lossy(&output.stdout)
    );
    assert!(output.status.success(), "{said}");
}

#[test]
fn the_sdk_in_python_passes_its_tests() {
    passes(
        "python3",
        &["-B", "guest-sdk-python/tests/test_make_component.py"],
    );
}

#[test]
fn the_sdk_in_javascript_passes_its_tests() {
    for file in ["make-component.test.js", "settings.test.js"] {
        let file = format!("guest-sdk-javascript/tests/{file}");
        passes("node", &["--test", &file]);
    }
}

#[test]
fn a_name_must_be_one_in_every_language() {
    let project = Project::new(&Backend::local_ecr(&[]));
    for name in ["Greeter", "1st", "a_b", "a-", "ä", "../up", ""] {
        run(&project, &["new", name, "--language", "python"])
            .expect(2)
            .says("cannot be a step's name");
    }
}

#[test]
fn what_is_no_project_is_told() {
    let project = Project::new(&Backend::local_ecr(&[]));
    run::to_end(&mut project.command(&["build", "workspace"]))
        .expect(2)
        .says("workspace is no step's project: it has none of Cargo.toml, requirements.txt, package.json")
        .says("stepyard new NAME --language LANGUAGE");
}
