//! What stands in for a BuildKit daemon: bridges to the BuildKit within a Docker Engine.
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::docker_engine::DockerEngine;
use super::keeper::Kept;
use crate::bridge::Certificates;
use crate::error::{Doing, Result};

/// How a bridge is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Unix,
    Tcp,
    /// With TLS, both sides showing a certificate.
    MutualTls,
}

/// A bridge that listens.
pub(crate) struct BuildKitBridge {
    address: String,
    folder: PathBuf,
    _kept: Kept,
}

impl BuildKitBridge {
    /// Starts a bridge to the engine on a socket or a loopback port of its own.
    pub(crate) fn start(engine: &DockerEngine, transport: Transport) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("stepyard-buildkit-")
            .tempdir()
            .map(TempDir::keep)
            .doing(|| "making a bridge's folder".into())?;
        // The link to the own program holds even when the file has been rebuilt since.
        let mut command = Command::new("/proc/self/exe");
        command.args(["bridge", "--engine", engine.host(), "--listen"]);
        match transport {
            Transport::Unix => {
                command.arg(format!("unix://{}/buildkitd.sock", folder.display()));
            }
            Transport::Tcp => {
                command.arg("tcp://127.0.0.1:0");
            }
            Transport::MutualTls => {
                Certificates::make(&certificates(&folder))?;
                command
                    .args(["tcp://127.0.0.1:0", "--certificates"])
                    .arg(certificates(&folder));
            }
        }
        let mut kept = Kept::start("buildkit-bridge", &command, &[&folder], None)?;
        let address = kept.until_ready(|log| {
            let (line, _) = log.split_once('\n')?;
            line.strip_prefix("listening on ").map(str::to_owned)
        })?;
        Ok(Self {
            address,
            folder,
            _kept: kept,
        })
    }

    /// `unix:///PATH` or `tcp://127.0.0.1:PORT`, as in `BUILDKIT_HOST`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// With TLS, the folder of a client's `ca.pem`, `cert.pem` and `key.pem`.
    pub(crate) fn certificates(&self) -> PathBuf {
        certificates(&self.folder)
    }
}

fn certificates(folder: &Path) -> PathBuf {
    folder.join("certificates")
}
