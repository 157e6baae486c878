//! A build's events as lines for the one who watches, and as progress.

use std::collections::{HashMap, HashSet};

use stepyard_buildkit as buildkit;
use stepyard_grammar::Digest;

use crate::event::{EventKind, LayerState, Lines, LogLevel, OutputSource, Reporter};

/// A layer's name in progress events is this much of its digest, as Docker shows it.
const SHORT_DIGEST: usize = 12;
/// What takes long when an image is exported, in BuildKit's words.
const PARTS_OF_EXPORT: [&str; 2] = ["exporting layers", "pushing layers"];
/// What a vertex shorter than this took is not told, in seconds.
const WORTH_TELLING: f64 = 0.05;

/// Reports the events of one build.
pub(super) struct BuildOutput {
    reporter: Reporter,
    /// What each vertex writes on its standard output, and on its standard error (`true`).
    lines: HashMap<(usize, bool), Lines>,
    exporting: HashSet<usize>,
    /// The parts of exports that have begun.
    told: HashSet<(usize, String)>,
}

impl BuildOutput {
    pub(super) fn new(reporter: &Reporter) -> Self {
        Self {
            reporter: reporter.clone(),
            lines: HashMap::new(),
            exporting: HashSet::new(),
            told: HashSet::new(),
        }
    }

    pub(super) fn take(&mut self, event: buildkit::Event) {
        match event {
            buildkit::Event::VertexStarted { vertex, name } => {
                if name.starts_with("exporting ") {
                    self.exporting.insert(vertex);
                }
                self.reporter.vertex_started(vertex as u64, &name);
                self.line(vertex, &name);
            }
            buildkit::Event::VertexFinished {
                vertex,
                cached,
                duration,
                error,
                ..
            } => {
                self.finish_lines(vertex);
                let reporter = &self.reporter;
                reporter.vertex_finished(vertex as u64, cached, duration, error.as_deref());
                match (error, duration) {
                    (Some(error), _) => self.line(vertex, &format!("failed: {error}")),
                    (None, _) if cached => self.line(vertex, "cached"),
                    (None, Some(duration)) if duration.as_secs_f64() > WORTH_TELLING => {
                        self.line(vertex, &format!("done in {:.1} s", duration.as_secs_f64()));
                    }
                    (None, _) => {}
                }
            }
            buildkit::Event::Output {
                vertex,
                is_error,
                data,
            } => self.write(vertex, is_error, &data),
            buildkit::Event::Progress {
                vertex,
                id,
                action,
                current,
                total,
                rate,
                complete,
            } => {
                let state = self.layer_state(vertex, &action, complete);
                match layer(&id) {
                    Some(layer) => self.reporter.report(EventKind::LayerProgress {
                        layer,
                        state,
                        current,
                        total,
                        rate,
                    }),
                    None => self.part_of_export(vertex, &id),
                }
            }
            buildkit::Event::Warning {
                message, source, ..
            } => {
                let place = source
                    .map(|source| format!("{}, line {}: ", source.file, source.first_line))
                    .unwrap_or_default();
                self.reporter
                    .log(LogLevel::Warn, format!("{place}{message}"));
            }
            _ => {}
        }
    }

    fn line(&self, vertex: usize, text: &str) {
        tell(&self.reporter, vertex, text);
    }

    /// Takes output as it arrives, which need not be whole lines.
    fn write(&mut self, vertex: usize, is_error: bool, data: &[u8]) {
        let reporter = &self.reporter;
        self.lines
            .entry((vertex, is_error))
            .or_insert_with(|| Lines::new(reporter.mask()))
            .write(data, |line| tell(reporter, vertex, line));
    }

    fn finish_lines(&mut self, vertex: usize) {
        for is_error in [false, true] {
            if let Some(mut lines) = self.lines.remove(&(vertex, is_error)) {
                lines.finish(|line| self.line(vertex, line));
            }
        }
    }

    /// Tells that a part of an export has begun.
    fn part_of_export(&mut self, vertex: usize, id: &str) {
        let is_part = PARTS_OF_EXPORT.contains(&id) && self.exporting.contains(&vertex);
        if is_part && self.told.insert((vertex, id.to_owned())) {
            self.line(vertex, id);
        }
    }

