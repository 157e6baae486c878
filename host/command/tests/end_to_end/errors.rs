//! Failures, each with what to do about it. Each folder of `tests/cases/errors` holds a pipeline, a
//! Dockerfile and the exact end of the run, `expected.txt`; where the classic builder or a newer
//! BuildKit use other words, they are in `expected.classic.txt` and `expected.newer.txt`.
//! `UPDATE_EXPECT=1` writes the ends anew.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use stepyard_local_ecr::{AccessKey, LocalEcr};

use crate::support::backend::Backend;
use crate::support::engine::Engine;
use crate::support::project::Project;
use crate::support::proxy::{Fault, Proxy};
use crate::support::run::{self, Run};
use crate::support::service;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/cases/errors");

/// Tests of each case: its folder, the engines that it runs on, the arguments of
/// `stepyard local-ecr`, and how the project is made and the command changed.
macro_rules! cases {
    ($($case:ident on $($engine:ident),+: $arguments:expr, $project:expr, $change:expr;)*) => {$(
        mod $case {
            use super::*;

            $(#[test]
            fn $engine() {
                let backend = Backend::local_ecr(&$arguments);
                let make: fn(&Backend) -> Project = $project;
                let project = make(&backend).built_by(Engine::$engine());
                let change: fn(&Project, &mut Command) = $change;
                check(stringify!($case), &backend, &project, change);
            })+
        }
    )*};
}

