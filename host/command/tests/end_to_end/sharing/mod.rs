//! Components that are published to registries and run from there.

mod logins;
mod refused;
mod with_wkg;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::support::backend::Backend;
use crate::support::project::Project;
use crate::support::registry::Registry;
use crate::support::run::{self, Run};
use crate::support::{REGISTRY, files_below, service};

/// A project in whose folder `hello.wasm` is, with a cache of its own.
fn project() -> Project {
    let project = Project::new(&Backend::local_ecr(&[]));
    fs::copy(guest("hello"), project.path("hello.wasm")).unwrap();
    project
}

fn guest(name: &str) -> PathBuf {
    PathBuf::from(service("STEPYARD_TEST_GUESTS")).join(format!("{name}.wasm"))
}

/// `stepyard ARGUMENTS` with a cache that no other test has.
fn command(project: &Project, arguments: &[&str]) -> Command {
    let mut command = project.command(arguments);
    command.env("XDG_CACHE_HOME", project.path("cache"));
    command
}

fn ended(project: &Project, arguments: &[&str]) -> Run {
    run::to_end(&mut command(project, arguments))
}

/// Publishes a file, and gives the reference that is printed: alone, and nothing else is said.
#[track_caller]
fn publish(project: &Project, reference: &str, file: &str, more: &[&str]) -> String {
    let mut arguments = vec!["publish", reference, "--component", file];
    arguments.extend(more);
    let run = ended(project, &arguments).expect(0);
    assert_eq!(run.stderr, "");
    let line = run.stdout.strip_suffix('\n').unwrap();
    let pinned = format!("oci://{reference}@sha256:");
    assert!(line.starts_with(&pinned), "{line}");
    assert_eq!(line.len(), pinned.len() + 64);
    line.to_owned()
}

fn greet(project: &Project, component: &str) -> Run {
    let arguments = ["run", component, "--set", "name=world"];
    ended(project, &[&arguments[..], &CONNECTORS].concat())
}

const CONNECTORS: [&str; 2] = ["--connectors", "connectors.yaml"];

/// What was fetched into the cache, by its digest.
fn fetched(project: &Project) -> Vec<(String, Vec<u8>)> {
    let folder = project.path("cache/stepyard/components/fetched");
    if !folder.is_dir() {
        return Vec::new();
    }
    let mut files = files_below(&folder);
    files.retain(|(path, _)| path.ends_with(".wasm"));
    files
}

fn empty_cache(project: &Project) {
    fs::remove_dir_all(project.path("cache")).unwrap();
}

fn without_tag(reference: &str) -> String {
    let (rest, digest) = reference.split_once('@').unwrap();
    format!("{}@{digest}", rest.rsplit_once(':').unwrap().0)
}

#[test]
fn what_is_published_runs_by_its_digest_and_is_fetched_once() {
    let mut registry = Registry::start();
    let project = project();
    let reference = format!("{}/team/hello:1.0.0", registry.address);
    let pinned = publish(&project, &reference, "hello.wasm", &[]);
    // The same component has the same digest, and nothing is sent again.
    assert_eq!(publish(&project, &reference, "hello.wasm", &[]), pinned);

    greet(&project, &pinned)
        .expect(0)
        .says("Hello, world!")
        .says(&format!("== Step hello ({pinned})"));
    let bytes = fs::read(guest("hello")).unwrap();
    let kept = fetched(&project);
    assert_eq!(kept.len(), 1);
    assert!(kept[0].1 == bytes, "the bytes that were published");

    registry.stop();
    greet(&project, &pinned).expect(0).says("Hello, world!");
    // What is kept says nothing about another repository.
    greet(&project, &pinned.replace("team/hello", "other/hello"))
        .expect(1)
        .says("cannot be reached");
    // A damaged file is fetched anew.
    fs::write(&kept[0].0, "damaged").unwrap();
    greet(&project, &pinned).expect(1).says("cannot be reached");
    registry.start_again();
    greet(&project, &pinned).expect(0).says("Hello, world!");
    assert!(fetched(&project)[0].1 == bytes);
    // Where there is no folder to keep it in, it runs too.
    let mut command = command(&project, &["run", &pinned, "--set", "name=all"]);
    command.env_remove("HOME").env_remove("XDG_CACHE_HOME");
    run::to_end(&mut command).expect(0).says("Hello, all!");
}

#[test]
fn a_component_goes_to_ecr_and_comes_from_there_with_a_connector() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    fs::copy(guest("hello"), project.path("hello.wasm")).unwrap();
    let reference = format!("{REGISTRY}/{}:1", project.repository);
    ended(
        &project,
        &["publish", &reference, "--component", "hello.wasm"],
    )
    .expect(1)
    .says(&format!("docker login {REGISTRY}"));
    let pinned = publish(&project, &reference, "hello.wasm", &CONNECTORS);
    assert_eq!(
        pinned.rsplit_once('@').unwrap().1,
        backend.digest(&project.repository, "1").unwrap()
    );
    greet(&project, &pinned).expect(0).says("Hello, world!");
    let missing = reference.replace(&project.repository, "no/such-repository");
    let run = ended(
        &project,
        &[
            &["publish", &missing, "--component", "hello.wasm"],
            &CONNECTORS[..],
        ]
        .concat(),
    );
    run.expect(1).says("aws ecr create-repository");
}

