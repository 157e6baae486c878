//! A Python environment with AWS's command line and moto, an independent stand-in for AWS.
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::error::{Doing, Result};
use crate::{paths, process};

const REQUIREMENTS: &str = include_str!("../../requirements.txt");

fn environment() -> PathBuf {
    paths::tasks().join("venv")
}

/// A program of the environment.
pub(crate) fn program(name: &str) -> PathBuf {
    environment().join("bin").join(name)
}

/// Makes the environment, once for each list of requirements.
pub(crate) fn install() -> Result<()> {
    let installed = environment().join("requirements.txt");
    if fs::read_to_string(&installed).is_ok_and(|list| list == REQUIREMENTS) {
        return Ok(());
    }
    eprintln!("installing {}", REQUIREMENTS.trim().replace('\n', ", "));
    process::run(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(environment()),
    )?;
    process::run(
        Command::new(program("python"))
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--requirement",
            ])
            .arg(paths::root().join("xtask/requirements.txt")),
    )?;
    // Written last: an installation that broke off is made again.
    fs::write(&installed, REQUIREMENTS).doing(|| format!("writing {}", installed.display()))
}
