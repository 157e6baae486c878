//! Running other programs: in a process group of their own, so that an interrupt ends all of it.
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};

use crate::error::{Doing, Error, Result};
use crate::interrupt;

/// The cargo that runs this task.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::paths::root());
    command
}

/// The command as a person would type it, without its environment.
pub(crate) fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let program = program.file_name().unwrap_or(program.as_os_str());
    std::iter::once(program)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs the command with its output going straight through.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    if status.success() {
        return Ok(());
    }
    Err(failed(command, status, String::new()))
}

/// Runs the command with its output going straight through; a failing status is no error.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    interrupt::check()?;
    command.stdin(Stdio::null()).process_group(0);
    let mut child = command.spawn().doing(|| starting(command))?;
    let running = interrupt::ends(child.id());
    let status = child.wait().doing(|| starting(command))?;
    drop(running);
    interrupt::check()?;
    Ok(status)
}

/// Runs the command, passes its standard output through line by line, and shows each line to `see`.
pub(crate) fn watch_lines(command: &mut Command, mut see: impl FnMut(&str)) -> Result<ExitStatus> {
    interrupt::check()?;
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0);
    let mut child = command.spawn().doing(|| starting(command))?;
    let running = interrupt::ends(child.id());
    if let Some(output) = child.stdout.take() {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        let mut shown = std::io::stdout().lock();
        while output
            .read_until(b'\n', &mut line)
            .doing(|| starting(command))?
            > 0
        {
            // A reader that has gone away must not stop the tests.
            let _ = shown.write_all(&line).and_then(|()| shown.flush());
            see(&String::from_utf8_lossy(&line));
            line.clear();
        }
    }
    let status = child.wait().doing(|| starting(command))?;
    drop(running);
    interrupt::check()?;
    Ok(status)
}

/// Runs the command and returns its standard output; all of its output is in the error otherwise.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    interrupt::check()?;
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let child = command.spawn().doing(|| starting(command))?;
    let running = interrupt::ends(child.id());
    let output = child.wait_with_output().doing(|| starting(command))?;
    drop(running);
    interrupt::check()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let said = format!("\n{}{text}", String::from_utf8_lossy(&output.stderr));
    Err(failed(command, output.status, said.trim_end().to_owned()))
}

/// Whether a program of this name is on the search path (or in the folders of system programs).
pub(crate) fn exists(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|folder| folder.join(program).is_file())
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn starting(command: &Command) -> String {
    format!("running `{}`", shown(command))
}

fn failed(command: &Command, status: ExitStatus, output: String) -> Error {
    Error::Command {
        command: shown(command),
        status,
        output,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_says_what_it_printed() {
        let error = output(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]))
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "`sh -c echo out; echo err >&2; exit 3` ended with exit status: 3\nerr\nout"
        );
    }

    #[test]
    fn lines_are_seen_one_by_one() {
        let mut lines = Vec::new();
        let status = watch_lines(Command::new("printf").arg("a\\nb"), |line| {
            lines.push(line.to_owned());
        })
        .unwrap();
        assert!(status.success());
        assert_eq!(lines, ["a\n", "b"]);
    }

    #[test]
    fn a_program_is_found_on_the_path() {
        assert!(exists("sh"));
        assert!(!exists("no-such-program"));
    }
}