fn pipeline(component: &str) -> String {
    format!(
        "step:\n  type: Component\n  name: greet\n  component: {component}\n  spec: {{name: all}}\n"
    )
}

#[test]
fn every_command_that_takes_a_component_takes_one_from_a_registry() {
    let registry = Registry::start();
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    fs::copy(guest("hello"), project.path("hello.wasm")).unwrap();
    let reference = format!("{}/team/hello:1", registry.address);
    let pinned = publish(&project, &reference, "hello.wasm", &[]);

    project.write("pipeline.yaml", &pipeline(&pinned));
    let recorded = ["run", "pipeline.yaml", "--record", "recording.jsonl"];
    ended(&project, &recorded).expect(0).says("Hello, all!");
    let component = ["run", "--component", &pinned, "--set", "name=world"];
    ended(&project, &component).expect(0).says("Hello, world!");
    ended(&project, &["inspect", &pinned])
        .expect(0)
        .says(&format!("origin   {pinned}"));
    for more in [&[][..], &["--component", &pinned]] {
        ended(&project, &[&["replay", "recording.jsonl"], more].concat())
            .expect(0)
            .says("it ends as it was recorded");
    }
    project.write("cases/greets/settings.yaml", "name: world\n");
    project.write("cases/greets/expected.yaml", "status: succeeded\n");
    ended(&project, &["test", "--component", &pinned, "--update"]).expect(0);
    ended(&project, &["test", "--component", &pinned]).expect(0);
    ended(&project, &["doctor", &pinned, "--set", "name=world"])
        .says("step hello")
        .says_nothing_of(&format!("{pinned} is valid"));

    // Another digest of the component than the reference leads to.
    let other = format!("sha256:{}", "0".repeat(64));
    let arguments = [&component[..], &["--digest", &other]].concat();
    ended(&project, &arguments).expect(2).says(&other);

    // The operator may run nothing but what is pinned, and pin what is in a registry.
    let only = "[components]\nallow-unpinned = false\n";
    let pin = format!("[components.greeter]\nreference = \"{pinned}\"\n");
    project.configure(&backend, &format!("{only}{pin}"));
    greet(&project, &pinned).expect(2).says("is not pinned");
    greet(&project, "greeter")
        .expect(0)
        .says("Hello, world!")
        .says("== Step hello (greeter)");
    ended(&project, &["inspect", "greeter"])
        .expect(0)
        .says("pinned by the operator");
    let unpinned = format!("[components.greeter]\nreference = \"oci://{reference}\"\n");
    project.configure(&backend, &unpinned);
    greet(&project, "greeter").expect(2).says("has no digest");
}

#[test]
fn a_component_from_a_registry_may_only_log() {
    let registry = Registry::start();
    let project = project();
    fs::copy(guest("hostile-push"), project.path("hostile.wasm")).unwrap();
    let inspected = ended(&project, &["inspect", "hostile.wasm", "--json"]).expect(0);
    let inspected: serde_json::Value = serde_json::from_str(&inspected.stdout).unwrap();
    let reference = format!("{}/team/hostile:1", registry.address);
    let pinned = publish(&project, &reference, "hostile.wasm", &[]);
    let mut arguments = vec!["run", &pinned];
    arguments.extend(CONNECTORS);
    let granted = ["run", "--component", &pinned, "--allow-imports"];
    ended(&project, &granted)
        .expect(2)
        .says("not for one in a registry");
    // Rules know it by the digest of its bytes, wherever it lies.
    let digest = inspected["digest"].as_str().unwrap();
    ended(&project, &arguments)
        .expect(3)
        .says("may only log")
        .says(&format!("principal == Step::\"{digest}\""));
}

/// The project of a step, as authors have it.
#[test]
fn a_project_is_built_and_published() {
    let registry = Registry::start();
    let project = project();
    let mut new = command(&project, &["new", "shared", "--language", "python"]);
    run::to_end(&mut new).expect(0);
    // The component stands for the one that building would make, which other tests do.
    let step = project.path("shared/step.wasm");
    fs::copy(guest("hello"), &step).unwrap();
    let reference = format!("{}/team/shared:1", registry.address);
    let mut publishing = command(&project, &["publish", &reference]);
    publishing.current_dir(project.path("shared"));
    publishing.env("STEPYARD_CONFIG", project.path("stepyard.toml"));
    let run = run::to_end(&mut publishing).expect(0);
    greet(&project, run.stdout.trim()).expect(0);
}
