//! The end-to-end tests, some of them or in another way than `cargo xtask test` runs them.
use std::ffi::OsStr;
use std::process::ExitCode;

use crate::error::Result;
use crate::services::TestServices;
use crate::{fixtures, prepare, process};

/// Runs those that `filter` names, with this variable; their counts are on standard error.
pub(crate) fn run(filter: &[&str], (name, value): (&str, &OsStr)) -> Result<ExitCode> {
    prepare::everything()?;
    fixtures::build(None)?;
    let services = TestServices::start()?;
    let mut command = process::cargo();
    command
        // Of the whole workspace, so that what `cargo xtask test` has compiled serves.
        .args(["test", "--workspace", "--test", "end_to_end", "--"])
        .args(filter)
        .envs(services.environment())
        .env(name, value);
    eprintln!("{}", process::shown(&command));
    let status = process::status(&mut command)?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
