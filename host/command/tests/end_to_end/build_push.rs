//! Building and pushing, on both backends.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::support::backend::Backend;
use crate::support::engine::docker_output;
use crate::support::project::Project;
use crate::support::run::{self, Run};
use crate::support::{ACCOUNT, REGION, REGISTRY};

/// The same tests for each backend.
macro_rules! on_both_backends {
    ($($test:ident),* $(,)?) => {
        mod moto_and_docker_registry {
            $(#[test] fn $test() { super::$test(&super::Backend::moto()); })*
        }
        mod local_ecr {
            $(#[test] fn $test() { super::$test(&super::Backend::local_ecr(&[])); })*
        }
    };
}

on_both_backends!(
    two_tags_name_the_digest_that_is_told,
    an_agent_reads_artifacts_and_outputs,
    labels_arguments_and_target_are_applied,
    a_dockerfile_outside_the_context_is_read,
    the_context_is_what_dockerignore_leaves,
    a_missing_cache_image_is_told_and_tolerated,
    settings_of_other_engines_are_reported,
    a_tag_that_names_the_image_already_is_no_conflict,
    promote_image_copies_by_digest,
    events_are_one_json_object_a_line,
);

/// The digest in the output variables of a run.
pub(crate) fn told_digest(run: &Run) -> String {
    let line = run.stdout.lines().find(|line| line.starts_with("pushed "));
    let line = line.unwrap_or_else(|| panic!("nothing was pushed:\n{}", run.stdout));
    let start = line.find("sha256:").expect("a digest");
    line[start..start + "sha256:".len() + 64].to_owned()
}

fn two_tags_name_the_digest_that_is_told(backend: &Backend) {
    let project = Project::new(backend);
    project.dockerfile("COPY greeting /greeting");
    project.write("workspace/greeting", "hello\n");
    project.pipeline("[1.2.3, latest]", "");
    let run = project.run().expect(0);
    let digest = told_digest(&run);
    for tag in ["1.2.3", "latest"] {
        assert_eq!(
            backend.digest(&project.repository, tag).as_ref(),
            Some(&digest)
        );
    }
    let control = run
        .stdout
        .chars()
        .chain(run.stderr.chars())
        .find(|character| character.is_control() && *character != '\n');
    assert_eq!(control, None, "{}{}", run.stdout, run.stderr);
    assert_eq!(run.stderr, "");
    assert_eq!(project.left_in_temp(), Vec::<std::path::PathBuf>::new());
}

fn an_agent_reads_artifacts_and_outputs(backend: &Backend) {
    let project = Project::new(backend);
    project.dockerfile("LABEL a=b");
    project.pipeline("[1.2.3, latest]", "");
    project.write("github", "earlier=1\n");
    let run = run::to_end(
        project
            .run_command(&["pipeline.yaml"])
            .env("PLUGIN_ARTIFACT_FILE", project.path("artifact.json"))
            .env("DRONE_OUTPUT", project.path("drone"))
            .env("HARNESS_OUTPUT_FILE", project.path("drone"))
            .env("GITHUB_OUTPUT", project.path("github")),
    )
    .expect(0);
    let digest = told_digest(&run);
    let repository = &project.repository;
    let artifacts: Value = serde_json::from_str(&project.read("artifact.json")).unwrap();
    assert_eq!(
        artifacts,
        json!({"kind": "docker/v1", "data": {
            "registryType": "ECR",
            "registryUrl": REGISTRY,
            "images": [
                {"image": format!("{repository}:1.2.3"), "digest": digest},
                {"image": format!("{repository}:latest"), "digest": digest},
            ],
        }})
    );
    let outputs = project.read("drone");
    assert_eq!(
        outputs,
        format!(
            "digest={digest}\nimage={REGISTRY}/{repository}:1.2.3\ntags=1.2.3,latest\n\
             registry={REGISTRY}\nrepository={repository}\n"
        )
    );
    assert_eq!(project.read("github"), format!("earlier=1\n{outputs}"));
}

fn labels_arguments_and_target_are_applied(backend: &Backend) {
    let project = Project::new(backend);
    project.dockerfile(
        "ARG VERSION=none\nENV BUILT=$VERSION\nRUN echo \"version $VERSION\" > /version\n\
         FROM scratch AS unused\nCOPY absent /absent",
    );
    let dockerfile = project
        .read("workspace/Dockerfile")
        .replacen('\n', " AS wanted\n", 1);
    project.write("workspace/Dockerfile", &dockerfile);
    project.pipeline(
        "[one]",
        "labels: {org.opencontainers.image.title: An app, other: \"1\"}\n\
         buildArgs: {VERSION: \"1.20\"}\ntarget: wanted",
    );
    project.run().expect(0);
    let configuration = backend.image_configuration(&project.repository, "one");
    let labels = &configuration["config"]["Labels"];
    assert_eq!(
        *labels,
        json!({"org.opencontainers.image.title": "An app", "other": "1"})
    );
    let environment = configuration["config"]["Env"].as_array().unwrap();
    assert!(
        environment.contains(&json!("BUILT=1.20")),
        "{environment:?}"
    );
}

fn a_dockerfile_outside_the_context_is_read(backend: &Backend) {
    let project = Project::new(backend);
    project.dockerfile("COPY inside /inside\nLABEL from=outside");
    let workspace = project.path("workspace");
    fs::create_dir(workspace.join("docker")).unwrap();
    fs::rename(
        workspace.join("Dockerfile"),
        workspace.join("docker/app.Dockerfile"),
    )
    .unwrap();
    project.write("workspace/app/inside", "inside\n");
    project.pipeline("[one]", "dockerfile: docker/app.Dockerfile\ncontext: app");
    project.run().expect(0);
    let configuration = backend.image_configuration(&project.repository, "one");
    assert_eq!(configuration["config"]["Labels"]["from"], "outside");
}

fn the_context_is_what_dockerignore_leaves(backend: &Backend) {
    let project = Project::new(backend);
    let outside = "outside the workspace";
    project.write("outside", outside);
    project.write(
        "workspace/.dockerignore",
        "# a comment\n*.log\n!kept.log\nsub/**/x\n",
    );
    for name in ["a.log", "kept.log", "sub/deep/x", "sub/deep/y", "plain"] {
        project.write(&format!("workspace/{name}"), name);
    }
    symlink(project.path("outside"), project.path("workspace/link")).unwrap();
    project.dockerfile("COPY . /context\nCMD [\"sh\"]");
    project.pipeline("[one]", "");
    project.run().expect(0);
    let image = format!("{REGISTRY}/{}:one", project.repository);
    let list = docker_output(&[
        "run",
        "--rm",
        "--network",
        "none",
        &image,
        "find",
        "/context",
        "!",
        "-type",
        "d",
    ]);
    let list = String::from_utf8(list).unwrap();
    let mut files: Vec<&str> = list.lines().collect();
    files.sort_unstable();
    assert_eq!(
        files,
        [
            "/context/.dockerignore",
            "/context/Dockerfile",
            "/context/kept.log",
            "/context/link",
            "/context/plain",
            "/context/sub/deep/y",
        ]
    );
    let saved = docker_output(&["save", &image]);
    assert!(!run::holds(&saved, outside));
}

fn a_missing_cache_image_is_told_and_tolerated(backend: &Backend) {
    let project = Project::new(backend);
    project.dockerfile("LABEL cache=missing");
    let cache = format!("remoteCacheImage: {}:absent-cache", project.repository);
    project.pipeline("[one]", &cache);
    project.run().expect(0).says("absent-cache");
    assert!(backend.digest(&project.repository, "one").is_some());
}

fn settings_of_other_engines_are_reported(backend: &Backend) {
    let project = Project::new(backend);
    project.dockerfile("LABEL settings=ignored");
    project.pipeline(
        "[one]",
        "optimize: true\nrunAsUser: \"1000\"\n\
         resources: {limits: {memory: 500Mi, cpu: 400m}}",
    );
    let run = project.run().expect(0);
    for setting in [
        "optimize",
        "runAsUser",
        "resources.limits.memory",
        "resources.limits.cpu",
    ] {
        let line = format!(
            "not applicable with the engine docker: {setting} (applies on Kubernetes only)"
        );
        assert!(run.stdout.contains(&line), "{line}\n{}", run.stdout);
    }
}

fn a_tag_that_names_the_image_already_is_no_conflict(backend: &Backend) {
    let project = Project::with_immutable_tags(backend);
    project.dockerfile("LABEL immutable=yes");
    project.pipeline("[1.0.0, also]", "");
    let first = told_digest(&project.run().expect(0));
    let again = project.run().expect(0);
    assert!(again.stdout.contains(&first), "{}", again.stdout);
    assert_eq!(backend.digest(&project.repository, "also"), Some(first));
}

fn promote_image_copies_by_digest(backend: &Backend) {
    let project = Project::new(backend);
    let live = Project::new(backend);
    project.dockerfile("COPY Dockerfile /copied");
    project.pipeline("[1.0.0]", "");
    let digest = told_digest(&project.run().expect(0));
    let source = format!("source={REGISTRY}/{}:1.0.0", project.repository);
    let destination = format!("destination={REGISTRY}/{}:live", live.repository);
    run::to_end(&mut project.run_command(&[
        "promote-image",
        "--set",
        "connectorRef=aws",
        "--set",
        &source,
        "--set",
        &destination,
        "--set",
        "tags=stable,1.0",
    ]))
    .expect(0);
    for tag in ["live", "stable", "1.0"] {
        assert_eq!(
            backend.digest(&live.repository, tag).as_ref(),
            Some(&digest)
        );
    }
}

fn events_are_one_json_object_a_line(backend: &Backend) {
    let project = Project::new(backend);
    project.dockerfile("RUN printf 'one\\033[31mred\\nlast\\n'");
    project.pipeline("[one]", "");
    let run = run::to_end(&mut project.run_command(&["pipeline.yaml", "--events", "ndjson"]));
    let run = run.expect(0);
    let events: Vec<Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for event in &events {
        assert_eq!(event["step"], "build", "{event}");
        assert!(event["time"].is_string(), "{event}");
    }
    assert_eq!(events[0]["event"], "step-started");
    let last = events.last().unwrap();
    assert_eq!(last["event"], "step-finished");
    assert_eq!(last["status"], "succeeded");
    let digest = backend.digest(&project.repository, "one").unwrap();
    let pushed: Vec<&Value> = events
        .iter()
        .filter(|event| event["event"] == "image-pushed")
        .collect();
    assert_eq!(pushed.len(), 1, "{pushed:?}");
    assert_eq!(pushed[0]["digest"], *digest);
    assert_eq!(run.stderr, "");
}

#[test]
fn the_same_files_give_the_same_digest_on_both_backends() {
    // Both projects stay until the end: with its images, the engine's cache goes.
    let runs = [Backend::moto(), Backend::local_ecr(&[])].map(|backend| {
        let project = Project::new(&backend);
        project.dockerfile("COPY same /same\nRUN echo made > /made");
        project.write("workspace/same", "the same\n");
        project.pipeline("[one]", "labels: {a: b}");
        let digest = told_digest(&project.run().expect(0));
        (project, digest)
    });
    assert_eq!(runs[0].1, runs[1].1);
}

#[test]
fn a_step_after_a_failed_one_is_skipped_unless_it_is_named() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    project.dockerfile("LABEL second=step");
    project.steps(&[
        project.step("first", "[one]", "dockerfile: Absent"),
        project.step("second", "[two]", ""),
    ]);
    project.run().expect(1).says("== Step second skipped");
    assert_eq!(backend.digest(&project.repository, "two"), None);
    let named = ["pipeline.yaml", "--step", "second"];
    run::to_end(&mut project.run_command(&named)).expect(0);
    assert!(backend.digest(&project.repository, "two").is_some());
}

#[test]
fn files_for_an_agent_that_cannot_be_written_are_named() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    project.dockerfile("LABEL agent=files");
    project.pipeline("[one]", "");
    for variable in ["PLUGIN_ARTIFACT_FILE", "DRONE_OUTPUT"] {
        let path = project.path("absent/file");
        let run = run::to_end(project.run_command(&["pipeline.yaml"]).env(variable, &path));
        assert_eq!(
            run.expect(1).stderr,
            format!(
                "{} cannot be written: entity not found\n  {variable} names this file; make its \
                 folder, and let this user write there. What was pushed stays pushed\n",
                path.display()
            )
        );
    }
}

