//! The capability *log*: what a step tells the person who watches it. It needs no permission.

use crate::component::bindings::stepyard::step::log::{Host, Level};
use crate::component::state::RunState;
use crate::event::{EventKind, LogLevel, cut, printable};

impl Host for RunState {
    fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        let message = cut(message);
        if self.may_log(message.len()) {
            self.reporter().log(level, message);
        }
        Ok(())
    }

    fn begin_phase(&mut self, name: String) -> wasmtime::Result<()> {
        let name = printable(&cut(name)).replace('\n', " ");
        if self.may_log(name.len()) {
            self.reporter().report(EventKind::PhaseStarted { name });
        }
        Ok(())
    }
}

impl RunState {
    /// Counts a line against the limit of output, and says once when it is reached.
    fn may_log(&mut self, bytes: usize) -> bool {
        // An empty line costs its event all the same.
        if !self.events.take(self.reporter()) {
            return false;
        }
        match self.loggable.checked_sub(bytes.saturating_add(16)) {
            Some(rest) => {
                self.loggable = rest;
                true
            }
            None => {
                if self.loggable > 0 {
                    self.reporter().log(
                        LogLevel::Warn,
                        "the step logs more than its limit of output; the rest is dropped",
                    );
                }
                self.loggable = 0;
                false
            }
        }
    }
}
