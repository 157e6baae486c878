//! `cargo xtask faults`: every fault at every request of a run, by the tests that try a few.
use std::process::ExitCode;

use crate::end_to_end;
use crate::error::Result;

/// The variable that asks those tests for all faults.
const ALL: &str = "STEPYARD_TEST_ALL_FAULTS";

/// Runs them.
pub(crate) fn run() -> Result<ExitCode> {
    end_to_end::run(&["--nocapture", "faults::"], (ALL, "1".as_ref()))
}
