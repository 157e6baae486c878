//! `cargo xtask test`: formatting, lints and every test, with the services that the tests need.
use std::process::ExitCode;

use clap::Args;

use crate::error::{Error, Result};
use crate::services::TestServices;
use crate::{fixtures, paths, prepare, process};

#[derive(Args)]
pub(crate) struct Options {
    /// Arguments for `cargo test`, such as a test's name
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// What passed and failed so far: tests, and each whole check that failed.
#[derive(Default, Debug, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
}

impl Tally {
    /// Adds up a line like `test result: ok. 3 passed; 0 failed; 1 ignored; ...`; others count nothing.
    fn read(&mut self, line: &str) {
        let Some((_, result)) = line.split_once("test result: ") else {
            return;
        };
        let words: Vec<&str> = result
            .split([' ', ';'])
            .filter(|word| !word.is_empty())
            .collect();
        for pair in words.windows(2) {
            match pair {
                [number, "passed"] => self.passed += number.parse::<u64>().unwrap_or(0),
                [number, "failed"] => self.failed += number.parse::<u64>().unwrap_or(0),
                _ => {}
            }
        }
    }

    fn fail(&mut self, error: &Error) {
        eprintln!("error: {error}");
        self.failed += 1;
    }
}

/// Runs all checks, even after one has failed, and prints `N passed, N failed` as the last line.
pub(crate) fn run(options: &Options) -> ExitCode {
    let mut tally = Tally::default();
    let interrupted = match check_all(options, &mut tally) {
        Err(error) => {
            tally.fail(&error);
            matches!(error, Error::Interrupted)
        }
        Ok(()) => false,
    };
    println!("{} passed, {} failed", tally.passed, tally.failed);
    match (interrupted, tally.failed) {
        (true, _) => ExitCode::from(130),
        (_, 0) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn check_all(options: &Options, tally: &mut Tally) -> Result<()> {
    prepare::everything()?;
    fixtures::build(None)?;
    check(tally, &["fmt", "--all", "--check"])?;
    check(
        tally,
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    )?;
    let has_deny = process::output(process::cargo().args(["deny", "--version"])).is_ok();
    if has_deny && paths::root().join("deny.toml").is_file() {
        check(tally, &["deny", "check", "licenses", "bans"])?;
    }
    let services = TestServices::start()?;
    run_tests(options, &services, tally)
}

/// Runs one check of cargo's; its failure is counted, and only an interrupt stops the rest.
fn check(tally: &mut Tally, arguments: &[&str]) -> Result<()> {
    eprintln!("cargo {}", arguments.join(" "));
    match process::run(process::cargo().args(arguments)) {
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Err(error) => {
            tally.fail(&error);
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

fn run_tests(options: &Options, services: &TestServices, tally: &mut Tally) -> Result<()> {
    let mut command = process::cargo();
    command
        .args(["test", "--workspace", "--no-fail-fast"])
        .args(&options.arguments)
        .envs(services.environment());
    eprintln!("{}", process::shown(&command));
    let failed_before = tally.failed;
    let status = process::watch_lines(&mut command, |line| tally.read(line))?;
    if !status.success() && tally.failed == failed_before {
        // It did not compile, or a test program died before it could report.
        return Err(Error::Command {
            command: process::shown(&command),
            status,
            output: String::new(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_add_up() {
        let mut tally = Tally::default();
        for line in [
            "running 4 tests\n",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n",
            "test result: \u{1b}[31mFAILED\u{1b}[m. 10 passed; 2 failed; 0 ignored; 0 measured\n",
            "test of_99_passed ... ok\n",
        ] {
            tally.read(line);
        }
        assert_eq!(
            tally,
            Tally {
                passed: 13,
                failed: 2
            }
        );
    }
}
