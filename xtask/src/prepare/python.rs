//! Python environments, with what a list of requirements names.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Doing, Result};
use crate::{paths, process};

fn environment() -> PathBuf {
    paths::tasks().join("venv")
}

/// A program of the environment with AWS's command line and moto, an independent stand-in for AWS.
pub(crate) fn program(name: &str) -> PathBuf {
    environment().join("bin").join(name)
}

/// Makes that environment.
pub(crate) fn install() -> Result<()> {
    install_into(
        &environment(),
        &paths::root().join("xtask/requirements.txt"),
    )
}

/// Makes an environment, once for each list of requirements.
pub(crate) fn install_into(environment: &Path, requirements: &Path) -> Result<()> {
    let list =
        fs::read_to_string(requirements).doing(|| format!("reading {}", requirements.display()))?;
    let installed = environment.join("requirements.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == list) {
        return Ok(());
    }
    eprintln!("installing {}", list.trim().replace('\n', ", "));
    process::run(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(environment),
    )?;
    process::run(
        Command::new(environment.join("bin/python"))
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--requirement",
            ])
            .arg(requirements),
    )?;
    // Written last: an installation that broke off is made again.
    fs::write(&installed, list).doing(|| format!("writing {}", installed.display()))
}
