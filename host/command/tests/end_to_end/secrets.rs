//! No secret leaves the process that holds it.

use std::fs;
use std::time::Duration;

use crate::support::REGISTRY;
use crate::support::backend::Backend;
use crate::support::engine::docker_output;
use crate::support::process::{await_for, descendants, runs};
use crate::support::project::Project;
use crate::support::run::{self, assert_no_secret};

const START_WITHIN: Duration = Duration::from_secs(60);

#[test]
fn a_running_build_shows_no_secret_to_other_processes() {
    let backend = Backend::moto();
    let project = Project::new(&backend);
    let seconds = format!("4.7{}", std::process::id());
    project.dockerfile(&format!(
        "RUN sleep {seconds}\nRUN env > /environment; cat /proc/*/cmdline > /arguments"
    ));
    project.pipeline("[one, two]", "");
    let arguments = ["pipeline.yaml", "--verbose"];
    let child = run::start(&mut project.run_command(&arguments));
    let pid = child.id();
    await_for("the build sleeps", START_WITHIN, || {
        runs(&["sleep", &seconds]).then_some(())
    });
    let own = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    assert_no_secret(&own, "the command's arguments");
    for process in descendants(pid) {
        for part in ["cmdline", "environ"] {
            // A process may end between its listing and its reading.
            if let Ok(bytes) = fs::read(process.join(part)) {
                assert_no_secret(&bytes, &process.join(part).display().to_string());
            }
        }
    }
    run::ended(child).expect(0);

    let image = format!("{REGISTRY}/{}:one", project.repository);
    let archive = docker_output(&["save", &image]);
    assert_no_secret(&archive, "the image");
    let history = docker_output(&["history", "--no-trunc", &image]);
    assert_no_secret(&history, "the image's history");
    for folder in ["temp", "workspace", "home"] {
        assert_no_secret_below(&project.path(folder));
    }
}

#[test]
fn events_hold_no_secret() {
    let backend = Backend::moto();
    let project = Project::new(&backend);
    project.dockerfile("RUN env");
    project.pipeline("[one, two]", "");
    let arguments = ["pipeline.yaml", "--verbose", "--events", "ndjson"];
    // The run's output is searched for secrets when it ends.
    run::to_end(&mut project.run_command(&arguments)).expect(0);
}

fn assert_no_secret_below(folder: &std::path::Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_no_secret_below(&path);
        } else {
            assert_no_secret(&fs::read(&path).unwrap(), &path.display().to_string());
        }
    }
}
