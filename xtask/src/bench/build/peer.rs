//! Who builds and pushes, and the commands that it takes.
use std::path::Path;
use std::process::Command;

use super::super::measure::{self, Sample};
use crate::error::Result;

/// One way to build and push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Stepyard,
    /// By the engine's BuildKit, which pushes what it has built.
    BuildxPush,
    /// By the engine's BuildKit; the engine pushes.
    DockerBuildKit,
    /// By the engine's older builder; the engine pushes.
    DockerClassic,
    /// By a BuildKit daemon, which pushes what it has built.
    Buildctl,
}

/// How layers are compressed on their way to the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    /// What every peer does unless told otherwise.
    Gzip,
    Zstd,
}

impl Peer {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Stepyard => "stepyard",
            Self::BuildxPush => "docker buildx build --push",
            Self::DockerBuildKit => "docker build (BuildKit) + push",
            Self::DockerClassic => "docker build (classic) + push",
            Self::Buildctl => "buildctl build",
        }
    }

    /// Whether it can be told how to compress; an engine that pushes by itself uses gzip.
    pub(super) fn chooses_compression(self) -> bool {
        matches!(self, Self::Stepyard | Self::BuildxPush | Self::Buildctl)
    }

    /// Builds `context` as `image` and pushes it. `docker` makes a docker command that speaks to the
    /// engine and is logged in. Not for Stepyard.
    pub(super) fn build_and_push(
        self,
        docker: impl Fn() -> Command,
        image: &str,
        context: &Path,
        compression: Compression,
    ) -> Result<Sample> {
        let mut build = docker();
        match self {
            Self::BuildxPush => {
                build.args(["buildx", "build"]);
                match compression {
                    Compression::Gzip => build.args(["--push", "--tag", image]),
                    Compression::Zstd => build.args(["--output", &output(image, compression)]),
                };
                return measure::run(build.arg(context));
            }
            Self::Buildctl => {
                let mut build = on_daemon("build");
                build
                    .envs(
                        docker()
                            .get_envs()
                            .filter_map(|(name, value)| Some((name, value?))),
                    )
                    .args(["--frontend", "dockerfile.v0"])
                    .arg(format!("--local=context={}", context.display()))
                    .arg(format!("--local=dockerfile={}", context.display()))
                    .arg("--output")
                    .arg(output(image, compression) + ",registry.insecure=true");
                return measure::run(&mut build);
            }
            _ => {}
        }
        let buildkit = if self == Self::DockerClassic {
            "0"
        } else {
            "1"
        };
        build
            .env("DOCKER_BUILDKIT", buildkit)
            .args(["build", "--tag", image])
            .arg(context);
        let mut push = docker();
        push.args(["push", image]);
        Ok(measure::run(&mut build)?.then(measure::run(&mut push)?))
    }
}

/// `buildctl SUBCOMMAND`, for the daemon that `BUILDKIT_HOST` names.
pub(super) fn on_daemon(subcommand: &str) -> Command {
    let mut command = Command::new("buildctl");
    command.arg(subcommand);
    command
}

/// BuildKit's image exporter, pushing.
fn output(image: &str, compression: Compression) -> String {
    let compression = match compression {
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
    };
    format!("type=image,name={image},push=true,compression={compression}")
}
