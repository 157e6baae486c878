//! From the daemon's status messages to events.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1::{
    StatusResponse, Vertex, VertexLog, VertexStatus, VertexWarning,
};

use super::{Event, SourceExcerpt};

/// How much of a vertex's last output is kept for an error, in bytes.
const KEPT_OUTPUT: usize = 16 << 10;
/// The stream number of standard error.
const STANDARD_ERROR: i64 = 2;

/// What is known of the vertices of one build.
#[derive(Default)]
pub(crate) struct Tracker {
    /// By the daemon's digest of the vertex.
    vertices: HashMap<String, Known>,
    /// Warnings are repeated whenever a stage is built again.
    warned: HashSet<String>,
    failed: Option<FailedVertex>,
}

/// The vertex that failed.
#[derive(Clone, Debug, Default)]
pub(crate) struct FailedVertex {
    pub(crate) name: String,
    pub(crate) output: Vec<u8>,
}

struct Known {
    number: usize,
    name: String,
    started: bool,
    finished: bool,
    output: VecDeque<u8>,
}

impl Tracker {
    /// Takes a message, and hands each event that follows from it to `on_event`.
    pub(crate) fn take(
        &mut self,
        message: StatusResponse,
        on_event: &mut (dyn FnMut(Event) + Send),
    ) {
        for vertex in message.vertexes {
            self.vertex(&vertex, on_event);
        }
        for log in message.logs {
            self.log(log, on_event);
        }
        for status in message.statuses {
            self.progress(status, on_event);
        }
        for warning in message.warnings {
            self.warning(&warning, on_event);
        }
    }

    /// The vertex that made the build fail, if one did.
    pub(crate) fn into_failed(self) -> Option<FailedVertex> {
        self.failed
    }

    fn known(&mut self, digest: &str, name: &str) -> &mut Known {
        let number = self.vertices.len() + 1;
        self.vertices
            .entry(digest.to_owned())
            .or_insert_with(|| Known {
                number,
                name: name.to_owned(),
                started: false,
                finished: false,
                output: VecDeque::new(),
            })
    }

    fn vertex(&mut self, vertex: &Vertex, on_event: &mut (dyn FnMut(Event) + Send)) {
        if vertex.started.is_none() && !vertex.cached {
            return;
        }
        let known = self.known(&vertex.digest, &vertex.name);
        known.name.clone_from(&vertex.name);
        let number = known.number;
        if !known.started {
            known.started = true;
            on_event(Event::VertexStarted {
                vertex: number,
                name: vertex.name.clone(),
            });
        }
        if vertex.completed.is_none() || known.finished {
            return;
        }
        known.finished = true;
        let output = std::mem::take(&mut known.output);
        on_event(Event::VertexFinished {
            vertex: number,
            name: vertex.name.clone(),
            cached: vertex.cached,
            duration: duration(vertex.started.as_ref(), vertex.completed.as_ref()),
            error: Some(vertex.error.clone()).filter(|error| !error.is_empty()),
        });
        // What fails after the first failure is cancelled because of it.
        let cancelled = vertex.error.ends_with("context canceled");
        if !vertex.error.is_empty() && !cancelled && self.failed.is_none() {
            self.failed = Some(FailedVertex {
                name: vertex.name.clone(),
                output: output.into(),
            });
        }
    }

    fn log(&mut self, log: VertexLog, on_event: &mut (dyn FnMut(Event) + Send)) {
        let known = self.known(&log.vertex, "");
        known.output.extend(&log.msg);
        let surplus = known.output.len().saturating_sub(KEPT_OUTPUT);
        known.output.drain(..surplus);
        // Without its beginning a line may say something else.
        if surplus > 0
            && let Some(end) = known.output.iter().position(|byte| *byte == b'\n')
        {
            known.output.drain(..=end);
        }
        on_event(Event::Output {
            vertex: known.number,
            is_error: log.stream == STANDARD_ERROR,
            data: log.msg,
        });
    }

    fn progress(&mut self, status: VertexStatus, on_event: &mut (dyn FnMut(Event) + Send)) {
        let known = self.known(&status.vertex, "");
        on_event(Event::Progress {
            vertex: known.number,
            id: status.id,
            action: status.name,
            current: u64::try_from(status.current).unwrap_or(0),
            total: u64::try_from(status.total).ok().filter(|total| *total > 0),
            complete: status.completed.is_some(),
        });
    }

    fn warning(&mut self, warning: &VertexWarning, on_event: &mut (dyn FnMut(Event) + Send)) {
        let message = String::from_utf8_lossy(&warning.short).into_owned();
        let source = warning
            .info
            .as_ref()
            .and_then(|info| SourceExcerpt::new(info, &warning.ranges));
        let line = source.as_ref().map_or(0, |source| source.first_line);
        if !self.warned.insert(format!("{line} {message}")) {
            return;
        }
        on_event(Event::Warning {
            message,
            detail: warning
                .detail
                .iter()
                .map(|line| String::from_utf8_lossy(line).into_owned())
                .collect(),
            url: Some(warning.url.clone()).filter(|url| !url.is_empty()),
            source,
        });
    }
}

fn duration(started: Option<&Timestamp>, completed: Option<&Timestamp>) -> Option<Duration> {
    let nanoseconds =
        |time: &Timestamp| i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    let elapsed = nanoseconds(completed?) - nanoseconds(started?);
    u64::try_from(elapsed).ok().map(Duration::from_nanos)
}
