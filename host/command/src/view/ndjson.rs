//! Events as JSON, one object a line.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use stepyard::event::{Event, EventSink};

use super::text::{json_without_commands, write_error};
use super::{RunSummary, View};

/// Writes each event as a line of JSON.
pub(super) struct NdjsonView<W> {
    /// None once nobody reads any more.
    output: Mutex<Option<W>>,
}

impl<W: Write + Send> NdjsonView<W> {
    pub(super) fn new(output: W) -> Self {
        Self {
            output: Mutex::new(Some(output)),
        }
    }
}

impl<W: Write + Send> EventSink for NdjsonView<W> {
    fn emit(&self, event: Event) {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(writer) = output.as_mut() else {
            return;
        };
        let written = serde_json::to_string(&event)
            .map_err(io::Error::from)
            .and_then(|line| {
                writeln!(writer, "{}", json_without_commands(&line))?;
                writer.flush()
            });
        if let Err(error) = written {
            *output = None;
            // Who closes a pipe has seen enough; anything else is worth a word.
            if error.kind() != io::ErrorKind::BrokenPipe {
                write_error(&format!("the events cannot be written any more: {error}"));
            }
        }
    }
}

impl<W: Write + Send> View for NdjsonView<W> {
    fn finish(&self) {}

    fn summary(&self, _summary: &RunSummary) {}
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use stepyard::event::{LogLevel, Reporter};

    use super::*;

    #[test]
    fn one_object_a_line() {
        let view = Arc::new(NdjsonView::new(Vec::new()));
        let reporter = Reporter::new(view.clone(), "build");
        reporter.log(LogLevel::Info, "first\nsecond");
        reporter.log(LogLevel::Debug, "third");
        let output = view.output.lock().unwrap().take().unwrap();
        let messages: Vec<String> = String::from_utf8(output)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|event| event["message"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(messages, ["first\nsecond", "third"]);
    }

    #[test]
    fn no_line_is_a_command_of_a_ci_system() {
        for text in [
            "##vso[task.setvariable variable=a]b",
            "###[error]x",
            "####",
            "::error::x",
        ] {
            let view = Arc::new(NdjsonView::new(Vec::new()));
            Reporter::new(view.clone(), "build").log(LogLevel::Info, text);
            let output = view.output.lock().unwrap().take().unwrap();
            let line = String::from_utf8(output).unwrap();
            assert!(line.starts_with('{') && !line.contains("##"), "{line}");
            let event: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(event["message"], text);
        }
    }

    /// A pipe whose reader is gone, which counts the attempts to write.
    struct ClosedPipe(Arc<AtomicUsize>);

    impl Write for ClosedPipe {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_written_to_once() {
        let attempts = Arc::new(AtomicUsize::new(0));
        let view = Arc::new(NdjsonView::new(ClosedPipe(attempts.clone())));
        let reporter = Reporter::new(view, "build");
        reporter.log(LogLevel::Info, "first");
        reporter.log(LogLevel::Info, "second");
        assert_eq!(attempts.load(Ordering::Relaxed), 1);
    }
}
