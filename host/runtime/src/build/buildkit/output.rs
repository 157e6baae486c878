//! A build's events as lines for the one who watches, and as progress.

use std::collections::{HashMap, HashSet};

use stepyard_buildkit as buildkit;

use crate::event::{EventKind, LayerState, LogLevel, OutputSource, Reporter};

/// A longer line is cut into several, in bytes.
const LONGEST_LINE: usize = 16 << 10;
/// A layer's name in progress events is this much of its digest, as Docker shows it.
const SHORT_DIGEST: usize = 12;
/// What a vertex shorter than this took is not told, in seconds.
const WORTH_TELLING: f64 = 0.05;

/// Reports the events of one build.
pub(super) struct BuildOutput {
    reporter: Reporter,
    /// What each vertex has written without a line end.
    unfinished: HashMap<usize, Vec<u8>>,
    pushing: HashSet<usize>,
}

impl BuildOutput {
    pub(super) fn new(reporter: &Reporter) -> Self {
        Self {
            reporter: reporter.clone(),
            unfinished: HashMap::new(),
            pushing: HashSet::new(),
        }
    }

    pub(super) fn take(&mut self, event: buildkit::Event) {
        match event {
            buildkit::Event::VertexStarted { vertex, name } => {
                if name.starts_with("exporting ") {
                    self.pushing.insert(vertex);
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
                complete,
            } => self.layer(vertex, &id, &action, current, total, complete),
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
        for piece in data.split_inclusive(|byte| *byte == b'\n') {
            let unfinished = self.unfinished.entry(vertex).or_default();
            unfinished.extend_from_slice(piece);
            if piece.ends_with(b"\n") || unfinished.len() > LONGEST_LINE {
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

    /// Layers are named by their digests; all else that has progress is of no interest here.
    fn layer(
        &self,
        vertex: usize,
        id: &str,
        action: &str,
        current: u64,
        total: Option<u64>,
        complete: bool,
    ) {
        let Some(hex) = id
            .rsplit_once("sha256:")
            .map(|(_, hex)| hex)
            .filter(|hex| hex.len() >= SHORT_DIGEST)
        else {
            return;
        };
        let state = match action {
            _ if complete => LayerState::Done,
            "waiting" | "preparing" => LayerState::Waiting,
            "already exists" | "exists" => LayerState::Exists,
            _ if self.pushing.contains(&vertex) => LayerState::Uploading,
            _ => LayerState::Downloading,
        };
        self.reporter.report(EventKind::LayerProgress {
            layer: hex.chars().take(SHORT_DIGEST).collect(),
            state,
            current,
            total,
        });
    }
}