    fn layer_state(&self, vertex: usize, action: &str, complete: bool) -> LayerState {
        match action {
            _ if complete => LayerState::Done,
            "waiting" | "preparing" => LayerState::Waiting,
            "already exists" | "exists" => LayerState::Exists,
            _ if self.exporting.contains(&vertex) => LayerState::Uploading,
            _ => LayerState::Downloading,
        }
    }
}

fn tell(reporter: &Reporter, vertex: usize, text: &str) {
    reporter.output(OutputSource::Build, &format!("#{vertex} {text}"));
}

/// The name of a layer that travels, which BuildKit knows by its digest.
fn layer(id: &str) -> Option<String> {
    let digest = Digest::parse(id).ok()?;
    Some(digest.hex().chars().take(SHORT_DIGEST).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::event::channel;

    fn progress(id: &str, complete: bool) -> buildkit::Event {
        buildkit::Event::Progress {
            vertex: 2,
            id: id.to_owned(),
            action: String::new(),
            current: 1,
            total: Some(2),
            rate: None,
            complete,
        }
    }

    #[test]
    fn events_become_lines_and_layers() {
        let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
        let started = |vertex, name: &str| buildkit::Event::VertexStarted {
            vertex,
            name: name.to_owned(),
        };
        let output = |text: &str| buildkit::Event::Output {
            vertex: 1,
            is_error: false,
            data: text.as_bytes().to_vec(),
        };
        let finished = |vertex, cached, error: Option<&str>| buildkit::Event::VertexFinished {
            vertex,
            name: String::new(),
            cached,
            duration: Some(Duration::from_millis(1234)),
            error: error.map(str::to_owned),
        };
        let (sink, mut events) = channel();
        let mut taken = BuildOutput::new(&Reporter::new(Arc::new(sink), "step"));
        for event in [
            started(1, "[1/1] RUN make"),
            output("10%\r90%\rdone\npart"),
            output("ly\nunfinished"),
            finished(1, false, None),
            started(2, "exporting to image"),
            progress("exporting layers", false),
            progress("exporting layers", true),
            progress(&format!("writing image {digest}"), true),
            progress(&digest, false),
            progress("pushing manifest for 127.0.0.1:1/a/b", false),
            finished(2, true, None),
            started(3, "[2/2] RUN false"),
            finished(3, false, Some("exit code: 1")),
        ] {
            taken.take(event);
        }
        let mut seen = Vec::new();
        while let Ok(event) = events.try_recv() {
            seen.push(match event.kind {
                EventKind::Output { line, .. } => line,
                EventKind::LayerProgress { layer, state, .. } => format!("{layer} {state:?}"),
                EventKind::VertexStarted { vertex, name } => format!("{vertex} begins: {name}"),
                EventKind::VertexFinished {
                    vertex,
                    cached,
                    milliseconds,
                    error,
                } => format!("{vertex} ends: {cached} {milliseconds:?} {error:?}"),
                kind => format!("{kind:?}"),
            });
        }
        assert_eq!(
            seen,
            [
                "1 begins: [1/1] RUN make",
                "#1 [1/1] RUN make",
                "#1 done",
                "#1 partly",
                "#1 unfinished",
                "1 ends: false Some(1234) None",
                "#1 done in 1.2 s",
                "2 begins: exporting to image",
                "#2 exporting to image",
                "#2 exporting layers",
                "0123456789ab Uploading",
                "2 ends: true Some(1234) None",
                "#2 cached",
                "3 begins: [2/2] RUN false",
                "#3 [2/2] RUN false",
                "3 ends: false Some(1234) Some(\"exit code: 1\")",
                "#3 failed: exit code: 1",
            ]
        );
    }
    #[test]
    fn a_secret_in_pieces_is_masked() {
        let output = |is_error, text: &str| buildkit::Event::Output {
            vertex: 1,
            is_error,
            data: text.as_bytes().to_vec(),
        };
        let (sink, mut events) = channel();
        let reporter = Reporter::new(Arc::new(sink), "step");
        reporter.mask().note("hunter2-hunter2");
        let mut taken = BuildOutput::new(&reporter);
        taken.take(output(false, "a hunter2"));
        taken.take(output(true, "in between\n"));
        taken.take(output(false, "-hunt"));
        taken.take(output(false, "er2 b\n"));
        let mut seen = Vec::new();
        while let Ok(event) = events.try_recv() {
            if let EventKind::Output { line, .. } = event.kind {
                seen.push(line);
            }
        }
        assert_eq!(seen, ["#1 in between", "#1 a *** b"]);
    }
}
