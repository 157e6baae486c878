//! Keeps one service: a process between the task and the service that outlives the task by as long as
//! it takes to stop the service and to remove what it leaves behind.
//!
//! The keeper's standard input is a pipe from the task. However the task ends, even by SIGKILL, the
//! pipe closes, and that is the keeper's sign. It sits in a process group of its own, so that Ctrl-C in
//! a terminal does not end it first.
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use clap::Args;
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::error::{Doing, Error, Result};
use crate::{interrupt, paths, process};

/// How long a service may take to stop by itself.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a service may take until it answers.
const START_TIMEOUT: Duration = Duration::from_secs(60);
const LOG_LINES_SHOWN: usize = 30;

/// How many services this task has started.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// What to run, and what to remove afterwards.
#[derive(Args, Clone, Default)]
pub(crate) struct Options {
    /// The file that the service's output is written to
    #[arg(long)]
    log: PathBuf,
    /// A folder to delete at the end, with all that is mounted in it
    #[arg(long)]
    remove: Vec<PathBuf>,
    /// A network bridge to make first and to delete at the end, as NAME=ADDRESS/BITS
    #[arg(long)]
    bridge: Option<String>,
    #[arg(last = true, required = true)]
    command: Vec<std::ffi::OsString>,
}

/// A running service; dropping it stops the service and waits until it is gone.
pub(crate) struct Kept {
    name: String,
    log: PathBuf,
    keeper: Child,
}

