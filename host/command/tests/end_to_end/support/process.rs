//! Processes of this machine, as proc(5) shows them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// Polls until `found` returns something.
pub(crate) fn await_for<T>(what: &str, limit: Duration, mut found: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(started.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Sends a signal, such as `INT`, to a process.
pub(crate) fn signal(name: &str, pid: u32) {
    let status = Command::new("kill")
        .args([format!("-{name}"), pid.to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// The folders in /proc of the processes that run.
fn processes() -> impl Iterator<Item = PathBuf> {
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok())
        .map(|entry| entry.path())
}

/// Whether a process whose arguments are exactly these runs.
pub(crate) fn runs(arguments: &[&str]) -> bool {
    let wanted: String = arguments
        .iter()
        .flat_map(|argument| [argument, "\0"])
        .collect();
    processes().any(|process| {
        // A process may end between its listing and its reading.
        fs::read(process.join("cmdline")).is_ok_and(|found| found.ends_with(wanted.as_bytes()))
    })
}

/// The processes below `pid`, whole generations deep.
pub(crate) fn descendants(pid: u32) -> Vec<PathBuf> {
    let parents: Vec<(u32, u32, PathBuf)> = processes()
        .filter_map(|process| {
            let stat = fs::read_to_string(process.join("stat")).ok()?;
            // The name, in brackets, may hold anything.
            let (head, rest) = stat.rsplit_once(')')?;
            let parent = rest.split_whitespace().nth(1)?.parse().ok()?;
            let own = head.split(' ').next()?.parse().ok()?;
            Some((own, parent, process))
        })
        .collect();
    let mut family = vec![pid];
    let mut found = Vec::new();
    while let Some(parent) = family.pop() {
        for (own, _, process) in parents.iter().filter(|(_, of, _)| *of == parent) {
            family.push(*own);
            found.push(process.clone());
        }
    }
    found
}
