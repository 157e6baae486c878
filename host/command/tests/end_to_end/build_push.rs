//! Building and pushing.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::support::backend::Backend;
use crate::support::cases::cases;
use crate::support::engine::Engine;
use crate::support::project::Project;
use crate::support::run::{self, Run};
use crate::support::{ACCOUNT, REGION, REGISTRY, service};

cases! {
    two_tags_name_the_digest_that_is_told {
        docker_20: moto, local_ecr;
        containerd: moto, local_ecr;
        buildkit: local_ecr;
        buildkit_tls: moto;
        classic: moto, local_ecr;
    }
    an_agent_reads_artifacts_and_outputs { docker_20: moto, local_ecr; }
    labels_arguments_and_target_are_applied {
        docker_20: moto, local_ecr;
        containerd: local_ecr;
        buildkit: moto;
        classic: local_ecr;
    }
    a_dockerfile_outside_the_context_is_read { docker_20: moto, local_ecr; }
    the_context_is_what_dockerignore_leaves {
        docker_20: moto, local_ecr;
        containerd: local_ecr;
        buildkit_tls: local_ecr;
        classic: local_ecr;
    }
    settings_of_other_engines_are_reported {
        docker_20: moto, local_ecr;
        buildkit: local_ecr;
    }
    a_tag_that_names_the_image_already_is_no_conflict {
        docker_20: moto, local_ecr;
        containerd: local_ecr;
        buildkit: local_ecr;
        classic: local_ecr;
    }
    promote_image_copies_by_digest { docker_20: moto, local_ecr; }
    events_are_one_json_object_a_line {
        docker_20: moto, local_ecr;
        buildkit: local_ecr;
    }
}

/// The digest in the output variables of a run.
pub(crate) fn told_digest(run: &Run) -> String {
    let line = run.stdout.lines().find(|line| line.starts_with("pushed "));
    let line = line.unwrap_or_else(|| panic!("nothing was pushed:\n{}", run.stdout));
    let start = line.find("sha256:").expect("a digest");
    line[start..start + "sha256:".len() + 64].to_owned()
}

fn two_tags_name_the_digest_that_is_told(engine: Engine, backend: &Backend) {
    let project = Project::new(backend).built_by(engine);
    project.dockerfile("COPY greeting /greeting");
    // Of this test alone: another one that ends removes what it has built from the engine, and with
    // it the layers that both would share.
    let greeting = format!("hello from {}\n", project.repository);
    project.write("workspace/greeting", &greeting);
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

fn an_agent_reads_artifacts_and_outputs(engine: Engine, backend: &Backend) {
    let project = Project::new(backend).built_by(engine);
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

fn labels_arguments_and_target_are_applied(engine: Engine, backend: &Backend) {
    let project = Project::new(backend).built_by(engine);
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

fn a_dockerfile_outside_the_context_is_read(engine: Engine, backend: &Backend) {
    let project = Project::new(backend).built_by(engine);
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

fn the_context_is_what_dockerignore_leaves(engine: Engine, backend: &Backend) {
    let project = Project::new(backend).built_by(engine);
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
    let image = backend.image(&project.repository, "one");
    let files: Vec<String> = image.files("/context").into_keys().collect();
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
    assert!(!run::holds(&image.bytes(), outside));
}

fn settings_of_other_engines_are_reported(engine: Engine, backend: &Backend) {
    let project = Project::new(backend).built_by(engine);
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
            "not applicable with the engine {}: {setting} (applies on Kubernetes only)",
            engine.name()
        );
        assert!(run.stdout.contains(&line), "{line}\n{}", run.stdout);
    }
}

fn a_tag_that_names_the_image_already_is_no_conflict(engine: Engine, backend: &Backend) {
    let project = Project::with_immutable_tags(backend).built_by(engine);
    project.dockerfile("LABEL immutable=yes");
    project.pipeline("[1.0.0, also]", "");
    let first = told_digest(&project.run().expect(0));
    let again = project.run().expect(0);
    assert!(again.stdout.contains(&first), "{}", again.stdout);
    assert_eq!(backend.digest(&project.repository, "also"), Some(first));
}

fn promote_image_copies_by_digest(engine: Engine, backend: &Backend) {
    let project = Project::new(backend).built_by(engine);
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

fn events_are_one_json_object_a_line(engine: Engine, backend: &Backend) {
    let project = Project::new(backend).built_by(engine);
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

/// What several builds of the same files tell; each with what it is built with.
fn digests_of_the_same_files(builds: &[(Engine, Backend)]) -> Vec<String> {
    // All projects stay until the end: with its images, an engine's cache goes.
    let runs: Vec<(Project, String)> = builds
        .iter()
        .map(|(engine, backend)| {
            let project = Project::new(backend).built_by(*engine);
            let base = service("STEPYARD_TEST_BASE_IMAGE");
            let dockerfile = format!("FROM {base}\nCOPY same /same\nRUN echo made > /made\n");
            project.write("workspace/Dockerfile", &dockerfile);
            project.write("workspace/same", "the same\n");
            project.pipeline("[one]", "labels: {a: b}");
            let digest = told_digest(&project.run().expect(0));
            (project, digest)
        })
        .collect();
    runs.into_iter().map(|(_, digest)| digest).collect()
}

#[test]
fn the_same_files_give_the_same_digest_at_every_registry() {
    let backends = [Backend::moto(), Backend::local_ecr(&[])];
    let builds = backends.map(|backend| (Engine::Docker20, backend));
    let digests = digests_of_the_same_files(&builds);
    assert_eq!(digests[0], digests[1]);
}

/// One BuildKit, behind a Docker Engine's API and behind its own.
#[test]
fn the_same_files_give_the_same_digest_by_every_way_to_a_builder() {
    let engines = [Engine::Containerd, Engine::BuildKit, Engine::BuildKitTls];
    let builds = engines.map(|engine| (engine, Backend::local_ecr(&[])));
    let digests = digests_of_the_same_files(&builds);
    assert_eq!(digests[0], digests[1]);
    assert_eq!(digests[0], digests[2]);
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
