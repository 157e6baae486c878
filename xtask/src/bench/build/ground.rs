//! Where peers compete: an engine, and an account at a stand-in for AWS.
use std::process::Command;

use clap::ValueEnum;

use super::super::{Bench, process_tree};
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
}

impl<'a> Ground<'a> {
    pub(super) fn new(bench: &'a Bench, setting: Setting) -> Result<Self> {
        let title = match Engine::start(setting)?.0 {
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
        })
    }

    pub(super) fn title(&self) -> &str {
        &self.title
    }

    pub(super) fn peers(&self) -> &'static [Peer] {
        self.setting.peers()
    }

    /// An engine without any image or cache, once the disk is done with what was before.
    pub(super) fn new_engine(&self) -> Result<Engine> {
        let engine = Engine::start(self.setting)?;
        rustix::fs::sync();
        Ok(engine)
    }
}

/// A private Docker Engine; or none, and then the BuildKit daemon that `BUILDKIT_HOST` names.
///
/// A new Docker Engine costs less than to empty one, and leaves nothing: containerd's store collects its
/// garbage later, and `docker system prune` does not see each image in it.
pub(super) struct Engine(Option<DockerEngine>);

impl Engine {
    fn start(setting: Setting) -> Result<Self> {
        if let Some(edition) = setting.edition() {
            return DockerEngine::start_private(edition).map(|engine| Self(Some(engine)));
        }
        process::output(peer::on_daemon("prune").arg("--all"))?;
        Ok(Self(None))
    }

    /// A docker command that speaks to the engine.
    pub(super) fn docker(&self) -> Command {
        let mut command = self.0.as_ref().map_or_else(
            || Command::new(unpacked_engine::program("docker")),
            DockerEngine::docker,
        );
        // Attestations would be part of some peers' images only.
        command.env("BUILDX_NO_DEFAULT_ATTESTATIONS", "1");
        command
    }

    /// Has Stepyard build with this engine.
    pub(super) fn point(&self, stepyard: &mut Command) {
        match (&self.0, std::env::var_os(BUILDKIT_HOST)) {
            (Some(engine), _) => stepyard.env("DOCKER_HOST", engine.host()),
            (None, Some(host)) => stepyard.env_remove("DOCKER_HOST").env(BUILDKIT_HOST, host),
            (None, None) => stepyard,
        };
    }

    /// CPU seconds so far, where the engine is this machine's.
    pub(super) fn cpu_seconds(&self) -> Option<f64> {
        let process = self.0.as_ref()?.process()?;
        Some(process_tree::cpu_seconds(process))
    }
}
