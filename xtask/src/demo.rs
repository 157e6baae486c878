//! `cargo xtask demo`: a tour of Stepyard on this machine, without an AWS account.
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use clap::Args;

use crate::error::{Doing, Error, Result};
use crate::services::docker_engine::DockerEngine;
use crate::services::local_ecr::LocalEcr;
use crate::stepyard_command::{self, Stepyard};
use crate::{base_image, ecr_api, fixtures, interrupt, paths, prepare, process};

const BASE_IMAGE: &str = "stepyard-demo/busybox:1";
const PIPELINE: &str = include_str!("../demo-project/pipeline.yaml");
const PROJECT: &[(&str, &str)] = &[
    ("Dockerfile", include_str!("../demo-project/Dockerfile")),
    ("generate.sh", include_str!("../demo-project/generate.sh")),
    (
        "content/steps.txt",
        include_str!("../demo-project/content/steps.txt"),
    ),
    (
        "content/images.txt",
        include_str!("../demo-project/content/images.txt"),
    ),
];
/// What `stepyard` ends with when the policy denied a call.
const DENIED: i32 = 3;

#[derive(Args)]
pub(crate) struct Options {
    /// Keep the registry and the engine running at the end, until Ctrl-C
    #[arg(long)]
    keep: bool,
}

/// Tells what happens, each line with the seconds since the start.
struct Tour {
    started: Instant,
}

impl Tour {
    fn say(&self, text: &str) {
        println!("[{:6.1} s] {text}", self.started.elapsed().as_secs_f64());
    }

    /// Runs `stepyard`, shows the command and its output, and expects the exit code.
    fn run(&self, command: &mut Command, expected: i32) -> Result<()> {
        println!("\n$ {}", process::shown(command));
        let started = Instant::now();
        let status = process::status(command)?;
        if status.code() != Some(expected) {
            return Err(Error::Command {
                command: process::shown(command),
                status,
                output: format!(", where {expected} was expected"),
            });
        }
        let seconds = started.elapsed().as_secs_f64();
        self.say(&format!("it took {seconds:.1} s and ended with {expected}"));
        Ok(())
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let tour = Tour {
        started: Instant::now(),
    };
    tour.say("building stepyard (minutes the first time, seconds afterwards)");
    prepare::engine()?;
    let program = stepyard_command::build(false)?;
    let hostile = paths::guest_components().join("hostile-push.wasm");
    fixtures::build(Some("hostile-push"))?;

    tour.say("starting what stands in for the world: a Docker Engine and an ECR on this machine");
    let engine = DockerEngine::find_or_start()?;
    base_image::import(&engine, BASE_IMAGE)?;
    let folder = tempfile::tempdir().doing(|| "making a folder for the demo".into())?;
    let outcome = visit(options, &tour, &engine, folder.path(), &program, &hostile);
    remove_images(&engine);
    drop((engine, folder));
    outcome?;
    tour.say("done; nothing is left behind");
    Ok(())
}

fn visit(
    options: &Options,
    tour: &Tour,
    engine: &DockerEngine,
    folder: &Path,
    program: &Path,
    hostile: &Path,
) -> Result<()> {
    let ecr = LocalEcr::start(program, &folder.join("ecr"))?;
    for repository in ["team/site", "production/site"] {
        ecr_api::create_repository(&ecr.address(), repository)?;
    }
    let workspace = folder.join("workspace");
    write_project(&workspace)?;
    let stepyard = Stepyard::set_up(program, folder, &workspace, engine.host(), PIPELINE)?;
    stepyard.point_at(ecr.host(), ecr.host())?;
    tour.say(&format!(
        "the pipeline, which is in the form of Harness's:\n{PIPELINE}"
    ));

    tour.say("build an image of two stages and push it under two tags");
    tour.run(&mut stepyard.run(&["pipeline.yaml"]), 0)?;
    tour.say("once more: nothing changed, so nothing is built or pushed again");
    tour.run(&mut stepyard.run(&["pipeline.yaml"]), 0)?;

    tour.say("promote: a second step copies the image by its digest to another repository");
    let registry = ecr_api::registry_host();
    let source = format!("source={registry}/team/site:1.0.0");
    let destination = format!("destination={registry}/production/site:1.0.0");
    let connector = "connectorRef=aws_local";
    let settings = [
        "promote-image",
        "--set",
        &source,
        "--set",
        &destination,
        "--set",
        connector,
    ];
    tour.run(&mut stepyard.run(&settings), 0)?;

    show_image(tour, engine, &ecr, folder)?;

    tour.say("a stranger's component tries to push to the same registry; no rule permits it");
    let hostile = hostile.to_string_lossy();
    tour.run(&mut stepyard.run(&["--component", &hostile]), DENIED)?;
    tour.say("denied, as it should be; what it asks for in all, found without doing any of it:");
    tour.run(
        &mut stepyard.command(&["policy", "explain"], &["--component", &hostile]),
        DENIED,
    )?;
    if options.keep {
        tour.say("everything runs on until Ctrl-C");
        interrupt::wait();
    }
    Ok(())
}

fn write_project(workspace: &Path) -> Result<()> {
    for (name, text) in PROJECT {
        let file = workspace.join(name);
        let written = file
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&file, text));
        written.doing(|| format!("writing {}", file.display()))?;
    }
    Ok(())
}

