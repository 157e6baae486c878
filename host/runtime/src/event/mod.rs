//! What a run tells the one who watches it, as typed events.
//!
//! As JSON (`stepyard run --events ndjson`) an event is one object with `time` (RFC 3339), `step`
//! (the step's identifier) and `event` (the kind's name), beside the fields of the kind.

mod lines;
mod printable;
mod reporter;

use std::sync::Arc;

use serde::Serialize;
use time::OffsetDateTime;

use crate::capability::CapabilityError;
use crate::outcome::PushedImage;

pub(crate) use lines::Lines;
pub(crate) use printable::cut;
pub use printable::printable;
pub use reporter::Reporter;

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
    /// Work on a vertex of the build's graph begins, or its result is found in the cache: an
    /// instruction of the Dockerfile, the transfer of a folder, an export.
    VertexStarted {
        /// Counts the vertices of the build from 1.
        vertex: u64,
        /// What a person knows it by, such as `[builder 2/4] RUN make`, without control characters.
        name: String,
    },
    /// The vertex has ended. One that has no such event was still worked on when the build ended.
    VertexFinished {
        /// The number of the [`EventKind::VertexStarted`].
        vertex: u64,
        /// Whether nothing had to be done.
        cached: bool,
        /// How long it took by the engine's clock, in milliseconds, where it says so.
        #[serde(skip_serializing_if = "Option::is_none")]
        milliseconds: Option<u64>,
        /// Why it failed, where it did, without control characters.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
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
        /// The rules that decided; without it, no rule permits the call.
        #[serde(skip_serializing_if = "Option::is_none")]
        rule: Option<String>,
        /// Whether it is made all the same, because the policy only observes.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        observed: bool,
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
        /// How many calls were made that the policy denies, because it only observes.
        #[serde(skip_serializing_if = "is_zero")]
        would_be_denied: u64,
        /// The head of the audit log, where there is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        audit: Option<String>,
    },
}

fn is_zero(number: &u64) -> bool {
    *number == 0
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
