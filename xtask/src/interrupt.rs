//! Ctrl-C and termination: the running command is told, then the task ends by itself, so that every
//! service is stopped on the way out.
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::error::{Doing, Error, Result};

#[derive(Default)]
struct State {
    interrupted: bool,
    /// The process groups of the commands that run now.
    running: Vec<Pid>,
}

static STATE: Mutex<State> = Mutex::new(State {
    interrupted: false,
    running: Vec::new(),
});
static CHANGED: Condvar = Condvar::new();

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts to listen. Call once, before any command is run.
pub(crate) fn watch() -> Result<()> {
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).doing(|| "listening for signals".into())?;
    std::thread::spawn(move || {
        for _ in signals.forever() {
            let mut state = state();
            state.interrupted = true;
            for group in &state.running {
                // The group may have ended a moment ago; then there is nobody to tell.
                let _ = kill_process_group(*group, Signal::TERM);
            }
            CHANGED.notify_all();
        }
    });
    Ok(())
}

/// Fails once an interrupt has come.
pub(crate) fn check() -> Result<()> {
    if state().interrupted {
        return Err(Error::Interrupted);
    }
    Ok(())
}

/// Waits for an interrupt.
pub(crate) fn wait() {
    let mut state = state();
    while !state.interrupted {
        state = CHANGED.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Names a process group that an interrupt ends, until the result is dropped.
pub(crate) fn ends(group: u32) -> Running {
    let mut state = state();
    let group = i32::try_from(group).ok().and_then(Pid::from_raw);
    state.running.extend(group);
    if let (true, Some(group)) = (state.interrupted, group) {
        let _ = kill_process_group(group, Signal::TERM);
    }
    Running(group)
}

/// See [`ends`].
pub(crate) struct Running(Option<Pid>);

impl Drop for Running {
    fn drop(&mut self) {
        state().running.retain(|group| Some(*group) != self.0);
    }
}
