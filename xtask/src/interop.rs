//! `cargo xtask interop`: components in registries, against the tool that others use for them.
use std::path::PathBuf;
use std::process::ExitCode;

use crate::error::Result;
use crate::{end_to_end, paths, process};

/// The version that is installed.
const WKG: &str = "0.16.1";

/// Installs the tool, which takes ten minutes on two cores the first time, and runs the tests with it.
pub(crate) fn run() -> Result<ExitCode> {
    let wkg = install()?;
    let filter = ["--ignored", "sharing::"];
    end_to_end::run(&filter, ("STEPYARD_TEST_WKG", wkg.as_os_str()))
}

/// The program, in a folder of this version's own.
fn install() -> Result<PathBuf> {
    let folder = paths::tasks().join(format!("wkg-{WKG}"));
    let program = folder.join("bin/wkg");
    if !program.is_file() {
        process::run(
            process::cargo()
                .args(["install", "wkg", "--locked", "--version", WKG, "--root"])
                .arg(&folder),
        )?;
    }
    Ok(program)
}
