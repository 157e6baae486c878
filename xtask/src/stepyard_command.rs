//! The `stepyard` command as demo and benches run it: with an AWS account that is on this machine.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Doing, Result};
use crate::http::Address;
use crate::{ecr_api, paths, process};

/// The connector's file. A stand-in's keys are no secret, but a connector names secrets.
const CONNECTORS: &str = "\
connector:
  name: aws local
  identifier: aws_local
  type: Aws
  spec:
    credential:
      type: ManualConfig
      spec: {accessKeyRef: LOCAL_ACCESS_KEY, secretKeyRef: LOCAL_SECRET_KEY}
    region: us-east-1
";

/// A built `stepyard`, its files, and the engine it uses.
pub(crate) struct Stepyard {
    program: PathBuf,
    /// Holds `pipeline.yaml`, `connectors.yaml` and `stepyard.toml`.
    folder: PathBuf,
    workspace: PathBuf,
    docker_host: String,
}

/// Builds the command, and for a release the library's benches with it, so that both share what they
/// depend on; returns the program.
pub(crate) fn build(release: bool) -> Result<PathBuf> {
    let mut command = process::cargo();
    command.args(["build", "--quiet", "--package", "stepyard-cli"]);
    if release {
        command.args(["--release", "--package", "stepyard"]).args([
            "--bin",
            "stepyard",
            "--example",
            "start_bench",
            "--example",
            "call_bench",
        ]);
    }
    process::run(&mut command)?;
    let profile = if release { "release" } else { "debug" };
    Ok(paths::target().join(profile).join("stepyard"))
}

impl Stepyard {
    /// Writes the files into `folder`: image data goes to `registry`, calls of AWS's APIs to `aws`.
    pub(crate) fn set_up(
        program: &Path,
        folder: &Path,
        workspace: &Path,
        docker_host: &str,
        pipeline: &str,
    ) -> Result<Self> {
        for (name, text) in [("connectors.yaml", CONNECTORS), ("pipeline.yaml", pipeline)] {
            fs::write(folder.join(name), text).doing(|| format!("writing {name}"))?;
        }
        Ok(Self {
            program: program.to_owned(),
            folder: folder.to_owned(),
            workspace: workspace.to_owned(),
            docker_host: docker_host.to_owned(),
        })
    }

    /// Sends image data to `registry` and calls of AWS's APIs to `aws`, both `host:port` on loopback.
    pub(crate) fn point_at(&self, registry: &str, aws: &str) -> Result<()> {
        let configuration = format!(
            "[registries.\"{}\"]\nendpoint = \"http://{registry}\"\n\n[aws]\nendpoint-url = \"http://{aws}\"\n",
            ecr_api::registry_host()
        );
        fs::write(self.folder.join("stepyard.toml"), configuration)
            .doing(|| "writing stepyard.toml".into())
    }

    /// `stepyard run ARGUMENTS`
    pub(crate) fn run(&self, arguments: &[&str]) -> Command {
        self.command(&["run"], arguments)
    }

    /// `stepyard SUBCOMMAND ARGUMENTS` of one that looks at steps.
    pub(crate) fn command(&self, subcommand: &[&str], arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(subcommand)
            .args(arguments)
            .args([
                "--connectors",
                "connectors.yaml",
                "--config",
                "stepyard.toml",
                "--workspace",
            ])
            .arg(&self.workspace)
            .current_dir(&self.folder)
            .env("DOCKER_HOST", &self.docker_host)
            // The engine that is meant, whatever this machine names.
            .env_remove("BUILDKIT_HOST")
            .env("STEPYARD_SECRET_LOCAL_ACCESS_KEY", "AKIALOCALLOCALLOCAL0")
            .env("STEPYARD_SECRET_LOCAL_SECRET_KEY", "local");
        command
    }
}

/// Writes a configuration of the docker command into `folder` that logs in to `registry` with the token
/// that `aws` hands out.
pub(crate) fn write_docker_login(folder: &Path, registry: &str, aws: &Address) -> Result<()> {
    let token = ecr_api::authorization_token(aws)?;
    let configuration = serde_json::json!({"auths": {registry: {"auth": token}}});
    fs::write(folder.join("config.json"), configuration.to_string())
        .doing(|| "writing the docker command's configuration".into())
}
