//! `skipUnchanged`: the second run of the same builds nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::support::backend::Backend;
use crate::support::cases::cases;
use crate::support::engine::{Engine, docker_output};
use crate::support::project::Project;
use crate::support::{run, service};

cases! {
    only_what_changed_is_built {
        docker_20: moto, local_ecr;
        containerd: moto;
        buildkit: local_ecr;
        classic: local_ecr;
    }
}

const SKIPPED: &str = "the build is skipped";

/// A project with a base image of its own in a registry, and records of its own.
fn project(engine: Engine, backend: &Backend) -> (Project, String) {
    let project = Project::new(backend).built_by(engine);
    let open = service("STEPYARD_TEST_REGISTRY_OPEN");
    let base = format!("{open}/base/{}", project.repository);
    push_base(&base, &service("STEPYARD_TEST_BASE_IMAGE"));
    let configuration = project.read("stepyard.toml");
    project.write(
        "stepyard.toml",
        &format!(
            "{configuration}\n[registries.\"{open}\"]\nendpoint = \"http://{open}\"\n\n\
             [build]\nrecords = \"records\"\n"
        ),
    );
    project.write(
        "workspace/Dockerfile",
        &format!("FROM {base}\nARG VERSION\nCOPY greeting /\n"),
    );
    project.write("workspace/greeting", "hello\n");
    project.pipeline("[one, two]", "skipUnchanged: true");
    (project, base)
}

fn push_base(base: &str, image: &str) {
    docker_output(&["tag", image, base]);
    docker_output(&["push", base]);
}

/// Whether a run of the project skips the build; the events must say the same.
#[track_caller]
fn skips(project: &Project) -> bool {
    let mut command = project.run_command(&["pipeline.yaml", "--events", "ndjson"]);
    let run = run::to_end(&mut command).expect(0);
    let events: Vec<Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let skipped = events.iter().any(|event| {
        let message = event["message"].as_str();
        message.is_some_and(|message| message.ends_with(SKIPPED))
    });
    let worked = events.iter().any(|event| {
        event["event"] == "context-progress"
            || event["source"] == "build"
            || event["action"] == "push"
    });
    assert_ne!(skipped, worked, "{}", run.stdout);
    skipped
}

fn only_what_changed_is_built(engine: Engine, backend: &Backend) {
    let (project, base) = project(engine, backend);
    assert!(!skips(&project));
    assert!(skips(&project));
    let first = backend.digest(&project.repository, "one").unwrap();

    // New tags of what is there already.
    project.pipeline("[one, three]", "skipUnchanged: true");
    assert!(skips(&project));
    let third = backend.digest(&project.repository, "three");
    assert_eq!(third.as_ref(), Some(&first));

    project.write("workspace/greeting", "HELLO\n");
    assert!(!skips(&project));
    let changed = backend.digest(&project.repository, "one").unwrap();
    assert_ne!(changed, first);
    // As before: the older image is in the registry still, and gets its tag again.
    project.write("workspace/greeting", "hello\n");
    assert!(skips(&project));
    assert_eq!(backend.digest(&project.repository, "one"), Some(first));

    let greeting = project.path("workspace/greeting");
    fs::set_permissions(&greeting, fs::Permissions::from_mode(0o700)).unwrap();
    assert!(!skips(&project));
    assert!(skips(&project));
    project.pipeline("[one]", "skipUnchanged: true\nbuildArgs: {VERSION: \"2\"}");
    assert!(!skips(&project));
    assert!(skips(&project));

    // Another image under the name of the base image, which the engine has already.
    let made = format!("made/{}", project.repository);
    project.write(
        "base/Dockerfile",
        &format!("FROM {base}\nLABEL moved=yes\n"),
    );
    let folder = project.path("base");
    docker_output(&["build", "--quiet", "--tag", &made, folder.to_str().unwrap()]);
    push_base(&base, &made);
    assert!(!skips(&project));
    assert!(skips(&project));

    project.pipeline("[one]", "");
    assert!(!skips(&project));
}

#[test]
fn what_the_registry_lost_is_built_again() {
    let backend = Backend::moto();
    let (project, _) = project(Engine::Docker20, &backend);
    assert!(!skips(&project));
    let digest = backend.digest(&project.repository, "one").unwrap();
    backend.delete(&project.repository, &digest);
    assert!(!skips(&project));
    assert_eq!(backend.digest(&project.repository, "one"), Some(digest));
    assert!(skips(&project));
}

#[test]
fn what_cannot_be_told_is_built_and_said() {
    let backend = Backend::local_ecr(&[]);
    let (project, _) = project(Engine::Docker20, &backend);
    let dockerfile = project.read("workspace/Dockerfile");
    project.write(
        "workspace/Dockerfile",
        &format!("FROM scratch\nADD $X /\n{dockerfile}"),
    );
    for _ in 0..2 {
        project
            .run()
            .expect(0)
            .says("the build is not skipped: the Dockerfile, line 2: ADD $X");
    }
}
