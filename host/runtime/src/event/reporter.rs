//! Where all that a run shows passes.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use stepyard_buildkit::RateMeter;
use time::OffsetDateTime;

use super::{Event, EventKind, EventSink, LayerState, LogLevel, OutputSource, printable};
use crate::secret::Mask;

/// The most layers at once whose rates are measured.
const MOST_METERS: usize = 1_000;

/// Emits the events of one step, with every secret that its mask knows left out. Cheap to clone;
/// backends get one with each call.
#[derive(Clone)]
pub struct Reporter {
    sink: Arc<dyn EventSink>,
    step: Arc<str>,
    mask: Mask,
    /// Of the layers that move, and of the context, which has no name.
    meters: Arc<Mutex<HashMap<String, RateMeter>>>,
    /// How many bytes of contexts and layers have travelled.
    transferred: Arc<AtomicU64>,
}

impl Reporter {
    /// A reporter for the step with this identifier, which knows no secret yet. That of a host is
    /// [`crate::Host::reporter`].
    pub fn new(sink: Arc<dyn EventSink>, step: impl Into<Arc<str>>) -> Self {
        Self {
            sink,
            step: step.into(),
            mask: Mask::default(),
            meters: Arc::default(),
            transferred: Arc::default(),
        }
    }

    /// The identifier of the step.
    pub fn step(&self) -> &Arc<str> {
        &self.step
    }

    /// The same, which leaves out the secrets that `mask` knows.
    #[must_use]
    pub fn masking(mut self, mask: Mask) -> Self {
        self.mask = mask;
        self
    }

    /// What is left out. A backend that comes to know a secret notes it here.
    pub fn mask(&self) -> &Mask {
        &self.mask
    }

    /// Emits an event that happens now.
    pub fn report(&self, mut kind: EventKind) {
        kind.apply(&self.mask);
        self.sink.emit(Event {
            time: OffsetDateTime::now_utc(),
            step: self.step.clone(),
            kind,
        });
    }

    /// How many bytes of contexts and layers have travelled, as far as backends tell of it.
    pub(crate) fn transferred(&self) -> u64 {
        self.transferred.load(Ordering::Relaxed)
    }

    /// Emits how much of the context was sent, with the rate.
    pub(crate) fn context(&self, files: u64, bytes: u64, complete: bool) {
        let rate = self.rate("", bytes, !complete);
        if complete {
            self.transferred.fetch_add(bytes, Ordering::Relaxed);
        }
        self.report(EventKind::ContextProgress {
            files,
            bytes,
            rate,
            complete,
        });
    }

    /// Emits the progress of a layer, with the rate.
    pub(crate) fn layer(&self, layer: String, state: LayerState, current: u64, total: Option<u64>) {
        let moves = matches!(state, LayerState::Uploading | LayerState::Downloading);
        if state == LayerState::Done {
            self.transferred.fetch_add(current, Ordering::Relaxed);
        }
        let rate = self.rate(&layer, current, moves);
        self.report(EventKind::LayerProgress {
            layer,
            state,
            current,
            total,
            rate,
        });
    }

    fn rate(&self, name: &str, bytes: u64, moves: bool) -> Option<u64> {
        let mut meters = self.meters.lock().unwrap_or_else(PoisonError::into_inner);
        if !moves {
            meters.remove(name);
            return None;
        }
        if meters.len() == MOST_METERS && !meters.contains_key(name) {
            return None;
        }
        let meter = meters.entry(name.to_owned()).or_default();
        meter.rate(Instant::now(), bytes)
    }

    /// Emits that work on a vertex of a build begins.
    pub(crate) fn vertex_started(&self, vertex: u64, name: &str) {
        self.report(EventKind::VertexStarted {
            vertex,
            name: printable(name),
        });
    }

    /// Emits that a vertex of a build has ended.
    pub(crate) fn vertex_finished(
        &self,
        vertex: u64,
        cached: bool,
        took: Option<Duration>,
        error: Option<&str>,
    ) {
        let milliseconds = took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        self.report(EventKind::VertexFinished {
            vertex,
            cached,
            milliseconds,
            error: error.map(printable),
        });
    }

