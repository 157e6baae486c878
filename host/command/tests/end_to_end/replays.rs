//! Runs that are recorded, and run again without an engine and without a registry.

use std::path::PathBuf;

use crate::support::backend::Backend;
use crate::support::cases::cases;
use crate::support::engine::Engine;
use crate::support::project::Project;
use crate::support::run::{self, Run, assert_no_secret};
use crate::support::{REGISTRY, service};

cases! {
    a_run_is_replayed_as_it_was {
        docker_20: local_ecr;
        containerd: local_ecr, moto;
    }
}

fn guest(name: &str) -> String {
    let guests = PathBuf::from(service("STEPYARD_TEST_GUESTS"));
    let component = guests.join(format!("{name}.wasm"));
    component.display().to_string()
}

fn record(project: &Project) -> Run {
    run::to_end(&mut project.run_command(&["pipeline.yaml", "--record", "recording.jsonl"]))
}

/// `stepyard replay` where nothing of the world is there.
fn replay(project: &Project, arguments: &[&str]) -> Run {
    project.write("nothing.toml", "");
    let mut command = project.command(&["replay", "recording.jsonl", "--config", "nothing.toml"]);
    command
        .args(arguments)
        .env_remove("BUILDKIT_HOST")
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    run::to_end(&mut command)
}

fn a_run_is_replayed_as_it_was(engine: Engine, backend: &Backend) {
    let project = Project::new(backend).built_by(engine);
    project.dockerfile("");
    project.pipeline("[one, two]", "labels:\n  a: b");
    record(&project).expect(0);
    assert_no_secret(project.read("recording.jsonl").as_bytes(), "the recording");
    backend.delete(
        &project.repository,
        &backend.digest(&project.repository, "one").unwrap(),
    );
    replay(&project, &[])
        .expect(0)
        .says("it ends as it was recorded");
    assert_eq!(backend.digest(&project.repository, "one"), None);
}

#[test]
fn a_failed_push_fails_again_for_the_same_reason() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::with_immutable_tags(&backend);
    project.dockerfile("LABEL version=1");
    project.pipeline("[one]", "");
    project.run().expect(0);
    project.dockerfile("LABEL version=2");
    let failed = record(&project).expect(1);
    let replayed = replay(&project, &[]).expect(1);
    assert_eq!(replayed.stderr, failed.stderr);
    replayed.says("it ends as it was recorded");
}

#[test]
fn a_fixed_component_passes_where_the_recorded_one_failed() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::with_immutable_tags(&backend);
    for tag in ["one", "two"] {
        project.dockerfile(&format!("LABEL version={tag}"));
        project.pipeline(&format!("[{tag}]"), "");
        project.run().expect(0);
    }
    let image = format!("image={REGISTRY}/{}:one", project.repository);
    let component = guest("pushes-tag");
    let recorded = [
        "--component",
        &component,
        "--allow-imports",
        "--set",
        &image,
    ];
    let failed = run::to_end(
        project
            .run_command(&recorded)
            .args(["--set", "connector=aws", "--set", "tag=two"])
            .args(["--record", "recording.jsonl"]),
    )
    .expect(1)
    .says("because the tag is immutable");
    let replayed = replay(&project, &["--component", &component]).expect(1);
    assert!(failed.stderr.contains(&replayed.stderr), "{replayed:?}");
    replay(&project, &["--component", &guest("pushes-tag-fixed")])
        .expect(0)
        .says("because the tag is immutable")
        .says("it asks for what was recorded, and ends in another way");
}

#[test]
fn what_another_component_asks_for_is_told() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    project.dockerfile("");
    project.pipeline("[one]", "");
    record(&project).expect(0);
    let component = guest("echo-settings");
    replay(&project, &["--component", &component])
        .expect(1)
        .says("call 1 is not made\n  - auth.login {\"connector\":\"aws\"");
}

