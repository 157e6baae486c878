//! Tags that exist, tags that two runs want at once, and pushes that die.

use std::num::NonZeroU64;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use stepyard_local_ecr::{Builder, LocalEcr, Server};
use tokio::runtime::Runtime;

use crate::build_push::told_digest;
use crate::support::REGISTRY;
use crate::support::backend::Backend;
use crate::support::engine::Engine;
use crate::support::process::await_for;
use crate::support::project::Project;
use crate::support::run;

/// How long a push may take to begin on a busy machine.
const BEGIN_WITHIN: Duration = Duration::from_secs(120);

/// Runs the project's pipeline, and gives the run and the artifact file that it wrote.
fn run_with_artifacts(project: &Project) -> (run::Run, Value) {
    let mut command = project.run_command(&["pipeline.yaml"]);
    let run = run::to_end(command.env("PLUGIN_ARTIFACT_FILE", project.path("artifact.json")));
    let run = run.expect(0);
    (
        run,
        serde_json::from_str(&project.read("artifact.json")).unwrap(),
    )
}

fn nothing_is_built_where_all_tags_exist(backend: &Backend) {
    let project = Project::new(backend);
    project.dockerfile("LABEL image=first");
    project.pipeline("[1.0.0, latest]", "");
    let digest = told_digest(&project.run().expect(0));

    project.dockerfile("RUN exit 1");
    project.pipeline("[1.0.0, latest]", "skipPushIfTagExists: true");
    let (run, artifacts) = run_with_artifacts(&project);
    run.says("nothing is built or pushed")
        .says_nothing_of("== Build");
    let repository = &project.repository;
    assert_eq!(
        artifacts["data"],
        json!({
            "registryType": "ECR",
            "registryUrl": REGISTRY,
            "images": [
                {"image": format!("{repository}:1.0.0"), "digest": digest},
                {"image": format!("{repository}:latest"), "digest": digest},
            ],
        })
    );
    // A new version is built, and moves the tag that can move.
    project.dockerfile("LABEL image=second");
    project.pipeline("[1.0.1, latest]", "skipPushIfTagExists: true");
    let second = told_digest(&project.run().expect(0));
    assert_ne!(second, digest);
    assert_eq!(backend.digest(repository, "latest"), Some(second));
    assert_eq!(backend.digest(repository, "1.0.0"), Some(digest));
}

#[test]
fn existing_tags_are_kept_with_docker_registry() {
    nothing_is_built_where_all_tags_exist(&Backend::moto());
}

#[test]
fn existing_tags_are_kept_with_local_ecr() {
    nothing_is_built_where_all_tags_exist(&Backend::local_ecr(&[]));
}

#[test]
fn missing_tags_are_added_to_an_image_that_cannot_move() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::with_immutable_tags(&backend);
    project.dockerfile("LABEL image=first");
    project.pipeline("[1.0.0]", "");
    let digest = told_digest(&project.run().expect(0));
    project.dockerfile("RUN exit 1");
    project.pipeline("[1.0.0, \"1.0\"]", "skipPushIfTagExists: true");
    let (run, artifacts) = run_with_artifacts(&project);
    run.says_nothing_of("== Build");
    assert_eq!(artifacts["data"]["images"][1]["digest"], digest.as_str());
    assert_eq!(backend.digest(&project.repository, "1.0"), Some(digest));
}