#[test]
fn a_private_base_image_is_pulled_with_its_connector() {
    let backend = Backend::moto();
    let base = Project::new(&backend);
    base.dockerfile("RUN echo base > /base");
    base.pipeline("[one]", "");
    base.run().expect(0);

    let project = Project::new(&backend);
    let image = format!("{}/{}:one", backend.registry, base.repository);
    project.write(
        "workspace/Dockerfile",
        &format!("FROM {image}\nLABEL on=base\n"),
    );
    project.pipeline("[one]", "");
    project
        .run()
        .expect(1)
        .says(&format!("the base image {image}: "))
        .says("baseImageConnectorRefs");

    let connector = format!(
        "---\nconnector:\n  name: hub\n  identifier: hub\n  type: DockerRegistry\n  spec:\n\
         \x20   dockerRegistryUrl: http://{}\n    providerType: Other\n    auth:\n\
         \x20     type: UsernamePassword\n      spec: {{username: AWS, passwordRef: hub}}\n",
        backend.registry
    );
    let connectors = project.read("connectors.yaml");
    project.write("connectors.yaml", &(connectors + &connector));
    project.pipeline("[one]", "baseImageConnectorRefs: hub");
    let mut command = project.run_command(&["pipeline.yaml", "--verbose"]);
    run::to_end(command.env("STEPYARD_SECRET_HUB", run::REGISTRY_PASSWORD)).expect(0);
    let configuration = backend.image_configuration(&project.repository, "one");
    assert_eq!(configuration["config"]["Labels"]["on"], "base");
}

