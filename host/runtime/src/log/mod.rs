//! The capability *log*: what a step tells the person who watches it. It needs no permission.

use crate::component::bindings::stepyard::step::log::{Host, Level};
use crate::component::state::RunState;
use crate::event::{EventKind, LogLevel, printable};

/// The longest text of one call, in bytes; more is cut off.
const LONGEST_MESSAGE: usize = 64 << 10;

impl Host for RunState {
    fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        self.reporter().log(level, cut(message));
        Ok(())
    }

    fn begin_phase(&mut self, name: String) -> wasmtime::Result<()> {
        let name = printable(&cut(name)).replace('\n', " ");
        self.reporter().report(EventKind::PhaseStarted { name });
        Ok(())
    }
}

fn cut(mut text: String) -> String {
    if text.len() > LONGEST_MESSAGE {
        text.truncate(text.floor_char_boundary(LONGEST_MESSAGE));
        text.push('…');
    }
    text
}
