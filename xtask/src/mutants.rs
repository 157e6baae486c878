//! `cargo xtask mutants`: does a test notice when the gate says yes to an action that the policy
//! denies? One action after another is always permitted, in a copy of the runtime's source, and the
//! suite of attacks must fail each time.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::error::{Doing, Error, Result};
use crate::services::TestServices;
use crate::{compiler, fixtures, paths, prepare, process};

/// The suite that must notice.
const SUITE: &str = "attacks";
/// Names the action that is always permitted.
const ACTION: &str = "STEPYARD_MUTANT";
/// The line of the gate before which the change goes.
const ANCHOR: &str = "let ends = self.mode == PolicyMode::Enforce && !decision.is_permit();";
/// Asked by the host's own looks alone, so no component can show that it is denied.
const ASKED_BY_NO_STEP: &str = "inspect-registry";

#[derive(Args)]
pub(crate) struct Options {
    /// Actions to permit, such as push; without one, all
    #[arg(value_name = "ACTION")]
    actions: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    prepare::everything()?;
    fixtures::build(None)?;
    let services = TestServices::start()?;
    let known = actions()?;
    if let Some(unknown) = options
        .actions
        .iter()
        .find(|action| !known.contains(action))
    {
        return Err(Error::Unmet(format!(
            "there is no action {unknown}; the actions are {}",
            known.join(", ")
        )));
    }
    let source = change_source()?;
    let tests = |arguments: &[&str]| {
        let mut command = process::cargo();
        command.args(["test", "--workspace", "--quiet", "--test", SUITE]);
        command.args(arguments).envs(services.environment());
        compiler::with_runtime_from(&mut command, &source);
        command
    };
    process::run(&mut tests(&["--no-run"]))?;
    println!("unchanged: every test must pass");
    process::output(&mut tests(&[]))?;
    let chosen = if options.actions.is_empty() {
        &known
    } else {
        &options.actions
    };
    let mut survivors = Vec::new();
    for action in chosen.iter().filter(|action| *action != ASKED_BY_NO_STEP) {
        let noticed = match process::output(tests(&[]).env(ACTION, action)) {
            Ok(_) => Vec::new(),
            Err(error) => match &error {
                Error::Command { output, .. } if !failed_tests(output).is_empty() => {
                    failed_tests(output)
                }
                // It was not a test that failed.
                _ => return Err(error),
            },
        };
        match noticed.as_slice() {
            [] => {
                println!("{action}: NO test fails");
                survivors.push(action.as_str());
            }
            [first, ..] => println!("{action}: {} tests fail, such as {first}", noticed.len()),
        }
    }
    println!(
        "{} of {} actions are noticed when they are always permitted",
        chosen.len() - survivors.len(),
        chosen.len()
    );
    Ok(if survivors.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The actions, from the text of the runtime.
fn actions() -> Result<Vec<String>> {
    let path = runtime().join("policy/access.rs");
    let text = fs::read_to_string(&path).doing(|| format!("reading {}", path.display()))?;
    let names = text.lines().filter_map(|line| {
        let (action, name) = line.trim().split_once(" => \"")?;
        action
            .starts_with("Self::")
            .then(|| name.strip_suffix("\","))?
    });
    Ok(names.map(str::to_owned).collect())
}

fn runtime() -> PathBuf {
    paths::root().join("host/runtime/src")
}

/// Copies the runtime's source and changes the gate in it.
fn change_source() -> Result<PathBuf> {
    let copy = paths::tasks().join("mutants/src");
    if copy.exists() {
        fs::remove_dir_all(&copy).doing(|| format!("removing {}", copy.display()))?;
    }
    copy_folder(&runtime(), &copy).doing(|| format!("copying to {}", copy.display()))?;
    let gate = copy.join("policy/gate.rs");
    let text = fs::read_to_string(&gate).doing(|| format!("reading {}", gate.display()))?;
    let parts: Vec<&str> = text.split(ANCHOR).collect();
    let [before, after] = parts.as_slice() else {
        return Err(Error::Unmet(format!(
            "host/runtime/src/policy/gate.rs does not have once the line `{ANCHOR}`; change the \
             one here with it"
        )));
    };
    let change = format!(
        "let decision = if std::env::var(\"{ACTION}\").is_ok_and(|action| action == \
         access.action.name()) {{ Decision::permit(\"mutant\") }} else {{ decision }};\n"
    );
    let changed = format!("{before}{change}{ANCHOR}{after}");
    fs::write(&gate, changed).doing(|| format!("writing {}", gate.display()))?;
    Ok(copy)
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The names of the tests in what a suite printed.
fn failed_tests(output: &str) -> Vec<String> {
    let mut names: Vec<String> = output
        .lines()
        .filter_map(|line| line.strip_prefix("---- ")?.strip_suffix(" stdout ----"))
        .map(str::to_owned)
        .collect();
    names.dedup();
    if names.is_empty() && output.contains("test result: FAILED") {
        names.push("a test without a name".to_owned());
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gate_can_be_changed_and_the_actions_are_known() {
        let gate = fs::read_to_string(runtime().join("policy/gate.rs")).unwrap();
        assert_eq!(gate.matches(ANCHOR).count(), 1);
        let actions = actions().unwrap();
        assert!(actions.len() > 20, "{actions:?}");
        assert!(actions.contains(&"push".to_owned()));
        assert!(actions.contains(&ASKED_BY_NO_STEP.to_owned()));
    }

    #[test]
    fn failed_tests_are_found_in_what_a_suite_prints() {
        let output = "running 2 tests\n---- a::b stdout ----\nthread panicked\n---- a::b stdout ----\n\nfailures:\n    a::b\n";
        assert_eq!(failed_tests(output), ["a::b"]);
    }
}