#[test]
fn a_step_uses_the_outputs_of_one_before_it() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    let live = Project::new(&backend);
    project.dockerfile("LABEL promoted=yes");
    let promote = format!(
        "step:\n  type: PromoteImage\n  name: promote\n  identifier: promote\n  spec:\n\
         \x20   connectorRef: aws\n    source: <+steps.build.output.outputVariables.image>\n\
         \x20   destination: {REGISTRY}/{}:live\n",
        live.repository
    );
    project.steps(&[project.step("build", "[one]", ""), promote]);
    let digest = told_digest(&project.run().expect(0));
    assert_eq!(backend.digest(&live.repository, "live"), Some(digest));
}

#[test]
fn a_step_is_tried_again_as_its_failure_strategy_says() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    project.dockerfile("RUN exit 3");
    let step = project.step("build", "[one]", "").replacen(
        "  spec:",
        "  failureStrategies:\n  - onFailure:\n      errors: [AllErrors]\n      action:\n\
         \x20       type: Retry\n        spec:\n          retryCount: 2\n\
         \x20         retryIntervals: [1s]\n          onRetryFailure: {action: {type: Ignore}}\n  spec:",
        1,
    );
    let after = project.step("after", "[two]", "dockerfile: Other");
    project.write(
        "workspace/Other",
        &project
            .read("workspace/Dockerfile")
            .replace("exit 3", "true"),
    );
    project.steps(&[step, after]);
    let run = project.run().expect(0).says("retry 2 of 2");
    assert_eq!(run.stdout.matches("== Step build (").count(), 3);
    assert!(backend.digest(&project.repository, "two").is_some());
}

#[test]
fn settings_may_all_come_from_the_command_line() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    project.dockerfile("ARG WHO=nobody\nENV WHO=$WHO");
    let settings = [
        "connectorRef=aws".to_owned(),
        format!("region={REGION}"),
        format!("account={ACCOUNT}"),
        format!("imageName={}", project.repository),
        "tags=one,two".to_owned(),
        "buildArgs.WHO=me".to_owned(),
        "labels.a.dotted.key=x=y".to_owned(),
    ];
    let mut arguments = vec!["build-push-ecr"];
    for setting in &settings {
        arguments.extend(["--set", setting]);
    }
    run::to_end(&mut project.run_command(&arguments)).expect(0);
    let configuration = backend.image_configuration(&project.repository, "two");
    assert_eq!(configuration["config"]["Labels"]["a.dotted.key"], "x=y");
    let environment = configuration["config"]["Env"].as_array().unwrap();
    assert!(environment.contains(&json!("WHO=me")), "{environment:?}");
}
