//! Components that the operator has pinned, their limits, and engines that may build at all.

use std::path::{Path, PathBuf};

use crate::support::backend::Backend;
use crate::support::project::Project;
use crate::support::run::{self, Run};
use crate::support::service;

/// A project with the component of `hello` in its folder, and the digest of that.
fn project(backend: &Backend) -> (Project, String) {
    let project = Project::new(backend);
    let guests = PathBuf::from(service("STEPYARD_TEST_GUESTS"));
    std::fs::copy(guests.join("hello.wasm"), project.path("hello.wasm")).unwrap();
    let inspected = run::to_end(&mut project.command(&["inspect", "hello.wasm"])).expect(0);
    let digest = inspected.stdout.lines().find_map(|line| {
        let digest = line.strip_prefix("digest")?;
        Some(digest.trim().to_owned())
    });
    (project, digest.unwrap())
}

fn pin(digest: &str) -> String {
    format!("[components.greeter]\npath = \"hello.wasm\"\ndigest = \"{digest}\"\n")
}

fn greet(project: &Project, component: &[&str]) -> Run {
    let mut command = project.run_command(component);
    run::to_end(command.args(["--set", "name=world"]))
}

#[test]
fn a_pinned_component_runs_by_its_name() {
    let backend = Backend::local_ecr(&[]);
    let (project, digest) = project(&backend);
    project.configure(&backend, &pin(&digest));
    greet(&project, &["greeter"])
        .expect(0)
        .says("Hello, world!")
        .says("== Step hello (greeter)");
    project.write(
        "pipeline.yaml",
        "step:\n  type: Component\n  name: greet\n  component: greeter\n  spec: {name: all}\n",
    );
    run::to_end(&mut project.run_command(&["pipeline.yaml"]))
        .expect(0)
        .says("Hello, all!");
    run::to_end(&mut project.command(&["inspect", "greeter"]))
        .expect(0)
        .says("pinned by the operator");
}

#[test]
fn other_bytes_than_those_that_were_pinned_do_not_run() {
    let backend = Backend::local_ecr(&[]);
    let (project, digest) = project(&backend);
    let other = format!("sha256:{}", "0".repeat(64));
    project.configure(&backend, &pin(&other));
    greet(&project, &["greeter"])
        .expect(2)
        .says(&digest)
        .says(&other)
        .says("hello.wasm");
}

#[test]
fn only_pinned_components_run_where_the_operator_says_so() {
    let backend = Backend::local_ecr(&[]);
    let (project, digest) = project(&backend);
    let only = format!("[components]\nallow-unpinned = false\n{}", pin(&digest));
    project.configure(&backend, &only);
    greet(&project, &["--component", "hello.wasm"])
        .expect(2)
        .says("hello.wasm is not pinned")
        .says("allow-unpinned = false");
    greet(&project, &["greeter"]).expect(0);
    // A built-in step is part of the program.
    project.dockerfile("");
    project.pipeline("[one]", "");
    project.run().expect(0);
}

#[test]
fn a_component_may_have_limits_of_its_own() {
    let backend = Backend::local_ecr(&[]);
    let (project, digest) = project(&backend);
    let limits = "[limits]\nsettings-bytes = 10\n";
    project.configure(&backend, &format!("{limits}{}", pin(&digest)));
    greet(&project, &["greeter"])
        .expect(1)
        .says("at most 10 are accepted")
        .says("settings-bytes");
    let own = "[steps.greeter.limits]\nsettings-bytes = 1000\n";
    project.configure(&backend, &format!("{limits}{own}{}", pin(&digest)));
    greet(&project, &["greeter"]).expect(0);
    // The name of a file is nobody's.
    std::fs::copy(project.path("hello.wasm"), project.path("greeter")).unwrap();
    greet(&project, &["--component", "greeter"]).expect(1);
}

#[test]
fn a_policy_knows_a_pinned_component_by_its_name() {
    let backend = Backend::local_ecr(&[]);
    let (project, _) = project(&backend);
    let guests = PathBuf::from(service("STEPYARD_TEST_GUESTS"));
    std::fs::copy(guests.join("logs-in.wasm"), project.path("hello.wasm")).unwrap();
    let inspected = run::to_end(&mut project.command(&["inspect", "hello.wasm", "--json"]));
    let inspected: serde_json::Value = serde_json::from_str(&inspected.stdout).unwrap();
    project.configure(&backend, &pin(inspected["digest"].as_str().unwrap()));
    project.write(
        "policy.cedar",
        "permit (principal == Step::\"greeter\", action == Action::\"login\", resource);\n",
    );
    let log_in = |component: &[&str]| {
        let mut command = project.run_command(component);
        command.args([
            "--set",
            "times=1",
            "--set",
            "text=done",
            "--policy",
            "policy.cedar",
        ]);
        run::to_end(&mut command)
    };
    // There is no such connector; the policy lets the step find that out.
    log_in(&["greeter"])
        .expect(1)
        .says("there is no connector any");
    log_in(&["--component", "hello.wasm"]).expect(3);
}

#[test]
fn only_engines_that_the_operator_lists_build() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    project.dockerfile("");
    project.pipeline("[one]", "");
    project.configure(&backend, "[build]\nengines = [\"buildkit\"]\n");
    project
        .run()
        .expect(2)
        .says("the engine docker would build")
        .says("permits buildkit");
    project.configure(&backend, "[build]\nengines = [\"docker\"]\n");
    project.run().expect(0);
}

/// Those of `tests/components`, which were compiled against earlier versions of the contract.
#[test]
fn a_component_of_an_earlier_contract_runs() {
    let project = Project::new(&Backend::local_ecr(&[]));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/components");
    let mut tried = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "wasm") {
            continue;
        }
        let component = path.display().to_string();
        greet(&project, &["--component", &component])
            .expect(0)
            .says("Hello, world!");
        tried += 1;
    }
    assert!(tried > 0);
}