#[test]
fn calls_are_shown_with_their_decisions_and_answers() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    project.dockerfile("");
    project.pipeline("[one, two]", "");
    let mut command = project.run_command(&["pipeline.yaml", "--trace"]);
    command.args(["--record", "recording.jsonl", "--report", "report.html"]);
    let run = run::to_end(&mut command).expect(0);
    let run = run
        .says("auth.login {\"connector\":\"aws\"")
        .says("├ permitted: login connector aws")
        .says("├ permitted: push ")
        .says("registry.tag {");
    assert_no_secret(run.stdout.as_bytes(), "the trace");
    // It is recorded all the same, and shown on a page.
    replay(&project, &[]).expect(0);
    let page = project.read("report.html");
    assert_no_secret(page.as_bytes(), "the report");
    for shown in ["<b>push</b>", "<code>registry.tag</code>", "layer "] {
        assert!(page.contains(shown), "{shown} is not in\n{page}");
    }
}

#[test]
fn a_recording_becomes_a_case() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    project.dockerfile("");
    project.pipeline("[one, two]", "");
    record(&project).expect(0);
    replay(&project, &["--save-case", "cases/pushes"])
        .expect(0)
        .says("cases/pushes is a case for `stepyard test` now");
    assert_no_secret(
        project.read("cases/pushes/calls.yaml").as_bytes(),
        "the case",
    );
    let test = |arguments: &[&str]| {
        let mut command = project.command(&["test", "--component", "build-push-ecr"]);
        command
            .args(arguments)
            .env("DOCKER_HOST", "unix:///nowhere/docker.sock");
        run::to_end(&mut command)
    };
    test(&[]).expect(0).says("1 passed, 0 failed");

    let settings = project.read("cases/pushes/settings.yaml");
    project.write(
        "cases/pushes/settings.yaml",
        &settings.replace("- two", "- three"),
    );
    test(&[])
        .expect(1)
        .says("has other arguments than ./cases/pushes/calls.yaml says")
        .says("- \"two\"\n    + \"three\"");
    // A case that is there is not written over.
    replay(&project, &["--save-case", "cases/pushes"])
        .expect(2)
        .says("name a folder that is not there yet");
}

#[test]
fn what_is_no_recording_is_told_with_its_line() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    project.write("recording.jsonl", "{\"line\":\"started\"}\n");
    replay(&project, &[])
        .expect(2)
        .says("recording.jsonl, line 1: ");
    // One that is there is not written over.
    project.dockerfile("");
    project.pipeline("[one]", "");
    record(&project).expect(2).says("File exists");
    project.write("recording.jsonl", "");
    replay(&project, &[]).expect(2).says("it holds no step");
}

#[test]
fn time_and_random_numbers_are_those_of_the_recording() {
    let project = Project::new(&Backend::local_ecr(&[]));
    let component = guest("reads-surroundings");
    let outputs = |recording: &str| {
        let lines = project.read(recording);
        let ended = lines.lines().find(|line| line.contains("\"ended\""));
        ended.unwrap().to_owned()
    };
    for recording in ["recording.jsonl", "another.jsonl"] {
        let arguments = ["--component", &component, "--set", "milliseconds=100"];
        run::to_end(
            project
                .run_command(&arguments)
                .args(["--record", recording]),
        )
        .expect(0);
    }
    assert_ne!(outputs("recording.jsonl"), outputs("another.jsonl"));
    replay(
        &project,
        &["--component", &component, "--save-case", "cases/one"],
    )
    .expect(0)
    .says("it ends as it was recorded");

    // The same in a case; and without a recording always the same, where nobody waits.
    let tested = |arguments: &[&str]| {
        let mut command = project.command(&["test", "--component", &component]);
        run::to_end(command.args(arguments))
    };
    tested(&[]).expect(0).says("1 passed, 0 failed");
    project.write("cases/one/settings.yaml", "milliseconds: 3600000");
    std::fs::remove_file(project.path("cases/one/surroundings.yaml")).unwrap();
    tested(&["--update"]).expect(0).says("one  updated");
    let expected = project.read("cases/one/expected.yaml");
    // The first hour of 2026, and a little.
    assert!(expected.contains("time: \"1767229200"), "{expected}");
    tested(&[]).expect(0).says("1 passed, 0 failed");
}
