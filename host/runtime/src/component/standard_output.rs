//! What a component prints: split into lines, bounded, and passed on as events.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::event::{OutputSource, Reporter};

/// A line that is longer is passed on in pieces of this size.
const LONGEST_LINE: usize = 16 << 10;

/// How much of the end is kept to explain a failure.
const LONGEST_TAIL: usize = 4 << 10;

/// Standard output or standard error of one run. Writing never fails and never waits: what is
/// over the limit is counted and dropped, because a guest's `println!` panics on an error.
#[derive(Clone)]
pub(crate) struct StandardOutput {
    shared: Arc<Mutex<Lines>>,
}

struct Lines {
    reporter: Reporter,
    source: OutputSource,
    remaining: usize,
    dropped: u64,
    line: Vec<u8>,
    tail: Vec<u8>,
}

impl StandardOutput {
    pub(crate) fn new(reporter: Reporter, source: OutputSource, limit: usize) -> Self {
        Self {
            shared: Arc::new(Mutex::new(Lines {
                reporter,
                source,
                remaining: limit,
                dropped: 0,
                line: Vec::new(),
                tail: Vec::new(),
            })),
        }
    }

    /// Passes on the last line, and returns the end of what was printed and how many bytes were
    /// dropped.
    pub(crate) fn finish(&self) -> (String, u64) {
        let mut lines = self.lock();
        lines.end_line();
        (
            String::from_utf8_lossy(&lines.tail).into_owned(),
            lines.dropped,
        )
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Lines> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn take(&mut self, bytes: &[u8]) {
        self.keep_tail(bytes);
        let kept = bytes.len().min(self.remaining);
        self.remaining -= kept;
        self.dropped += (bytes.len() - kept) as u64;
        for &byte in bytes.iter().take(kept) {
            if byte == b'\n' {
                self.end_line();
            } else {
                self.line.push(byte);
                if self.line.len() == LONGEST_LINE {
                    self.end_line();
                }
            }
        }
    }

    fn end_line(&mut self) {
        if !self.line.is_empty() {
            let line = std::mem::take(&mut self.line);
            self.reporter
                .output(self.source, &String::from_utf8_lossy(&line));
        }
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
        Ok(LONGEST_LINE)
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
        let mut output = StandardOutput::new(reporter, OutputSource::Stderr, 10);
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
    fn a_line_without_end_does_not_fill_the_memory() {
        let (sink, mut events) = channel();
        let reporter = Reporter::new(Arc::new(sink), "s");
        let mut output = StandardOutput::new(reporter, OutputSource::Stdout, usize::MAX);
        for _ in 0..100 {
            output.write(Bytes::from(vec![b'x'; 1000])).unwrap();
        }
        assert!(output.lock().line.capacity() <= 2 * LONGEST_LINE);
        assert!(events.try_recv().is_ok());
    }
}
