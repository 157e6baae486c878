//! A build's events as lines for the one who watches, and as progress.

use std::collections::{HashMap, HashSet};

use stepyard_buildkit as buildkit;
use stepyard_grammar::Digest;

use crate::event::{EventKind, LayerState, LogLevel, OutputSource, Reporter};

/// A longer line is cut into several, in bytes.
const LONGEST_LINE: usize = 16 << 10;
/// A layer's name in progress events is this much of its digest, as Docker shows it.
const SHORT_DIGEST: usize = 12;
/// What takes long when an image is exported, in BuildKit's words.
const PARTS_OF_EXPORT: [&str; 2] = ["exporting layers", "pushing layers"];
/// What a vertex shorter than this took is not told, in seconds.
const WORTH_TELLING: f64 = 0.05;

/// Reports the events of one build.
pub(super) struct BuildOutput {
    reporter: Reporter,
    /// What each vertex has written without a line end.
    unfinished: HashMap<usize, Vec<u8>>,
    exporting: HashSet<usize>,
    /// The parts of exports that have begun.
    told: HashSet<(usize, String)>,
}

impl BuildOutput {
    pub(super) fn new(reporter: &Reporter) -> Self {
        Self {
            reporter: reporter.clone(),
            unfinished: HashMap::new(),
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
                self.line(vertex, &name);
            }
            buildkit::Event::VertexFinished {
                vertex,
                cached,
                duration,
                error,
                ..
            } => {
                self.finish_line(vertex);
                match (error, duration) {
                    (Some(error), _) => self.line(vertex, &format!("failed: {error}")),
                    (None, _) if cached => self.line(vertex, "cached"),
                    (None, Some(duration)) if duration.as_secs_f64() > WORTH_TELLING => {
                        self.line(vertex, &format!("done in {:.1} s", duration.as_secs_f64()));
                    }
                    (None, _) => {}
                }
            }
            buildkit::Event::Output { vertex, data, .. } => self.write(vertex, &data),
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
        self.reporter
            .output(OutputSource::Build, &format!("#{vertex} {text}"));
    }

    /// Takes output as it arrives, which need not be whole lines.
    fn write(&mut self, vertex: usize, data: &[u8]) {
        let lines = data.split_inclusive(|byte| *byte == b'\n');
        for piece in lines.flat_map(|line| line.chunks(LONGEST_LINE)) {
            let unfinished = self.unfinished.entry(vertex).or_default();
            unfinished.extend_from_slice(piece);
            if piece.ends_with(b"\n") || unfinished.len() >= LONGEST_LINE {
                self.finish_line(vertex);
            }
        }
    }

    fn finish_line(&mut self, vertex: usize) {
        let Some(line) = self.unfinished.remove(&vertex) else {
            return;
        };
        let line = String::from_utf8_lossy(&line);
        // A progress bar overwrites its line: what a person would see is the last state.
        let line = line.trim_end_matches(['\n', '\r']).rsplit('\r').next();
        if let Some(line) = line.filter(|line| !line.is_empty()) {
            self.line(vertex, line);
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
                kind => format!("{kind:?}"),
            });
        }
        assert_eq!(
            seen,
            [
                "#1 [1/1] RUN make",
                "#1 done",
                "#1 partly",
                "#1 unfinished",
                "#1 done in 1.2 s",
                "#2 exporting to image",
                "#2 exporting layers",
                "0123456789ab Uploading",
                "#2 cached",
                "#3 [2/2] RUN false",
                "#3 failed: exit code: 1",
            ]
        );
    }
}