impl Kept {
    /// Starts the service's command, its output going to `target/xtask/NAME-PID-NUMBER.log`, a file of
    /// its own for each service that this task starts.
    pub(crate) fn start(
        name: &str,
        command: &Command,
        remove: &[&Path],
        bridge: Option<&str>,
    ) -> Result<Self> {
        interrupt::check()?;
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let log = paths::tasks().join(format!("{name}-{}-{number}.log", std::process::id()));
        fs::create_dir_all(paths::tasks()).doing(|| "making target/xtask".into())?;
        // The link to the own program holds even when the file has been rebuilt since.
        let mut keeper = Command::new("/proc/self/exe");
        keeper.arg0("xtask").arg("keep").arg("--log").arg(&log);
        for folder in remove {
            keeper.arg("--remove").arg(folder);
        }
        if let Some(bridge) = bridge {
            keeper.args(["--bridge", bridge]);
        }
        keeper
            .arg("--")
            .arg(command.get_program())
            .args(command.get_args())
            .stdin(Stdio::piped())
            .process_group(0);
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                keeper.env(name, value);
            }
        }
        let keeper = keeper.spawn().doing(|| format!("starting {name}"))?;
        Ok(Self {
            name: name.to_owned(),
            log,
            keeper,
        })
    }

    /// Waits until `probe`, given the service's log, finds it ready; returns what it found.
    pub(crate) fn until_ready<T>(&mut self, mut probe: impl FnMut(&str) -> Option<T>) -> Result<T> {
        let started = Instant::now();
        loop {
            interrupt::check()?;
            if let Some(found) = probe(&self.log()) {
                return Ok(found);
            }
            let ended = self
                .keeper
                .try_wait()
                .doing(|| format!("waiting for {}", self.name))?;
            if ended.is_some() {
                return Err(self.not_started("it ended".into()));
            }
            if started.elapsed() > START_TIMEOUT {
                let reason = format!("no answer within {} s", START_TIMEOUT.as_secs());
                return Err(self.not_started(reason));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What the service has written so far.
    fn log(&self) -> String {
        fs::read(&self.log).map_or_else(
            |_| String::new(),
            |log| String::from_utf8_lossy(&log).into_owned(),
        )
    }

    fn not_started(&self, reason: String) -> Error {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines
            .split_at(lines.len().saturating_sub(LOG_LINES_SHOWN))
            .1;
        Error::Service {
            service: self.name.clone(),
            reason,
            log: self.log.clone(),
            tail: tail.join("\n"),
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // A keeper that cannot be awaited is gone already.
        let _ = self.keeper.wait();
    }
}

/// What ends a keeper's wait.
enum Event {
    Stop,
    Ended,
}

/// The keeper's own task: runs the service until `task`, the pipe from the task, closes or the service
/// ends, then cleans up. Fails where the service ended by itself, or something could not be removed; only then the log
/// is left.
pub(crate) fn keep(options: &Options, task: impl Read + Send + 'static) -> Result<()> {
    let outcome = serve(options, task);
    let removed: Result<Vec<()>> = options.remove.iter().map(|folder| remove(folder)).collect();
    let unbridged = options.bridge.as_deref().map_or(Ok(()), remove_bridge);
    outcome.and(removed.map(|_| ())).and(unbridged)?;
    fs::remove_file(&options.log).doing(|| format!("deleting {}", options.log.display()))
}

fn serve(options: &Options, mut task: impl Read + Send + 'static) -> Result<()> {
    if let Some(bridge) = &options.bridge {
        make_bridge(bridge)?;
    }
    let Some((program, arguments)) = options.command.split_first() else {
        return Err(Error::Unmet("no command to keep".into()));
    };
    let doing = || format!("keeping {}", program.display());
    let log = File::create(&options.log).doing(doing)?;
    let (events, next) = mpsc::channel();
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).doing(doing)?;
    let mut service = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log.try_clone().doing(doing)?)
        .stderr(log)
        .process_group(0)
        .spawn()
        .doing(doing)?;
    let pid = i32::try_from(service.id()).ok().and_then(Pid::from_raw);

    let (on_signal, on_close, on_end) = (events.clone(), events.clone(), events);
    std::thread::spawn(move || {
        signals
            .forever()
            .try_for_each(|_| on_signal.send(Event::Stop))
    });
    std::thread::spawn(move || {
        // Nothing is ever written to the pipe; reading it ends when the task does.
        let _ = task.read_to_end(&mut Vec::new());
        on_close.send(Event::Stop)
    });
    std::thread::spawn(move || {
        let _ = service.wait();
        on_end.send(Event::Ended)
    });

    let outcome = match next.recv() {
        Ok(Event::Ended) => Err(Error::Unmet(format!(
            "{} ended by itself",
            program.display()
        ))),
        _ => {
            if let Some(pid) = pid {
                // The service itself is told first: a Docker Engine stops its own children in order.
                let _ = kill_process(pid, Signal::TERM);
            }
            wait_for_end(&next);
            Ok(())
        }
    };
    if let Some(pid) = pid {
        let _ = kill_process_group(pid, Signal::KILL);
    }
    outcome
}

fn wait_for_end(next: &mpsc::Receiver<Event>) {
    let deadline = Instant::now() + STOP_TIMEOUT;
    while let Ok(Event::Stop) =
        next.recv_timeout(deadline.saturating_duration_since(Instant::now()))
    {}
}

fn make_bridge(bridge: &str) -> Result<()> {
    let (name, address) = bridge
        .split_once('=')
        .ok_or_else(|| Error::Unmet(format!("expected NAME=ADDRESS/BITS, got {bridge}")))?;
    ip(&["link", "add", "name", name, "type", "bridge"])?;
    ip(&["address", "add", address, "dev", name])?;
    ip(&["link", "set", name, "up"])
}

fn remove_bridge(bridge: &str) -> Result<()> {
    let name = bridge.split('=').next().unwrap_or(bridge);
    ip(&["link", "delete", name])
}

fn ip(arguments: &[&str]) -> Result<()> {
    process::output(Command::new("ip").args(arguments)).map(|_| ())
}

/// Deletes the folder, after unmounting what is mounted in it.
fn remove(folder: &Path) -> Result<()> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    for mount in mounts_within(&mounts, folder) {
        unmount(&mount, UnmountFlags::DETACH)
            .doing(|| format!("unmounting {}", mount.display()))?;
    }
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).doing(|| format!("deleting {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// The mount points within a folder, the innermost first. `mounts` is in mountinfo's form (proc(5)),
/// its fifth field being the mount point; later lines are mounted upon earlier ones.
fn mounts_within(mounts: &str, folder: &Path) -> Vec<PathBuf> {
    mounts
        .lines()
        .rev()
        .filter_map(|line| line.split(' ').nth(4))
        .map(|point| PathBuf::from(point.replace("\\040", " ")))
        .filter(|point| point.starts_with(folder))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_found_innermost_first() {
        let mounts = "1 0 8:1 / / rw - ext4 /dev/sda rw\n\
                      2 1 0:9 / /a/b\\040c/netns rw - nsfs nsfs rw\n\
                      3 1 0:9 / /a/b\\040cd rw - nsfs nsfs rw\n\
                      4 2 0:9 / /a/b\\040c/netns/x rw - nsfs nsfs rw\n";
        assert_eq!(
            mounts_within(mounts, Path::new("/a/b c")),
            [Path::new("/a/b c/netns/x"), Path::new("/a/b c/netns")]
        );
    }

    fn options(folder: &Path, script: &str) -> Options {
        fs::create_dir(folder.join("data")).unwrap();
        Options {
            log: folder.join("log"),
            remove: vec![folder.join("data")],
            bridge: None,
            command: vec!["sh".into(), "-c".into(), script.into()],
        }
    }

    #[test]
    fn a_service_that_ends_by_itself_is_an_error_and_leaves_only_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let (task, _writer) = std::io::pipe().unwrap();
        let error = keep(&options(folder.path(), "echo reason"), task).unwrap_err();
        assert_eq!(error.to_string(), "sh ended by itself");
        assert!(!folder.path().join("data").exists());
        let log = fs::read_to_string(folder.path().join("log")).unwrap();
        assert_eq!(log, "reason\n");
    }

    #[test]
    fn a_service_is_stopped_when_the_task_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let (task, writer) = std::io::pipe().unwrap();
        drop(writer);
        keep(&options(folder.path(), "exec sleep 600"), task).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