cases! {
    no_permission_to_log_in on docker_20: ["--deny", "ecr:GetAuthorizationToken"], Project::new, |_, _| {};
    no_permission_to_push on docker_20, classic, containerd, buildkit: ["--deny", "ecr:PutImage"], Project::new, |_, _| {};
    no_permission_to_upload on docker_20, classic, containerd, buildkit: ["--deny", "ecr:InitiateLayerUpload"], Project::new, |_, _| {};
    no_permission_to_read on docker_20: ["--deny", "ecr:BatchGetImage"], Project::new, |_, _| {};
    missing_repository on docker_20: [], Project::without_repository, |_, _| {};
    no_permission_to_create on docker_20: ["--deny", "ecr:CreateRepository"], Project::without_repository,
        |_, _| {};
    no_permission_to_tag_the_repository on docker_20: ["--deny", "ecr:TagResource"],
        Project::without_repository, |_, _| {};
    no_permission_for_the_lifecycle_policy on docker_20: ["--deny", "ecr:PutLifecyclePolicy"], Project::new,
        |project, _| project.write("workspace/lifecycle.json", "{\"rules\": []}\n");
    no_permission_for_the_repository_policy on docker_20: ["--deny", "ecr:SetRepositoryPolicy"], Project::new,
        |project, _| project.write("workspace/policy.json", "{\"Statement\": []}\n");
    policies_that_are_no_json on docker_20: [], Project::new, |project, _| {
        project.write("workspace/lifecycle.json", "{\n  \"rules\": [,]\n}\n");
    };
    faulty_repository_settings on docker_20: [], Project::new, |_, _| {};
    build_secrets_are_refused on classic: [], Project::new, |_, _| {};
    throttled_for_good on docker_20: ["--throttle", "ecr:GetAuthorizationToken=1"], Project::new, |_, _| {};
    unreachable_api on docker_20: [], Project::new, |project, _| {
        project.write("stepyard.toml", "[aws]\nendpoint-url = \"http://127.0.0.1:1\"\n");
    };
    missing_secret on docker_20: [], Project::new, |_, command| {
        command.env_remove("STEPYARD_SECRET_SECRET_KEY");
    };
    secret_in_a_build_argument on docker_20: [], Project::new, |_, _| {};
    host_network_not_allowed on docker_20: [], Project::new, |_, _| {};
    failure_without_output on docker_20, classic, containerd, buildkit: [], Project::new, |_, _| {};
    failing_instruction on docker_20, classic, containerd, buildkit: [], Project::new, |_, _| {};
    missing_dockerfile on docker_20: [], Project::new, |project, _| {
        fs::remove_file(project.path("workspace/Dockerfile")).unwrap();
    };
    missing_base_image on docker_20, classic, containerd, buildkit: [], Project::new, |_, _| {};
    missing_copy_source on docker_20, classic, containerd, buildkit: [], Project::new, |_, _| {};
    wrong_dockerfile on docker_20, classic, containerd, buildkit: [], Project::new, |_, _| {};
    unknown_target on docker_20, classic, containerd, buildkit: [], Project::new, |_, _| {};
    context_outside_the_workspace on docker_20: [], Project::new, |_, _| {};
    context_is_a_link_out_of_the_workspace on docker_20: [], Project::new, |project, _| {
        let link = project.path("workspace/link");
        std::os::unix::fs::symlink(project.path("home"), link).unwrap();
    };
    no_engine_over_tcp on docker_20: [], Project::new, |_, command| {
        command.env("DOCKER_HOST", "tcp://127.0.0.1:1");
    };
    no_buildkit_daemon on buildkit: [], Project::new, |project, command| {
        command.env("BUILDKIT_HOST", format!("unix://{}", project.path("absent.sock").display()));
    };
    no_engine on docker_20: [], Project::new, |project, command| {
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
    let folder = Path::new(FOLDER).join(name);
    let common = folder.join("expected.txt");
    // What an engine says otherwise than Docker 20.10 with its BuildKit.
    let wording = project.engine().wording();
    let own = wording.map(|wording| folder.join(format!("expected.{wording}.txt")));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        match &own {
            None => fs::write(&common, &end).unwrap(),
            Some(own) if fs::read_to_string(&common).is_ok_and(|common| common == end) => {
                let _ = fs::remove_file(own);
            }
            Some(own) => fs::write(own, &end).unwrap(),
        }
    }
    let path = own.filter(|own| own.exists()).unwrap_or(common);
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
        ("@ENGINE", project.engine().address()),
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

/// A repository of immutable tags, one of which names an image.
fn taken(engine: Engine, arguments: &[&str], label: &str) -> (Backend, Project, String) {
    let backend = Backend::local_ecr(arguments);
    let project = Project::with_immutable_tags(&backend).built_by(engine);
    project.dockerfile(&format!("LABEL image={label}"));
    project.pipeline("[one]", "");
    project.run().expect(0);
    let digest = backend.digest(&project.repository, "one").unwrap();
    (backend, project, digest)
}

fn immutable_tag_of_another_image(engine: Engine) {
    let (backend, project, digest) = taken(engine, &[], "first");
    let name = "immutable_tag_of_another_image";
    check(name, &backend, &project, |_, _| {});
    assert_eq!(backend.digest(&project.repository, "one"), Some(digest));
}

/// The step cannot know that the tag is immutable, so the registry is the one to say it.
fn immutable_tag_without_permission_to_describe(engine: Engine) {
    let denied = ["--deny", "ecr:DescribeRepositories"];
    let (backend, project, digest) = taken(engine, &denied, "first");
    let name = "immutable_tag_without_permission_to_describe";
    check(name, &backend, &project, |_, _| {});
    assert_eq!(backend.digest(&project.repository, "one"), Some(digest));
}

#[test]
fn immutable_further_tag_of_another_image() {
    let (backend, project, _) = taken(Engine::Docker20, &[], "second");
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

/// Tests of a function on several engines.
macro_rules! on_engines {
    ($($case:ident: $($engine:ident),+;)*) => {$(
        mod $case {$(
            #[test]
            fn $engine() {
                super::$case(super::Engine::$engine());
            }
        )+}
    )*};
}

on_engines! {
    immutable_tag_of_another_image: docker_20, classic, containerd, buildkit;
    immutable_tag_without_permission_to_describe: docker_20, classic, containerd, buildkit;
    throttled_pushes_are_tried_again_and_the_reason_is_told: docker_20, classic;
    a_push_that_is_throttled_for_a_while_is_made_again: docker_20, classic, containerd, buildkit;
    a_token_that_expires_during_the_build_is_renewed: docker_20, classic, containerd, buildkit;
}

/// What the daemon makes of it depends on who is faster, so the words are not those of a case.
#[test]
fn a_daemon_behind_tls_is_asked_without_certificates() {
    let project = Project::new(&Backend::local_ecr(&[])).built_by(Engine::BuildKitTls);
    project.dockerfile("LABEL tls=none");
    project.pipeline("[one]", "");
    let mut command = project.run_command(&["pipeline.yaml"]);
    run::to_end(command.env_remove("BUILDKIT_CERT_PATH"))
        .expect(1)
        .says(&project.engine().address())
        .says("that the certificates fit it");
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

fn throttled_pushes_are_tried_again_and_the_reason_is_told(engine: Engine) {
    let backend = Backend::local_ecr(&["--throttle", "ecr:PutImage=2"]);
    let project = Project::new(&backend).built_by(engine);
    project.dockerfile("LABEL throttled=push");
    // The manifest that the engine puts is the first, and the further tag's the second.
    project.pipeline("[one, two]", "");
    project.run().expect(0).says("; trying again");
    // Now the engine's own is every second one.
    project.dockerfile("LABEL throttled=again");
    project.pipeline("[three]", "");
    let run = project.run().expect(0);
    let told = run.stdout.matches("; trying again").count();
    assert_eq!(told, 1, "{}", run.stdout);
    assert!(backend.digest(&project.repository, "three").is_some());
}

/// For longer than an engine tries again by itself.
fn a_push_that_is_throttled_for_a_while_is_made_again(engine: Engine) {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend).built_by(engine);
    let first = OnceLock::new();
    let proxy = Proxy::start(&backend.registry, move |_, line| {
        let is_push = line.starts_with("PUT ") && line.contains("/manifests/");
        let since = is_push.then(|| first.get_or_init(Instant::now).elapsed())?;
        (since < Duration::from_secs(2)).then_some(Fault::Throttled)
    });
    project.reach(&Backend::at(&proxy.address, &proxy.address));
    project.dockerfile("LABEL throttled=long");
    project.pipeline("[one]", "");
    let run = project.run().expect(0);
    let told = run.stdout.matches("; trying again").count();
    assert_eq!(told, 1, "{}", run.stdout);
    assert!(backend.digest(&project.repository, "one").is_some());
}

fn a_token_that_expires_during_the_build_is_renewed(engine: Engine) {
    let backend = Backend::local_ecr(&["--token-lifetime", "2s"]);
    let project = Project::new(&backend).built_by(engine);
    project.dockerfile("RUN sleep 4");
    project.pipeline("[one, two]", "");
    project.run().expect(0);
    assert!(backend.digest(&project.repository, "two").is_some());
}
