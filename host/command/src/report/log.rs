//! What was said, kept on disk until the page is written.

use std::fs::File;
use std::io::{self, BufWriter, Seek as _, Write};

use stepyard::event::{Event, EventKind, LogLevel, OutputSource};
use time::OffsetDateTime;

use super::escape::Escaped;
use super::timeline::offset;

/// The most lines of a page: a browser must still open it.
const MOST_LINES: usize = 50_000;

/// The lines, each as a row of the page's table.
pub(super) struct Log {
    rows: BufWriter<File>,
    pub(super) lines: usize,
    pub(super) left_out: usize,
    failed: Option<io::Error>,
}

impl Log {
    pub(super) fn create() -> io::Result<Self> {
        Ok(Self {
            rows: BufWriter::new(tempfile::tempfile()?),
            lines: 0,
            left_out: 0,
            failed: None,
        })
    }

    /// Notes a line.
    pub(super) fn note(&mut self, event: &Event, begin: OffsetDateTime) {
        let (class, text) = match &event.kind {
            EventKind::Log { level, message } => (class(*level), message),
            EventKind::Output { source, line } => match source {
                OutputSource::Build => ("build", line),
                OutputSource::Stdout | OutputSource::Stderr => ("printed", line),
            },
            _ => return,
        };
        if self.lines >= MOST_LINES {
            self.left_out += 1;
            return;
        }
        self.lines += 1;
        let written = writeln!(
            self.rows,
            "<tr class=\"{class}\"><td>{}<td>{}<td>{}",
            offset(begin, event.time),
            Escaped(&event.step),
            Escaped(text)
        );
        if let Err(error) = written {
            self.failed.get_or_insert(error);
        }
    }

    /// Copies the rows.
    pub(super) fn copy(&mut self, output: &mut impl Write) -> io::Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.rows.flush()?;
        let file = self.rows.get_mut();
        file.rewind()?;
        io::copy(file, output).map(drop)
    }
}

const fn class(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    }
}
