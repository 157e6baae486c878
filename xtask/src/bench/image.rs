//! A whole step, build and push, against `docker build` and `docker push`: into the same registry, with
//! the same engine, whose caches are emptied before each peer's turn.
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::Bench;
use super::context;
use super::measure::{self, Sample};
use super::table::Table;
use crate::error::Result;
use crate::services::docker_registry::{Access, DockerRegistry};
use crate::services::moto::Moto;
use crate::stepyard_command::{self, Stepyard};
use crate::{base_image, ecr_api, process};

const REPOSITORY: &str = "bench/app";
const PIPELINE: &str = "\
pipeline:
  stages:
    - stage:
        spec:
          execution:
            steps:
              - step:
                  type: BuildAndPushECR
                  name: Build and push
                  identifier: build_and_push
                  spec:
                    connectorRef: aws_local
                    region: us-east-1
                    account: \"123456789012\"
                    imageName: bench/app
                    tags: [\"1\"]
";
const CASES: &[&str] = &["cold", "nothing changed", "1 MiB changed"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Peer {
    Stepyard,
    /// `docker build`, by the engine's BuildKit
    DockerBuildKit,
    /// `docker build`, by the engine's classic builder
    DockerClassic,
}

impl Peer {
    fn name(self) -> &'static str {
        match self {
            Self::Stepyard => "stepyard",
            Self::DockerBuildKit => "docker build (BuildKit) + push",
            Self::DockerClassic => "docker build (classic) + push",
        }
    }
}

/// What one peer's turn needs.
struct Turn<'a> {
    bench: &'a Bench,
    stepyard: &'a Stepyard,
    registry: &'a DockerRegistry,
    folder: &'a Path,
    context: &'a Path,
}

/// Returns the table of times and the one of the memory of `stepyard`.
pub(super) fn run(bench: &Bench, runs: u32, mebibytes: u64) -> Result<Vec<Table>> {
    let folder = bench.folder("image")?;
    let context = folder.join("context");
    eprintln!("writing a context of {mebibytes} MiB");
    context::write(&context, super::BASE_IMAGE, mebibytes)?;
    let moto = Moto::start()?;
    ecr_api::create_repository(&moto.address(), REPOSITORY)?;
    let stepyard = Stepyard::set_up(
        &bench.program,
        &folder,
        &context,
        bench.engine.host(),
        PIPELINE,
    )?;

    let peers = peers(bench)?;
    let names: Vec<&str> = peers.iter().map(|peer| peer.name()).collect();
    let title = format!("Build and push, {mebibytes} MiB in 6 layers");
    let mut times = Table::new(&title, "seconds", &names, CASES);
    let mut memory = Table::new("Peak memory of the process", "MiB", &["stepyard"], CASES);
    for run in 1..=u64::from(runs) {
        for &peer in &peers {
            empty_engine(bench)?;
            let registry = DockerRegistry::start(Access::Password)?;
            stepyard.point_at(
                registry.address(),
                moto.endpoint().trim_start_matches("http://"),
            )?;
            stepyard_command::write_docker_login(&folder, registry.address(), &moto.address())?;
            let turn = Turn {
                bench,
                stepyard: &stepyard,
                registry: &registry,
                folder: &folder,
                context: &context,
            };
            for case in CASES {
                if *case == "1 MiB changed" {
                    context::change(&context, run)?;
                }
                let sample = turn.build_and_push(peer)?;
                eprintln!(
                    "run {run}: {}, {case}: {:.2} s",
                    peer.name(),
                    sample.seconds
                );
                times.add(case, peer.name(), sample.seconds);
                memory.add(case, peer.name(), sample.peak_mebibytes);
            }
            context::change(&context, 0)?;
        }
    }
    Ok(vec![times, memory])
}

/// The peers that work on this machine: newer docker commands need a plug-in for BuildKit.
fn peers(bench: &Bench) -> Result<Vec<Peer>> {
    let folder = bench.folder("probe")?;
    context::write(&folder, super::BASE_IMAGE, 0)?;
    let mut peers = vec![Peer::Stepyard];
    for (peer, buildkit) in [(Peer::DockerBuildKit, "1"), (Peer::DockerClassic, "0")] {
        let mut build = bench.engine.docker();
        build
            .args(["build", "--quiet"])
            .arg(&folder)
            .env("DOCKER_BUILDKIT", buildkit);
        match process::output(&mut build) {
            Ok(_) => peers.push(peer),
            Err(error) => eprintln!("left out: {}: {error}", peer.name()),
        }
    }
    Ok(peers)
}

fn empty_engine(bench: &Bench) -> Result<()> {
    for what in ["system", "builder"] {
        process::output(
            bench
                .engine
                .docker()
                .args([what, "prune", "--all", "--force"]),
        )?;
    }
    base_image::import(&bench.engine, super::BASE_IMAGE)
}

impl Turn<'_> {
    fn build_and_push(&self, peer: Peer) -> Result<Sample> {
        let buildkit = match peer {
            Peer::Stepyard => return measure::run(&mut self.stepyard.run(&["pipeline.yaml"])),
            Peer::DockerBuildKit => "1",
            Peer::DockerClassic => "0",
        };
        let image = format!("{}/{REPOSITORY}:1", self.registry.address());
        let mut build = self.docker();
        build
            .env("DOCKER_BUILDKIT", buildkit)
            .args(["build", "--tag", &image])
            .arg(self.context);
        let mut push = self.docker();
        push.args(["push", &image]);
        let started = Instant::now();
        let peaks = [measure::run(&mut build)?, measure::run(&mut push)?];
        Ok(Sample {
            seconds: started.elapsed().as_secs_f64(),
            peak_mebibytes: peaks
                .iter()
                .map(|sample| sample.peak_mebibytes)
                .fold(0.0, f64::max),
        })
    }

    fn docker(&self) -> Command {
        let mut command = self.bench.engine.docker();
        command.env("DOCKER_CONFIG", self.folder);
        command
    }
}
