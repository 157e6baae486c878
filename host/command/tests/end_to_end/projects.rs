//! Projects as `stepyard new` makes them: each builds, passes its cases and runs as it is.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::backend::Backend;
use crate::support::project::Project;
use crate::support::run::{self, Run};
use crate::support::step_tools;

/// A command in the folder of the project that it makes.
fn stepyard(project: &Project, arguments: &[&str]) -> Command {
    let mut command = project.command(arguments);
    if arguments.first() != Some(&"new") {
        command.current_dir(project.path("greeter"));
    }
    step_tools::with_cargo(&mut command);
    command
        .env("XDG_CONFIG_HOME", project.path(""))
        .env_remove("STEPYARD_CONFIG");
    command
}

fn run(project: &Project, arguments: &[&str]) -> Run {
    run::to_end(&mut stepyard(project, arguments))
}

fn install(project: &Project, language: &str) {
    let mut command = Command::new("sh");
    command.args(["-ec", &step_tools::installing(language)]);
    run::to_end(command.current_dir(project.path("greeter"))).expect(0);
}

// That a project builds, passes its cases and runs as it is made, the first step's page shows.
#[test]
fn a_project_says_what_to_install_and_is_not_written_over() {
    let project = Project::new(&Backend::local_ecr(&[]));
    for (language, installation) in step_tools::INSTALLATIONS {
        let new = ["new", "greeter", "--language", language];
        run(&project, &new).expect(0).says(installation);
        run(&project, &new).expect(2);
        if language != "rust" {
            run(&project, &["build"]).expect(1).says(installation);
        }
        fs::remove_dir_all(project.path("greeter")).unwrap();
    }
}

#[test]
fn a_trap_in_a_development_build_names_file_and_line() {
    let project = Project::new(&Backend::local_ecr(&[]));
    run(&project, &["new", "greeter", "--language", "rust"]).expect(0);
    let source = project
        .read("greeter/src/lib.rs")
        .replace("log::info!", "deeper(&self.name, 0);\n        log::info!");
    let deeper = "
#[inline(never)]
fn deeper(name: &str, depth: u64) -> u64 {
    std::hint::black_box(deeper(name, depth + 1)) + depth
}
";
    let line = source.lines().count() + 4;
    project.write("greeter/src/lib.rs", &(source + deeper));
    run(&project, &["build", "--dev"]).expect(0);
    let greet = ["run", "--component", "step.wasm", "--set", "name=world"];
    run(&project, &greet)
        .expect(1)
        .says("the step called itself too deep")
        .says(&format!("src/lib.rs:{line}"));
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
