//! `--report`: the run as a page, in whichever way it ends.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use crate::support::backend::Backend;
use crate::support::cases::cases;
use crate::support::engine::Engine;
use crate::support::html::Page;
use crate::support::process::{await_for, runs, signal};
use crate::support::project::Project;
use crate::support::run::{self, Run, assert_no_secret};
use crate::support::service;

cases! {
    a_run_is_told_on_a_page {
        docker_20: local_ecr, moto;
        classic: local_ecr;
        containerd: local_ecr;
        buildkit: local_ecr;
    }
}

fn reported(project: &Project, arguments: &[&str]) -> Run {
    let mut command = project.run_command(arguments);
    run::to_end(command.args(["--report", "report.html"]))
}

/// The page, which must stand alone and hold no secret.
fn page(project: &Project) -> Page {
    let html = project.read("report.html");
    assert_no_secret(html.as_bytes(), "the report");
    let page = Page::read(&html);
    page.is_alone();
    let left = std::fs::read_dir(project.path("")).unwrap();
    for entry in left {
        let name = entry.unwrap().file_name();
        let name = name.to_string_lossy();
        assert!(!name.starts_with(".stepyard-report"), "{name} is left");
    }
    page
}

fn assert_tells(page: &Page, parts: &[&str]) {
    for part in parts {
        assert!(
            page.text.contains(part),
            "{part} is missing in {}",
            page.text
        );
    }
}

fn a_run_is_told_on_a_page(engine: Engine, backend: &Backend) {
    let project = Project::new(backend).built_by(engine);
    project.dockerfile("RUN echo '</script><script>alert(1)</script> <!-- &amp;'");
    project.pipeline("[one, two]", "");
    // A page that is there already is replaced.
    project.write("report.html", "old");
    reported(&project, &["pipeline.yaml"]).expect(0);
    let first = page(&project);
    let digest = backend.digest(&project.repository, "one").unwrap();
    assert_tells(
        &first,
        &[
            "succeeded",
            "auth.login",
            "by built-in.",
            "RUN echo '</script><script>alert(1)</script> <!-- &amp;'",
            &format!("{}:two", project.repository),
            &digest,
        ],
    );
    let mode = std::fs::metadata(project.path("report.html")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    if engine.name() != "docker" || !first.text.contains("FROM") {
        return;
    }
    reported(&project, &["pipeline.yaml"]).expect(0);
    assert_tells(&page(&project), &["cached"]);
}

#[test]
fn a_failed_build_is_told_with_its_instruction() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    project.dockerfile("RUN echo here; exit 3");
    project.pipeline("[one]", "");
    reported(&project, &["pipeline.yaml"]).expect(1);
    let page = page(&project);
    assert_tells(
        &page,
        &["✕ failed", "RUN echo here; exit 3", "exit code: 3"],
    );
}

#[test]
fn a_denied_call_is_told_with_what_permits_it() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    let guests = PathBuf::from(service("STEPYARD_TEST_GUESTS"));
    let component = guests.join("hostile-push.wasm").display().to_string();
    reported(&project, &["--component", &component]).expect(3);
    let page = page(&project);
    assert_tells(
        &page,
        &[
            "⊘ denied",
            "1 denied",
            "by no rule",
            "action == Action::\"login\"",
        ],
    );
}

#[test]
fn a_run_that_is_ended_is_told_as_far_as_it_was() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    let seconds = format!("617.{}", std::process::id());
    project.dockerfile(&format!("RUN sleep {seconds}"));
    project.pipeline("[one]", "");
    let mut command = project.run_command(&["pipeline.yaml"]);
    let child = run::start(command.args(["--report", "report.html"]));
    await_for("the build sleeps", Duration::from_secs(60), || {
        runs(&["sleep", &seconds]).then_some(())
    });
    signal("INT", child.id());
    run::ended(child).expect(130);
    let interrupted = page(&project);
    let parts = [
        "interrupted",
        "not answered",
        "did not end",
        &format!("RUN sleep {seconds}"),
    ];
    assert_tells(&interrupted, &parts);

    let timeout = ["pipeline.yaml", "--timeout", "3s"];
    reported(&project, &timeout).expect(124);
    assert_tells(&page(&project), &["timed out", "did not end"]);
}

#[test]
fn what_did_not_begin_is_told_too() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    project.write(
        "pipeline.yaml",
        "step:\n  type: BuildAndPushECR\n  nmae: x\n",
    );
    reported(&project, &["pipeline.yaml"]).expect(2);
    assert_tells(&page(&project), &["not begun", "nmae", "pipeline.yaml:3"]);
    // Where it cannot be written, nothing is run.
    let mut command = project.run_command(&["pipeline.yaml", "--report", "nowhere/report.html"]);
    run::to_end(&mut command)
        .expect(2)
        .says("the report nowhere/report.html cannot be written");
}
