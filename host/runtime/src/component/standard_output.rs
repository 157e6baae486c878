//! What a component prints: split into lines, bounded, and passed on as events.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use super::event_budget::EventBudget;
use crate::event::{Lines, OutputSource, Reporter};

/// How much a guest may write at once.
const LONGEST_WRITE: usize = 16 << 10;

/// How much of the end is kept to explain a failure.
const LONGEST_TAIL: usize = 4 << 10;

/// Standard output or standard error of one run. Writing never fails and never waits: what is
/// over the limit is counted and dropped, because a guest's `println!` panics on an error.
#[derive(Clone)]
pub(crate) struct StandardOutput {
    shared: Arc<Mutex<Printed>>,
}

struct Printed {
    reporter: Reporter,
    events: EventBudget,
    source: OutputSource,
    remaining: usize,
    dropped: u64,
    lines: Lines,
    tail: Vec<u8>,
}

impl StandardOutput {
    pub(crate) fn new(
        reporter: Reporter,
        source: OutputSource,
        limit: usize,
        events: EventBudget,
    ) -> Self {
        Self {
            shared: Arc::new(Mutex::new(Printed {
                lines: Lines::new(reporter.mask()),
                reporter,
                events,
                source,
                remaining: limit,
                dropped: 0,
                tail: Vec::new(),
            })),
        }
    }

    /// Passes on the last line, and returns the end of what was printed and how many bytes were
    /// dropped.
    pub(crate) fn finish(&self) -> (String, u64) {
        let printed = &mut *self.lock();
        if printed.dropped > 0 {
            printed.lines.end_early();
        }
        let (reporter, events, source) = (&printed.reporter, &printed.events, printed.source);
        printed.lines.finish(|line| {
            if events.take(reporter) {
                reporter.output(source, line);
            }
        });
        (
            String::from_utf8_lossy(&printed.tail).into_owned(),
            printed.dropped,
        )
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Printed> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Printed {
    fn take(&mut self, bytes: &[u8]) {
        self.keep_tail(bytes);
        let kept = bytes.len().min(self.remaining);
        self.remaining -= kept;
        self.dropped += (bytes.len() - kept) as u64;
        let (reporter, events, source) = (&self.reporter, &self.events, self.source);
        self.lines
            .write(bytes.get(..kept).unwrap_or_default(), |line| {
                if events.take(reporter) {
                    reporter.output(source, line);
                }
            });
    }

    fn keep_tail(&mut self, bytes: &[u8]) {
        let bytes = bytes
            .get(bytes.len().saturating_sub(LONGEST_TAIL)..)
            .unwrap_or_default();
        let surplus = (self.tail.len() + bytes.len()).saturating_sub(LONGEST_TAIL);
        self.tail.drain(..surplus.min(self.tail.len()));
        self.tail.extend_from_slice(bytes);
    }
}

impl OutputStream for StandardOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.lock().take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(LONGEST_WRITE)
    }
}

#[async_trait::async_trait]
impl Pollable for StandardOutput {
    async fn ready(&mut self) {}
}

impl IsTerminal for StandardOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for StandardOutput {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only interfaces of WASI 0.3 ask for it, and none of them is offered.
        Box::new(tokio::io::sink())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventKind, channel};

    #[test]
    fn what_is_over_the_limit_is_counted_and_dropped() {
        let (sink, mut events) = channel();
        let reporter = Reporter::new(Arc::new(sink), "s");
        let mut output =
            StandardOutput::new(reporter, OutputSource::Stderr, 10, EventBudget::new(100));
        output
            .write(Bytes::from_static(b"one\ntwo\nthree\nfour"))
            .unwrap();
        let (tail, dropped) = output.finish();
        assert_eq!(tail, "one\ntwo\nthree\nfour");
        assert_eq!(dropped, 8);
        let mut lines = Vec::new();
        while let Ok(event) = events.try_recv() {
            if let EventKind::Output { line, .. } = event.kind {
                lines.push(line);
            }
        }
        assert_eq!(lines, ["one", "two", "th"]);
    }

    #[test]
    fn a_limit_shows_no_beginning_of_a_secret() {
        let (sink, mut events) = channel();
        let reporter = Reporter::new(Arc::new(sink), "s");
        reporter.mask().note("hunter2-hunter2");
        let mut output =
            StandardOutput::new(reporter, OutputSource::Stdout, 12, EventBudget::new(100));
        output
            .write(Bytes::from_static(b"is hunter2-hunter2\n"))
            .unwrap();
        output.finish();
        let Ok(EventKind::Output { line, .. }) = events.try_recv().map(|event| event.kind) else {
            panic!("nothing is printed");
        };
        assert_eq!(line, "is ");
    }
}
