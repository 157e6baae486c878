//! From the daemon's status messages to events.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1::{
    StatusResponse, Vertex, VertexLog, VertexStatus, VertexWarning,
};

use super::{Event, SourceExcerpt};
use crate::transfer::RateMeter;

/// How much of a vertex's last output is kept for an error, in bytes.
const KEPT_OUTPUT: usize = 16 << 10;
/// The most vertices, and the most warnings, that are followed. Further ones are not told.
const MOST: usize = 4096;
/// The longest name or message that is told, in bytes.
const LONGEST_TEXT: usize = 16 << 10;
/// The stream number of standard error.
const STANDARD_ERROR: i64 = 2;

/// What is known of the vertices of one build.
#[derive(Default)]
pub(crate) struct Tracker {
    /// By the daemon's digest of the vertex.
    vertices: HashMap<String, Known>,
    /// Warnings are repeated whenever a stage is built again.
    warned: HashSet<String>,
    /// Of what moves, by vertex and identifier.
    meters: HashMap<(usize, String), RateMeter>,
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

    fn known(&mut self, digest: &str) -> Option<&mut Known> {
        let number = self.vertices.len() + 1;
        if number > MOST && !self.vertices.contains_key(digest) {
            return None;
        }
        let known = self.vertices.entry(digest.to_owned());
        Some(known.or_insert_with(|| Known {
            number,
            started: false,
            finished: false,
            output: VecDeque::new(),
        }))
    }

    fn vertex(&mut self, vertex: &Vertex, on_event: &mut (dyn FnMut(Event) + Send)) {
        if vertex.started.is_none() && !vertex.cached {
            return;
        }
        let Some(known) = self.known(&vertex.digest) else {
            return;
        };
        let name = shortened(&vertex.name);
        let error = shortened(&vertex.error);
        let number = known.number;
        if !known.started {
            known.started = true;
            on_event(Event::VertexStarted {
                vertex: number,
                name: name.clone(),
            });
        }
        if vertex.completed.is_none() || known.finished {
            return;
        }
        known.finished = true;
        let output = std::mem::take(&mut known.output);
        on_event(Event::VertexFinished {
            vertex: number,
            name: name.clone(),
            cached: vertex.cached,
            duration: duration(vertex.started.as_ref(), vertex.completed.as_ref()),
            error: Some(error).filter(|error| !error.is_empty()),
        });
        // What fails after the first failure is cancelled because of it.
        let cancelled = vertex.error.ends_with("context canceled");
        if !vertex.error.is_empty() && !cancelled && self.failed.is_none() {
            self.failed = Some(FailedVertex {
                name,
                output: output.into(),
            });
        }
    }

    fn log(&mut self, log: VertexLog, on_event: &mut (dyn FnMut(Event) + Send)) {
        let Some(known) = self.known(&log.vertex) else {
            return;
        };
        let told_only = log.msg.len().saturating_sub(KEPT_OUTPUT);
        known.output.extend(log.msg.iter().skip(told_only));
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
        let Some(vertex) = self.known(&status.vertex).map(|known| known.number) else {
            return;
        };
        let current = u64::try_from(status.current).unwrap_or(0);
        let complete = status.completed.is_some();
        let key = (vertex, shortened(&status.id));
        let rate = if complete {
            self.meters.remove(&key);
            None
        } else if self.meters.len() < MOST || self.meters.contains_key(&key) {
            let meter = self.meters.entry(key.clone()).or_default();
            meter.rate(Instant::now(), current)
        } else {
            None
        };
        on_event(Event::Progress {
            vertex,
            id: key.1,
            action: shortened(&status.name),
            current,
            total: u64::try_from(status.total).ok().filter(|total| *total > 0),
            rate,
            complete,
        });
    }

    fn warning(&mut self, warning: &VertexWarning, on_event: &mut (dyn FnMut(Event) + Send)) {
        let text = |bytes: &[u8]| shortened(&String::from_utf8_lossy(bytes));
        let message = text(&warning.short);
        let source = warning
            .info
            .as_ref()
            .and_then(|info| SourceExcerpt::new(info, &warning.ranges));
        let line = source.as_ref().map_or(0, |source| source.first_line);
        if self.warned.len() == MOST || !self.warned.insert(format!("{line} {message}")) {
            return;
        }
        on_event(Event::Warning {
            message,
            detail: warning.detail.iter().map(|line| text(line)).collect(),
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

/// As much of a text as is told.
pub(super) fn shortened(text: &str) -> String {
    text.get(..text.floor_char_boundary(LONGEST_TEXT))
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(tracker: &mut Tracker, message: StatusResponse) -> Vec<Event> {
        let mut events = Vec::new();
        tracker.take(message, &mut |event| events.push(event));
        events
    }

    fn vertex(digest: &str, name: &str) -> Vertex {
        Vertex {
            digest: digest.to_owned(),
            name: name.to_owned(),
            started: Some(Timestamp::default()),
            ..Vertex::default()
        }
    }

    #[test]
    fn a_flood_is_told_up_to_a_bound() {
        let mut tracker = Tracker::default();
        let flood = |count: usize| StatusResponse {
            vertexes: (0..count)
                .map(|number| vertex(&number.to_string(), "x"))
                .collect(),
            warnings: (0..count)
                .map(|number| VertexWarning {
                    short: number.to_string().into(),
                    ..VertexWarning::default()
                })
                .collect(),
            ..StatusResponse::default()
        };
        assert_eq!(events(&mut tracker, flood(MOST + 10)).len(), MOST * 2);
        let log = |vertex: usize| StatusResponse {
            logs: vec![VertexLog {
                vertex: vertex.to_string(),
                msg: vec![b'x'; KEPT_OUTPUT * 3],
                ..VertexLog::default()
            }],
            ..StatusResponse::default()
        };
        assert_eq!(events(&mut tracker, log(7)).len(), 1);
        let kept = &tracker.vertices["7"].output;
        assert_eq!(kept.len(), KEPT_OUTPUT);
        assert!(kept.capacity() <= KEPT_OUTPUT * 2);
        assert!(events(&mut tracker, log(MOST + 7)).is_empty());
        assert_eq!(tracker.vertices.len(), MOST);
    }

    #[test]
    fn long_names_are_shortened_between_characters() {
        let name = "ü".repeat(LONGEST_TEXT);
        let message = StatusResponse {
            vertexes: vec![vertex("a", &format!("x{name}"))],
            ..StatusResponse::default()
        };
        let told = events(&mut Tracker::default(), message);
        let [Event::VertexStarted { name, .. }] = &told[..] else {
            panic!("{} events", told.len());
        };
        assert_eq!(name.len(), LONGEST_TEXT - 1);
    }
}
