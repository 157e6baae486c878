//! Failures, each with what to do about it. Each folder of `tests/cases/errors` holds a pipeline, a
//! Dockerfile and the exact end of the run; `UPDATE_EXPECT=1` writes the ends anew.

use std::fs;
use std::path::Path;
use std::process::Command;

use stepyard_local_ecr::{AccessKey, LocalEcr};

use crate::support::backend::Backend;
use crate::support::project::Project;
use crate::support::run::{self, Run};
use crate::support::service;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/cases/errors");

/// A test for each case: its folder, the arguments of `stepyard local-ecr`, and how the project is
/// made and the command changed.
macro_rules! cases {
    ($($test:ident: $arguments:expr, $project:expr, $change:expr;)*) => {$(
        #[test]
        fn $test() {
            let backend = Backend::local_ecr(&$arguments);
            let make: fn(&Backend) -> Project = $project;
            let change: fn(&Project, &mut Command) = $change;
            check(stringify!($test), &backend, &make(&backend), change);
        }
    )*};
}

cases! {
    no_permission_to_log_in: ["--deny", "ecr:GetAuthorizationToken"], Project::new, |_, _| {};
    no_permission_to_push: ["--deny", "ecr:PutImage"], Project::new, |_, _| {};
    no_permission_to_upload: ["--deny", "ecr:InitiateLayerUpload"], Project::new, |_, _| {};
    no_permission_to_read: ["--deny", "ecr:BatchGetImage"], Project::new, |_, _| {};
    missing_repository: [], Project::without_repository, |_, _| {};
    no_permission_to_create: ["--deny", "ecr:CreateRepository"], Project::without_repository,
        |_, _| {};
    no_permission_to_tag_the_repository: ["--deny", "ecr:TagResource"],
        Project::without_repository, |_, _| {};
    no_permission_for_the_lifecycle_policy: ["--deny", "ecr:PutLifecyclePolicy"], Project::new,
        |project, _| project.write("workspace/lifecycle.json", "{\"rules\": []}\n");
    no_permission_for_the_repository_policy: ["--deny", "ecr:SetRepositoryPolicy"], Project::new,
        |project, _| project.write("workspace/policy.json", "{\"Statement\": []}\n");
    policies_that_are_no_json: [], Project::new, |project, _| {
        project.write("workspace/lifecycle.json", "{\n  \"rules\": [,]\n}\n");
    };
    faulty_repository_settings: [], Project::new, |_, _| {};
    throttled_for_good: ["--throttle", "ecr:GetAuthorizationToken=1"], Project::new, |_, _| {};
    unreachable_api: [], Project::new, |project, _| {
        project.write("stepyard.toml", "[aws]\nendpoint-url = \"http://127.0.0.1:1\"\n");
    };
    missing_secret: [], Project::new, |_, command| {
        command.env_remove("STEPYARD_SECRET_SECRET_KEY");
    };
    secret_in_a_build_argument: [], Project::new, |_, _| {};
    host_network_not_allowed: [], Project::new, |_, _| {};
    failure_without_output: [], Project::new, |_, _| {};
    failing_instruction: [], Project::new, |_, _| {};
    missing_dockerfile: [], Project::new, |project, _| {
        fs::remove_file(project.path("workspace/Dockerfile")).unwrap();
    };
    missing_base_image: [], Project::new, |_, _| {};
    missing_copy_source: [], Project::new, |_, _| {};
    wrong_dockerfile: [], Project::new, |_, _| {};
    unknown_target: [], Project::new, |_, _| {};
    context_outside_the_workspace: [], Project::new, |_, _| {};
    context_is_a_link_out_of_the_workspace: [], Project::new, |project, _| {
        let link = project.path("workspace/link");
        std::os::unix::fs::symlink(project.path("home"), link).unwrap();
    };
    no_engine_over_tcp: [], Project::new, |_, command| {
        command.env("DOCKER_HOST", "tcp://127.0.0.1:1");
    };
    no_engine: [], Project::new, |project, command| {
        command.env("DOCKER_HOST", format!("unix://{}", project.path("absent.sock").display()));
    };
}

/// Runs the case and compares its end.
fn check(name: &str, backend: &Backend, project: &Project, change: fn(&Project, &mut Command)) {
    let run = run_case(name, backend, project, change);
    compare(name, backend, project, &run);
}

fn run_case(
    name: &str,
    backend: &Backend,
    project: &Project,
    change: fn(&Project, &mut Command),
) -> Run {
    let folder = Path::new(FOLDER).join(name);
    let read = |file: &str| {
        let path = folder.join(file);
        let text = fs::read_to_string(&path);
        let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        placeholders(backend, project)
            .iter()
            .fold(text, |text, (placeholder, value)| {
                text.replace(placeholder, value)
            })
    };
    project.write("pipeline.yaml", &read("pipeline.yaml"));
    project.write("workspace/Dockerfile", &read("Dockerfile"));
    let mut command = project.run_command(&["pipeline.yaml", "--verbose"]);
    change(project, &mut command);
    run::to_end(&mut command)
}

