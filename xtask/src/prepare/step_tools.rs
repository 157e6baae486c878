//! What builds steps in Python and in JavaScript, as the templates of `stepyard new` ask for it.
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::python;
use crate::error::{Doing, Result};
use crate::{paths, process};

/// The folder with `python`, an environment, and `javascript/node_modules`.
pub(crate) fn folder() -> PathBuf {
    paths::tasks().join("step-tools")
}

pub(crate) fn install() -> Result<()> {
    let templates = paths::root().join("templates");
    fs::create_dir_all(folder()).doing(|| format!("making {}", folder().display()))?;
    python::install_into(
        &folder().join("python"),
        &templates.join("python/requirements.txt"),
    )?;
    let packages = templates.join("javascript/package.json");
    let list = fs::read_to_string(&packages).doing(|| format!("reading {}", packages.display()))?;
    let project = folder().join("javascript");
    let installed = project.join("installed.json");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == list) {
        return Ok(());
    }
    eprintln!("installing componentize-js");
    fs::create_dir_all(&project)
        .and_then(|()| fs::write(project.join("package.json"), &list))
        .doing(|| format!("writing {}", project.display()))?;
    // Not shown: what it prints would stand among the variables of `cargo xtask services`.
    process::output(
        Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--loglevel", "error"])
            .current_dir(&project),
    )?;
    // Written last: an installation that broke off is made again.
    fs::write(&installed, list).doing(|| format!("writing {}", installed.display()))
}
