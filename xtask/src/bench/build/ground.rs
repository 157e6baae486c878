//! Where peers compete: an engine, and an account at a stand-in for AWS.
use std::process::Command;

use clap::ValueEnum;

use super::super::Bench;
use super::peer::{self, Peer};
use crate::error::Result;
use crate::prepare::unpacked_engine;
use crate::services::docker_engine::{DockerEngine, Edition, ImageStore};
use crate::services::moto::Moto;
use crate::{ecr_api, process};

pub(super) const REPOSITORY: &str = "bench/app";
/// Names a BuildKit daemon, for buildctl and Stepyard alike.
const BUILDKIT_HOST: &str = "BUILDKIT_HOST";

/// An engine to build with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Setting {
    /// The newer Docker Engine with containerd's image store
    #[value(name = "26-containerd")]
    NewContainerd,
    /// The newer Docker Engine with its own image store
    #[value(name = "26-classic")]
    NewClassic,
    /// The distribution's Docker Engine
    #[value(name = "20")]
    Distribution,
    /// The BuildKit daemon that BUILDKIT_HOST names, against buildctl
    #[value(name = "buildkit")]
    BuildKit,
}

impl Setting {
    /// All that this machine has.
    pub(super) fn available() -> Vec<Self> {
        let mut settings = vec![Self::NewContainerd, Self::NewClassic, Self::Distribution];
        if process::exists("buildctl") && std::env::var_os(BUILDKIT_HOST).is_some() {
            settings.push(Self::BuildKit);
        }
        settings
    }

    fn peers(self) -> &'static [Peer] {
        match self {
            Self::NewContainerd => &[Peer::Stepyard, Peer::BuildxPush, Peer::DockerBuildKit],
            Self::NewClassic => &[Peer::Stepyard, Peer::DockerBuildKit],
            Self::Distribution => &[Peer::Stepyard, Peer::DockerClassic, Peer::DockerBuildKit],
            Self::BuildKit => &[Peer::Stepyard, Peer::Buildctl],
        }
    }

    fn edition(self) -> Option<Edition> {
        match self {
            Self::NewContainerd => Some(Edition::Unpacked(ImageStore::Containerd)),
            Self::NewClassic => Some(Edition::Unpacked(ImageStore::Classic)),
            Self::Distribution => Some(Edition::Distribution),
            Self::BuildKit => None,
        }
    }
}

/// See the module.
pub(super) struct Ground<'a> {
    pub(super) bench: &'a Bench,
    pub(super) moto: Moto,
    setting: Setting,
    title: String,
    /// A private one: its caches are emptied. Absent with a BuildKit daemon.
    engine: Option<DockerEngine>,
}

impl<'a> Ground<'a> {
    pub(super) fn start(bench: &'a Bench, setting: Setting) -> Result<Self> {
        let engine = setting.edition().map(DockerEngine::start_private);
        let engine = engine.transpose()?;
        let title = match &engine {
            Some(engine) => {
                let store = match setting {
                    Setting::NewContainerd => " with containerd's image store",
                    Setting::NewClassic => " with its own image store",
                    _ => "",
                };
                format!("Docker Engine {}{store}", engine.version()?)
            }
            None => "a BuildKit daemon".into(),
        };
        let moto = Moto::start()?;
        ecr_api::create_repository(&moto.address(), REPOSITORY)?;
        Ok(Self {
            bench,
            moto,
            setting,
            title,
            engine,
        })
    }

    pub(super) fn title(&self) -> &str {
        &self.title
    }

    pub(super) fn peers(&self) -> &'static [Peer] {
        self.setting.peers()
    }

    /// The engine's address in the form of `DOCKER_HOST`.
    pub(super) fn docker_host(&self) -> &str {
        self.engine.as_ref().map_or("", DockerEngine::host)
    }

    /// A docker command that speaks to the engine.
    pub(super) fn docker(&self) -> Command {
        let mut command = self.engine.as_ref().map_or_else(
            || Command::new(unpacked_engine::program("docker")),
            DockerEngine::docker,
        );
        // Attestations would be part of some peers' images only.
        command.env("BUILDX_NO_DEFAULT_ATTESTATIONS", "1");
        command
    }

    /// Has Stepyard build with the daemon where no Docker Engine is meant.
    pub(super) fn point(&self, stepyard: &mut Command) {
        if let (None, Some(host)) = (&self.engine, std::env::var_os(BUILDKIT_HOST)) {
            stepyard.env_remove("DOCKER_HOST").env(BUILDKIT_HOST, host);
        }
    }

    /// The process of the engine, where it is this machine's.
    pub(super) fn process(&self) -> Option<u32> {
        self.engine.as_ref().and_then(DockerEngine::process)
    }

    /// Deletes every image and cache, and waits until the disk is done with it.
    pub(super) fn empty(&self) -> Result<()> {
        match &self.engine {
            Some(engine) => {
                for what in ["system", "builder"] {
                    process::output(engine.docker().args([what, "prune", "--all", "--force"]))?;
                }
            }
            None => {
                process::output(peer::on_daemon("prune").arg("--all"))?;
            }
        }
        rustix::fs::sync();
        Ok(())
    }
}
