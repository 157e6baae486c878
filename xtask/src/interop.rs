//! `cargo xtask interop`: components in registries, against the tool that others use for them.
use std::path::PathBuf;
use std::process::ExitCode;

use crate::error::Result;
use crate::services::TestServices;
use crate::{fixtures, paths, prepare, process};

/// The version that is installed.
const WKG: &str = "0.16.1";

/// Installs the tool, which takes ten minutes on two cores the first time, and runs the tests with it.
pub(crate) fn run() -> Result<ExitCode> {
    let wkg = install()?;
    prepare::everything()?;
    fixtures::build(None)?;
    let services = TestServices::start()?;
    let mut command = process::cargo();
    command
        // Of the whole workspace, so that what `cargo xtask test` has compiled serves.
        .args(["test", "--workspace", "--test", "end_to_end"])
        .args(["--", "--ignored", "sharing::"])
        .envs(services.environment())
        .env("STEPYARD_TEST_WKG", wkg);
    eprintln!("{}", process::shown(&command));
    let status = process::status(&mut command)?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
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
