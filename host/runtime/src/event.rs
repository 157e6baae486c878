//! What a run tells the one who watches it, as typed events.
//!
//! As JSON (`stepyard run --events ndjson`) an event is one object with `time` (RFC 3339), `step`
//! (the step's identifier) and `event` (the kind's name), beside the fields of the kind.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::Serialize;
use stepyard_buildkit::RateMeter;
use time::OffsetDateTime;

use crate::capability::CapabilityError;
use crate::outcome::PushedImage;

/// The most layers at once whose rates are measured.
const MOST_METERS: usize = 1_000;

/// One event of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// When it happened.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
    /// The identifier of the step that it belongs to.
    pub step: Arc<str>,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, Serialize)]
#[serde(
    tag = "event",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum EventKind {
    /// The component is about to be called.
    StepStarted {
        /// The component's name.
        component: String,
        /// The digest of the component's bytes.
        digest: String,
    },
    /// A new part of the work begins; the one before it has ended.
    PhaseStarted {
        /// Such as `Push`.
        name: String,
    },
    /// A line that the step or the host logs.
    Log {
        /// How important it is.
        level: LogLevel,
        /// The text, without control characters.
        message: String,
    },
    /// A line of output.
    Output {
        /// Where it comes from.
        source: OutputSource,
        /// The text, without its line end and without control characters.
        line: String,
    },
    /// How much of the build context the engine has received.
    ContextProgress {
        /// Files so far.
        files: u64,
        /// Bytes so far.
        bytes: u64,
        /// Bytes a second lately, where known.
        #[serde(skip_serializing_if = "Option::is_none")]
        rate: Option<u64>,
        /// Whether that was all.
        complete: bool,
    },
    /// Progress of one layer on its way from or to a registry.
    LayerProgress {
        /// A short name of the layer, unique within the transfer.
        layer: String,
        /// What happens to it.
        state: LayerState,
        /// Bytes so far.
        current: u64,
        /// Bytes in all, where known.
        #[serde(skip_serializing_if = "Option::is_none")]
        total: Option<u64>,
        /// Bytes a second lately, where known.
        #[serde(skip_serializing_if = "Option::is_none")]
        rate: Option<u64>,
    },
    /// A capability call begins: the policy has decided.
    CallStarted {
        /// Counts the calls of a run from 1.
        call: u64,
        /// The action, such as `push`.
        action: &'static str,
        /// What it acts on, for a person.
        resource: String,
        /// Whether the policy permits it.
        permitted: bool,
        /// The rule that decided.
        rule: String,
    },
    /// A permitted capability call has ended.
    CallFinished {
        /// The number of the [`EventKind::CallStarted`].
        call: u64,
        /// How long it took, in milliseconds.
        milliseconds: u64,
        /// Why it failed, where it did.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<CapabilityError>,
    },
    /// An image is in the registry under this tag, verified.
    ImagePushed(PushedImage),
    /// The step has ended.
    StepFinished {
        /// How.
        status: StepStatus,
        /// How long it took, in milliseconds.
        milliseconds: u64,
        /// Why it did not succeed, for a person.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
}

/// How important a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// Shown when asked for.
    Debug,
    /// Shown.
    Info,
    /// The person should look at it, though the step goes on.
    Warn,
    /// Makes the step fail.
    Error,
}

/// Where a line of output comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputSource {
    /// The component's standard output.
    Stdout,
    /// The component's standard error.
    Stderr,
    /// The build engine.
    Build,
}

/// What happens to a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayerState {
    /// It waits for its turn.
    Waiting,
    /// It travels to the registry.
    Uploading,
    /// It travels from the registry.
    Downloading,
    /// The registry had it already.
    Exists,
    /// It has arrived.
    Done,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepStatus {
    /// It did what its settings ask for.
    Succeeded,
    /// It failed.
    Failed,
    /// The policy denied a call, and the step failed because of it.
    Denied,
    /// Its time limit was reached.
    TimedOut,
    /// It was interrupted.
    Interrupted,
    /// It was not run.
    Skipped,
}

/// Receives the events of runs. An embedder brings its own, or uses [`channel`].
///
/// `emit` is called from within the run and must not block.
pub trait EventSink: Send + Sync {
    /// Takes one event.
    fn emit(&self, event: Event);
}

/// A sink that puts events into a channel, and the stream of what was put there.
pub fn channel() -> (ChannelSink, tokio::sync::mpsc::UnboundedReceiver<Event>) {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    (ChannelSink(sender), receiver)
}

/// The sink of [`channel`].
#[derive(Clone, Debug)]
pub struct ChannelSink(tokio::sync::mpsc::UnboundedSender<Event>);

impl EventSink for ChannelSink {
    fn emit(&self, event: Event) {
        // A receiver that is gone has no interest in events any more.
        let _ = self.0.send(event);
    }
}

/// A sink for those who do not watch.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEvents;

impl EventSink for NoEvents {
    fn emit(&self, _event: Event) {}
}

/// Emits the events of one step. Cheap to clone; backends get one with each call.
#[derive(Clone)]
pub struct Reporter {
    sink: Arc<dyn EventSink>,
    step: Arc<str>,
    /// Of the layers that move, and of the context, which has no name.
    meters: Arc<Mutex<HashMap<String, RateMeter>>>,
}

impl Reporter {
    /// A reporter for the step with this identifier.
    pub fn new(sink: Arc<dyn EventSink>, step: impl Into<Arc<str>>) -> Self {
        Self {
            sink,
            step: step.into(),
            meters: Arc::default(),
        }
    }

    /// The identifier of the step.
    pub fn step(&self) -> &Arc<str> {
        &self.step
    }

    /// Emits an event that happens now.
    pub fn report(&self, kind: EventKind) {
        self.sink.emit(Event {
            time: OffsetDateTime::now_utc(),
            step: self.step.clone(),
            kind,
        });
    }

    /// Emits how much of the context was sent, with the rate.
    pub(crate) fn context(&self, files: u64, bytes: u64, complete: bool) {
        let rate = self.rate("", bytes, !complete);
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

impl std::fmt::Debug for Reporter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Reporter")
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}

/// `text` without what could move a terminal's cursor or forge a log line: ANSI escape sequences
/// and control characters except newline and tab are left out.
pub fn printable(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => skip_escape_sequence(&mut characters),
            '\n' | '\t' => result.push(character),
            _ if character.is_control() => {}
            // Characters that reorder or hide text on a terminal.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            _ => result.push(character),
        }
    }
    result
}

/// Passes over the rest of an escape sequence (ECMA-48: `CSI` parameters and final byte, `OSC` up
/// to its terminator, or a single character).
fn skip_escape_sequence(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match characters.next() {
        Some('[') => {
            for character in characters.by_ref() {
                if ('\u{40}'..='\u{7e}').contains(&character) {
                    break;
                }
            }
        }
        Some(']') => {
            while let Some(character) = characters.next() {
                if character == '\u{7}' {
                    break;
                }
                if character == '\u{1b}' {
                    characters.next();
                    break;
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn escape_sequences_and_control_characters_are_left_out() {
        assert_eq!(printable("\u{1b}[31mred\u{1b}[0m\r\u{8}"), "red");
        assert_eq!(printable("\u{1b}]0;title\u{7}text"), "text");
        assert_eq!(printable("\u{1b}]8;;x\u{1b}\\link"), "link");
        assert_eq!(printable("a\tb\nc\u{202e}d"), "a\tb\ncd");
    }
}