    /// Emits a log line.
    pub fn log(&self, level: LogLevel, message: impl Into<String>) {
        self.report(EventKind::Log {
            level,
            message: printable(&message.into()),
        });
    }

    /// Emits a line of output.
    pub fn output(&self, source: OutputSource, line: &str) {
        self.report(EventKind::Output {
            source,
            line: printable(line),
        });
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Reporter")
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}

impl EventKind {
    /// Masks every text. Each field is named, so that the compiler asks about a new one.
    fn apply(&mut self, mask: &Mask) {
        match self {
            Self::StepStarted { component, digest } => {
                mask.apply(component);
                mask.apply(digest);
            }
            Self::PhaseStarted { name } => mask.apply(name),
            Self::Log { level: _, message } => mask.apply(message),
            Self::Output { source: _, line } => mask.apply(line),
            Self::VertexStarted { vertex: _, name } => mask.apply(name),
            Self::VertexFinished {
                vertex: _,
                cached: _,
                milliseconds: _,
                error,
            } => {
                if let Some(error) = error {
                    mask.apply(error);
                }
            }
            Self::ContextProgress {
                files: _,
                bytes: _,
                rate: _,
                complete: _,
            } => {}
            Self::LayerProgress {
                layer,
                state: _,
                current: _,
                total: _,
                rate: _,
            } => mask.apply(layer),
            Self::CallStarted {
                call: _,
                action: _,
                resource,
                permitted: _,
                rule,
                observed: _,
            } => {
                mask.apply(resource);
                if let Some(rule) = rule {
                    mask.apply(rule);
                }
            }
            Self::CallFinished {
                call: _,
                milliseconds: _,
                error,
            } => {
                if let Some(error) = error {
                    mask.apply_to_error(error);
                }
            }
            Self::ImagePushed(image) => image.apply(mask),
            Self::StepFinished {
                status: _,
                milliseconds: _,
                error,
                would_be_denied: _,
                audit: _,
            } => {
                if let Some(error) = error {
                    mask.apply(error);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{StepStatus, channel};
    use super::*;
    use crate::capability::CapabilityError;
    use crate::outcome::PushedImage;

    #[test]
    fn no_event_shows_a_secret() {
        let secret = "hunter2-hunter2";
        let text = || format!("a {secret} b");
        let (sink, mut events) = channel();
        let reporter = Reporter::new(Arc::new(sink), "step");
        reporter.mask().note(secret);
        reporter.log(LogLevel::Info, text());
        // What is left out of a text can make a secret whole.
        reporter.output(OutputSource::Build, "a hunter2\u{1b}[0m-hun\u{200e}ter2 b");
        for kind in [
            EventKind::StepStarted {
                component: text(),
                digest: text(),
            },
            EventKind::PhaseStarted { name: text() },
            EventKind::VertexStarted {
                vertex: 1,
                name: text(),
            },
            EventKind::VertexFinished {
                vertex: 1,
                cached: false,
                milliseconds: None,
                error: Some(text()),
            },
            EventKind::LayerProgress {
                layer: text(),
                state: LayerState::Done,
                current: 0,
                total: None,
                rate: None,
            },
            EventKind::CallStarted {
                call: 1,
                action: "push",
                resource: text(),
                permitted: true,
                rule: Some(text()),
                observed: false,
            },
            EventKind::CallFinished {
                call: 1,
                milliseconds: 1,
                error: Some(CapabilityError::invalid(text()).with_hint(text())),
            },
            EventKind::ImagePushed(PushedImage {
                registry: text(),
                repository: text(),
                tag: text(),
                digest: text(),
                size: None,
            }),
            EventKind::StepFinished {
                status: StepStatus::Failed,
                milliseconds: 1,
                error: Some(text()),
                would_be_denied: 0,
                audit: None,
            },
        ] {
            reporter.report(kind);
        }
        drop(reporter);
        let mut seen = 0;
        while let Some(event) = events.blocking_recv() {
            let json = serde_json::to_string(&event).unwrap();
            assert!(json.contains("a *** b"), "{json}");
            assert!(!json.contains("hunter2"), "{json}");
            seen += 1;
        }
        assert_eq!(seen, 11);
    }
}
