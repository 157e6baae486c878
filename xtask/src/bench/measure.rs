//! Measuring one run of a program.
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::error::{Doing, Error, Result};
use crate::{interrupt, process};

/// How often the peak is read; it only grows, so that a late reading misses little.
const PEAK_INTERVAL: Duration = Duration::from_millis(10);

/// What one run took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) seconds: f64,
    /// The most memory that the program itself had resident (`VmHWM`, proc(5)), in MiB.
    pub(crate) peak_mebibytes: f64,
}

/// Runs the command to its end, which must be a success, keeping its output for the error.
pub(crate) fn run(command: &mut Command) -> Result<Sample> {
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
    let status_file = format!("/proc/{}/status", child.id());
    let (ended, end) = mpsc::channel::<()>();
    let watcher = std::thread::spawn(move || {
        let mut peak = 0.0;
        loop {
            let status = std::fs::read_to_string(&status_file).unwrap_or_default();
            peak = peak_mebibytes(&status).unwrap_or(peak);
            if end.recv_timeout(PEAK_INTERVAL) != Err(mpsc::RecvTimeoutError::Timeout) {
                return peak;
            }
        }
    });
    let status = child.wait().doing(doing)?;
    let seconds = started.elapsed().as_secs_f64();
    drop((running, ended));
    let peak_mebibytes = watcher.join().unwrap_or(f64::NAN);
    interrupt::check()?;
    if !status.success() {
        return Err(Error::Command {
            command: process::shown(command),
            status,
            output: format!("\n{}", read(output)),
        });
    }
    Ok(Sample {
        seconds,
        peak_mebibytes,
    })
}

fn read(mut file: std::fs::File) -> String {
    use std::io::{Read, Seek};
    let mut text = Vec::new();
    // The output is an extra to an error that is reported anyway.
    let _ = file.rewind().and_then(|()| file.read_to_end(&mut text));
    String::from_utf8_lossy(&text).trim_end().to_owned()
}

fn peak_mebibytes(status: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes / 1024.0)
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
    fn a_run_is_timed_and_its_memory_read() {
        let sample = run(Command::new("sleep").arg("0.05")).unwrap();
        assert!(sample.seconds >= 0.05);
        assert!(sample.peak_mebibytes > 0.1);
        let error = run(Command::new("sh").args(["-c", "echo why; exit 2"])).unwrap_err();
        assert!(error.to_string().ends_with("exit status: 2\nwhy"));
    }
}
