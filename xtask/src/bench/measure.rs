//! Measuring one run of a program.
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::io::retry_on_intr;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::process_tree;
use crate::error::{Doing, Error, Result};
use crate::{interrupt, process};

/// How often the peak is read; it only grows, so that a late reading misses little.
const PEAK_INTERVAL: Duration = Duration::from_millis(10);

/// What one run took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) seconds: f64,
    /// Of the program and the programs that it ran, in steps of 0.01.
    pub(crate) cpu_seconds: f64,
    /// The most memory that the program and the programs that it ran had resident (`VmHWM`, proc(5)),
    /// added up, in MiB.
    pub(crate) peak_mebibytes: f64,
}

impl Sample {
    /// Both runs, one after the other.
    pub(crate) fn then(self, next: Self) -> Self {
        Self {
            seconds: self.seconds + next.seconds,
            cpu_seconds: self.cpu_seconds + next.cpu_seconds,
            peak_mebibytes: self.peak_mebibytes.max(next.peak_mebibytes),
        }
    }
}

/// Runs the command to its end, which must be a success.
pub(crate) fn run(command: &mut Command) -> Result<Sample> {
    output(command).map(|(sample, _)| sample)
}

/// Runs the command to its end, which must be a success; returns its output and errors too.
pub(crate) fn output(command: &mut Command) -> Result<(Sample, String)> {
    interrupt::check()?;
    let output = tempfile::tempfile().doing(|| "making a file for the output".into())?;
    let doing = || "measuring a command".to_owned();
    command
        .stdin(Stdio::null())
        .stdout(output.try_clone().doing(doing)?)
        .stderr(output.try_clone().doing(doing)?)
        .process_group(0);
    let started = Instant::now();
    let mut child = command
        .spawn()
        .doing(|| format!("running `{}`", process::shown(command)))?;
    let running = interrupt::ends(child.id());
    let id = child.id();
    let (ended, end) = mpsc::channel::<()>();
    let watcher = std::thread::spawn(move || {
        let mut peak: f64 = 0.0;
        loop {
            peak = peak.max(process_tree::peak_mebibytes(id));
            if end.recv_timeout(PEAK_INTERVAL) != Err(mpsc::RecvTimeoutError::Timeout) {
                return peak;
            }
        }
    });
    // A process that has ended and was not waited for still tells what it has used.
    if let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        retry_on_intr(|| waitid(WaitId::Pid(pid), options)).doing(doing)?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let cpu_seconds = process_tree::cpu_seconds(id);
    let status = child.wait().doing(doing)?;
    drop((running, ended));
    let peak_mebibytes = watcher.join().unwrap_or(f64::NAN);
    interrupt::check()?;
    let output = read(output);
    if !status.success() {
        return Err(Error::Command {
            command: process::shown(command),
            status,
            output: format!("\n{}", output.trim_end()),
        });
    }
    let sample = Sample {
        seconds,
        cpu_seconds,
        peak_mebibytes,
    };
    Ok((sample, output))
}

fn read(mut file: std::fs::File) -> String {
    use std::io::{Read, Seek};
    let mut text = Vec::new();
    // The output is an extra to what was measured, or to an error that is reported anyway.
    let _ = file.rewind().and_then(|()| file.read_to_end(&mut text));
    String::from_utf8_lossy(&text).into_owned()
}

/// The middle of the numbers; of an even count, the mean of the two in the middle.
pub(crate) fn median(numbers: &[f64]) -> Option<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted.get((sorted.len() - 1) / 2)?;
    Some(f64::midpoint(*lower, *upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn a_run_is_timed_and_its_memory_and_output_are_read() {
        let (sample, text) =
            output(Command::new("sh").args(["-c", "sleep 0.05; echo done"])).unwrap();
        assert!(sample.seconds >= 0.05);
        assert!(sample.peak_mebibytes > 0.1);
        assert_eq!(text, "done\n");
        let error = run(Command::new("sh").args(["-c", "echo why; exit 2"])).unwrap_err();
        assert!(error.to_string().ends_with("exit status: 2\nwhy"));
    }

    #[test]
    fn the_time_of_programs_that_a_program_ran_counts() {
        let count = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
        let sample = run(Command::new("sh").args(["-c", &format!("sh -c '{count}'; :")])).unwrap();
        assert!(sample.cpu_seconds > 0.0);
    }
}