/// Pulls the promoted image as anybody would, and reads a page out of it.
fn show_image(tour: &Tour, engine: &DockerEngine, ecr: &LocalEcr, folder: &Path) -> Result<()> {
    let image = format!("{}/production/site:1.0.0", ecr.host());
    tour.say(&format!(
        "the image is an ordinary one; while the demo runs (--keep keeps it running):\n\
         export DOCKER_HOST={} AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local\n\
         aws ecr get-login-password --region {} --endpoint-url http://{host} | \
         docker login --username AWS --password-stdin {host}\n\
         docker pull {image}",
        engine.host(),
        ecr_api::REGION,
        host = ecr.host(),
    ));
    stepyard_command::write_docker_login(folder, ecr.host(), &ecr.address())?;
    process::output(
        engine
            .docker()
            .env("DOCKER_CONFIG", folder)
            .args(["pull", "--quiet", &image]),
    )?;
    let page = process::output(engine.docker().args([
        "run",
        "--rm",
        "--network",
        "none",
        &image,
        "cat",
        "/site/index.html",
    ]));
    // The image may be the only one of that name in an engine that outlives the demo.
    let _ = process::output(engine.docker().args(["image", "rm", "--force", &image]));
    tour.say(&format!(
        "pulled it; its /site/index.html:\n{}",
        page?.trim_end()
    ));
    Ok(())
}

/// In an engine that outlives the demo, no image of the demo should. What is not there needs no removal.
fn remove_images(engine: &DockerEngine) {
    let registry = ecr_api::registry_host();
    let site = format!("{registry}/team/site");
    for image in [
        &format!("{site}:1.0.0"),
        &format!("{site}:latest"),
        BASE_IMAGE,
    ] {
        let _ = process::output(engine.docker().args(["image", "rm", "--force", image]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_stage_generates_a_page_for_each_text() {
        let folder = tempfile::tempdir().unwrap();
        write_project(folder.path()).unwrap();
        process::output(
            Command::new("sh")
                .args(["generate.sh", "content", "site", "1.0.0"])
                .current_dir(folder.path()),
        )
        .unwrap();
        let index = fs::read_to_string(folder.path().join("site/index.html")).unwrap();
        assert!(
            index.contains("<a href=\"steps.html\">Steps are components</a>"),
            "{index}"
        );
        assert!(index.ends_with("<p>Version 1.0.0\n"), "{index}");
        let page = fs::read_to_string(folder.path().join("site/images.html")).unwrap();
        assert!(page.contains("<h1>Images are pushed once</h1>"), "{page}");
    }
}
