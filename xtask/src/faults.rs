//! `cargo xtask faults`: every fault at every request of a run, by the tests that try a few.
use std::process::ExitCode;

use crate::error::Result;
use crate::services::TestServices;
use crate::{fixtures, prepare, process};

/// The variable that asks those tests for all faults.
const ALL: (&str, &str) = ("STEPYARD_TEST_ALL_FAULTS", "1");

/// Runs them; their counts are on standard error.
pub(crate) fn run() -> Result<ExitCode> {
    prepare::everything()?;
    fixtures::build(None)?;
    let services = TestServices::start()?;
    let mut command = process::cargo();
    command
        // Of the whole workspace, so that what `cargo xtask test` has compiled serves.
        .args(["test", "--workspace", "--test", "end_to_end"])
        .args(["--", "--nocapture", "faults::"])
        .envs(services.environment())
        .env(ALL.0, ALL.1);
    eprintln!("{}", process::shown(&command));
    let status = process::status(&mut command)?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
