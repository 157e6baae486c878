//! What a process and its descendants have used, as proc(5) tells.
use std::fs;
use std::path::Path;

/// Clock ticks in a second as user space sees them, on every architecture that Debian has Docker for.
const TICKS: f64 = 100.0;

/// CPU seconds so far of the process and of every descendant, those included that have ended and were
/// waited for. Of a process that is gone, 0.
pub(crate) fn cpu_seconds(process: u32) -> f64 {
    tree(process)
        .iter()
        .filter_map(|process| fs::read_to_string(format!("/proc/{process}/stat")).ok())
        .filter_map(|stat| ticks(&stat))
        .sum::<f64>()
        / TICKS
}

/// The most memory that the process and its descendants of now have each had resident, added up, in MiB.
pub(crate) fn peak_mebibytes(process: u32) -> f64 {
    tree(process)
        .iter()
        .filter_map(|process| fs::read_to_string(format!("/proc/{process}/status")).ok())
        .filter_map(|status| high_water_mark(&status))
        .sum()
}

/// The process and its descendants.
fn tree(process: u32) -> Vec<u32> {
    let mut found = vec![process];
    let mut next = 0;
    while let Some(process) = found.get(next) {
        let children = children(*process);
        found.extend(children);
        next += 1;
    }
    found
}

/// A child belongs to the thread that has started it.
fn children(process: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    let read = |thread: &Path| fs::read_to_string(thread.join("children")).unwrap_or_default();
    threads
        .into_iter()
        .flatten()
        .flatten()
        .flat_map(|thread| {
            read(&thread.path())
                .split_whitespace()
                .filter_map(|child| child.parse().ok())
                .collect::<Vec<u32>>()
        })
        .collect()
}

/// The process's user and system time and that of children waited for: the fields 14 to 17, counted
/// after the name, which stands in brackets and may hold anything.
fn ticks(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let times: Vec<f64> = fields
        .split_whitespace()
        .skip(11)
        .take(4)
        .filter_map(|field| field.parse().ok())
        .collect();
    (times.len() == 4).then(|| times.iter().sum())
}

fn high_water_mark(status: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes / 1024.0)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn times_are_read_after_any_name() {
        let stat = "7 (a) b 1) S 1 7 7 0 -1 4194304 101 0 0 0 10 20 300 4000 20 0 1 0 1 2 3";
        assert_eq!(ticks(stat), Some(4330.0));
        assert_eq!(ticks("7 (a) S 1"), None);
    }

    #[test]
    fn descendants_count() {
        let mut shell = Command::new("sh")
            .args(["-c", "sh -c 'read line; :'; :"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        while tree(shell.id()).len() < 2 {
            std::thread::yield_now();
        }
        assert!(peak_mebibytes(shell.id()) > 0.1);
        drop(shell.stdin.take());
        shell.wait().unwrap();
    }
}