fn compare(name: &str, backend: &Backend, project: &Project, run: &Run) {
    let mut end = format!("exit code {}\n{}", run.code, run.stderr);
    while let Some(start) = end.find("sha256:") {
        end.replace_range(start..start + "sha256:".len() + 64, "@DIGEST");
    }
    for (placeholder, value) in placeholders(backend, project) {
        end = end.replace(&value, placeholder);
    }
    let path = Path::new(FOLDER).join(name).join("expected.txt");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &end).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(end, expected, "{}\n{}", path.display(), run.stdout);
}

/// What is different in each run, longer values before those within them.
fn placeholders(backend: &Backend, project: &Project) -> [(&'static str, String); 6] {
    [
        (
            "@FOLDER",
            project.path("home").parent().unwrap().display().to_string(),
        ),
        ("@REPOSITORY", project.repository.clone()),
        ("@BASE", service("STEPYARD_TEST_BASE_IMAGE")),
        ("@OPEN_REGISTRY", service("STEPYARD_TEST_REGISTRY_OPEN")),
        ("@REGISTRY_ADDRESS", backend.registry.clone()),
        ("@ENGINE", service("DOCKER_HOST")),
    ]
}

#[test]
fn nothing_is_built_for_a_missing_repository() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::without_repository(&backend);
    let run = run_case("missing_repository", &backend, &project, |_, _| {}).expect(1);
    run.says("aws ecr create-repository")
        .says_nothing_of("== Build");
}

#[test]
fn wrong_keys() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime
        .block_on(
            LocalEcr::builder(folder.path().join("data"))
                .access_key(AccessKey {
                    id: "AKIAANOTHERKEY000000".to_owned(),
                    secret: "another".into(),
                })
                .bind("127.0.0.1:0".parse().unwrap()),
        )
        .unwrap();
    let address = server.address().to_string();
    let backend = Backend::at(&address, &address);
    let project = Project::without_repository(&backend);
    check("wrong_keys", &backend, &project, |_, _| {});
}

#[test]
fn immutable_tag_of_another_image() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::with_immutable_tags(&backend);
    project.dockerfile("LABEL image=first");
    project.pipeline("[one]", "");
    project.run().expect(0);
    let digest = backend.digest(&project.repository, "one").unwrap();
    let name = "immutable_tag_of_another_image";
    check(name, &backend, &project, |_, _| {});
    assert_eq!(backend.digest(&project.repository, "one"), Some(digest));
}

#[test]
fn immutable_further_tag_of_another_image() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::with_immutable_tags(&backend);
    project.dockerfile("LABEL image=second");
    project.pipeline("[one]", "");
    project.run().expect(0);
    let name = "immutable_further_tag_of_another_image";
    check(name, &backend, &project, |_, _| {});
}

#[test]
fn immutable_tags_of_different_images() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::with_immutable_tags(&backend);
    for tag in ["one", "two"] {
        project.dockerfile(&format!("LABEL image={tag}"));
        project.pipeline(&format!("[{tag}]"), "");
        project.run().expect(0);
    }
    let name = "immutable_tags_of_different_images";
    let run = run_case(name, &backend, &project, |_, _| {});
    compare(name, &backend, &project, &run);
    run.says_nothing_of("== Build");
}

/// The token of one stand-in is nothing to the registry beside the other.
#[test]
fn registry_refuses_the_login() {
    let api = Backend::local_ecr(&[]);
    let backend = Backend::at(&service("STEPYARD_TEST_REGISTRY"), &api.aws);
    let project = Project::new(&backend);
    check("registry_refuses_the_login", &backend, &project, |_, _| {});
}

#[test]
fn unreachable_registry() {
    let api = Backend::local_ecr(&[]);
    let backend = Backend::at("127.0.0.1:1", &api.aws);
    let project = Project::new(&backend);
    check("unreachable_registry", &backend, &project, |_, _| {});
}

#[test]
fn a_throttled_login_is_tried_again() {
    let backend = Backend::local_ecr(&["--throttle", "ecr:GetAuthorizationToken=2"]);
    let project = Project::new(&backend);
    project.dockerfile("LABEL throttled=login");
    project.pipeline("[one]", "");
    // The first call is this test's own.
    assert_eq!(backend.digest(&project.repository, "one"), None);
    project.run().expect(0);
}

#[test]
fn throttled_pushes_are_tried_again_and_the_reason_is_told() {
    let backend = Backend::local_ecr(&["--throttle", "ecr:PutImage=2"]);
    let project = Project::new(&backend);
    project.dockerfile("LABEL throttled=push");
    // The manifest that the engine puts is the first, and the further tag's the second.
    project.pipeline("[one, two]", "");
    project.run().expect(0).says("trying again");
    // Now the engine's own is every second one.
    project.pipeline("[three]", "");
    project.run().expect(0).says("tried again");
    assert!(backend.digest(&project.repository, "three").is_some());
}

#[test]
fn a_token_that_expires_during_the_build_is_renewed() {
    let backend = Backend::local_ecr(&["--token-lifetime", "2s"]);
    let project = Project::new(&backend);
    project.dockerfile("RUN sleep 4");
    project.pipeline("[one, two]", "");
    project.run().expect(0);
    assert!(backend.digest(&project.repository, "two").is_some());
}