/// Two runs that build different images and push them under the same immutable tag.
fn one_of_two_runs_wins_an_immutable_tag(engine: Engine) {
    let backend = Backend::local_ecr(&[]);
    let project = Project::with_immutable_tags(&backend).built_by(engine);
    let sides = ["left", "right"];
    let runs = sides.map(|side| {
        // Long enough for both to have looked at the tag before one of them pushes.
        project.dockerfile(&format!("LABEL side={side}\nRUN echo {side} && sleep 5"));
        let dockerfile = project.read("workspace/Dockerfile");
        project.write(&format!("workspace/{side}.Dockerfile"), &dockerfile);
        let step = project.step(
            "build",
            &format!("[1.0.0, {side}]"),
            &format!("dockerfile: {side}.Dockerfile"),
        );
        let pipeline = format!("{side}.yaml");
        project.write(&pipeline, &step);
        run::start(&mut project.run_command(&[&pipeline]))
    });
    let runs = runs.map(run::ended);
    let won = runs.iter().position(|run| run.code == 0);
    let won = won.unwrap_or_else(|| panic!("both failed: {runs:?}"));
    let [left, right] = runs;
    let (winner, loser) = if won == 0 {
        (left, right)
    } else {
        (right, left)
    };
    let tag = format!("{REGISTRY}/{}:1.0.0", project.repository);
    let digest = told_digest(&winner);
    loser.expect(1).says(&format!(
        "{tag} is immutable and names another image, {digest}"
    ));
    let named = |tag: &str| backend.digest(&project.repository, tag);
    assert_eq!(named("1.0.0").as_ref(), Some(&digest));
    assert_eq!(named(sides[won]), Some(digest));
    assert_eq!(named(sides[1 - won]), None);
}

#[test]
fn one_of_two_runs_wins_an_immutable_tag_with_docker() {
    one_of_two_runs_wins_an_immutable_tag(Engine::Docker20);
}

#[test]
fn one_of_two_runs_wins_an_immutable_tag_with_buildkit() {
    one_of_two_runs_wins_an_immutable_tag(Engine::BuildKit);
}

/// A `local-ecr` with this data folder, once the server before has let go of it: a connection of the
/// engine's may hold it for a moment.
fn serve(
    runtime: &Runtime,
    data: &Path,
    configure: impl Fn(Builder) -> Builder,
) -> (Server, Backend) {
    let server = await_for("the data folder is free", BEGIN_WITHIN, || {
        let builder = configure(LocalEcr::builder(data));
        let address = "127.0.0.1:0".parse().unwrap();
        runtime.block_on(builder.bind(address)).ok()
    });
    let address = server.address().to_string();
    (server, Backend::at(&address, &address))
}

fn a_push_that_dies_moves_no_tag(engine: Engine) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (server, backend) = serve(&runtime, &data, |builder| builder);
    let project = Project::new(&backend).built_by(engine);
    project.dockerfile("RUN echo first > /image");
    project.pipeline("[1.0.0, latest]", "");
    let first = told_digest(&project.run().expect(0));
    runtime.block_on(server.shutdown());

    // No layer of the second image is ever whole, so the push goes on until it is killed.
    const ACTION: &str = "ecr:CompleteLayerUpload";
    let throttle = |builder: Builder| builder.throttle(ACTION, NonZeroU64::MIN);
    let (server, backend) = serve(&runtime, &data, throttle);
    project.reach(&backend);
    project.dockerfile("RUN echo second > /image");
    project.pipeline("[1.0.1, latest]", "");
    let mut run = run::start(&mut project.run_command(&["pipeline.yaml"]));
    await_for("a layer is pushed", BEGIN_WITHIN, || {
        (server.calls(ACTION) > 0).then_some(())
    });
    run.kill().unwrap();
    run.wait().unwrap();
    let named = |backend: &Backend, tag: &str| backend.digest(&project.repository, tag);
    assert_eq!(named(&backend, "latest").as_ref(), Some(&first));
    assert_eq!(named(&backend, "1.0.0").as_ref(), Some(&first));
    assert_eq!(named(&backend, "1.0.1"), None);
    runtime.block_on(server.shutdown());

    let (server, backend) = serve(&runtime, &data, |builder| builder);
    project.reach(&backend);
    let second = told_digest(&project.run().expect(0));
    assert_ne!(second, first);
    for tag in ["1.0.1", "latest"] {
        assert_eq!(named(&backend, tag).as_ref(), Some(&second));
    }
    runtime.block_on(server.shutdown());
}

#[test]
fn a_push_that_dies_moves_no_tag_with_docker() {
    a_push_that_dies_moves_no_tag(Engine::Docker20);
}

#[test]
fn a_push_that_dies_moves_no_tag_with_buildkit() {
    a_push_that_dies_moves_no_tag(Engine::BuildKit);
}
