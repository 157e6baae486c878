//! Recordings as files: JSON lines, each written when it is known, so that nothing is lost where the
//! process ends.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Exchange, ExchangeSink, Surroundings};
use crate::component::Component;
use crate::outcome::Outcome;
use crate::run::RunError;
use crate::secret::Mask;

/// The form that this version writes and reads.
const FORM: u32 = 1;

/// A line of a recording.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "kebab-case", deny_unknown_fields)]
enum Line {
    /// A step begins.
    Started(RecordedStep),
    /// A call of the step that began last.
    Exchange { exchange: Exchange },
    /// What the step has read of time and chance.
    Observed(Surroundings),
    /// The step has ended.
    Ended(RecordedEnd),
}

/// The step that was recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedStep {
    /// The form of the recording.
    form: u32,
    /// The step's identifier.
    pub step: String,
    /// The component's name.
    pub component: String,
    /// The digest of its bytes.
    pub digest: String,
    /// Its settings; a secret is its placeholder.
    pub settings: Value,
}

/// How a recorded step ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedEnd {
    /// Its outputs, where it succeeded.
    pub outputs: Vec<(String, String)>,
    /// Why it failed, where it did.
    pub error: Option<String>,
}

impl RecordedEnd {
    /// The end of a run, with secrets masked.
    pub fn of(result: Result<&Outcome, &RunError>) -> Self {
        Self {
            outputs: result
                .map(|outcome| outcome.outputs.clone())
                .unwrap_or_default(),
            error: result.err().map(ToString::to_string),
        }
    }
}

/// A step of a recording, with all its calls.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedRun {
    /// The step.
    pub step: RecordedStep,
    /// Its calls, in their order.
    pub exchanges: Vec<Exchange>,
    /// What it read of time and chance.
    pub surroundings: Surroundings,
    /// How it ended; none where the recording ends earlier.
    pub end: Option<RecordedEnd>,
}

/// A recording that cannot be written or read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("the recording {}{}: {problem}", .path.display(), .line.map(|line| format!(", line {line}")).unwrap_or_default())]
#[diagnostic(help("`stepyard run … --record FILE` makes one"))]
pub struct RecordingError {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1, where one is wrong.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: String,
}

/// A file that steps are recorded to. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct RecordingFile {
    path: Arc<Path>,
    file: Arc<Mutex<Written>>,
}

#[derive(Debug)]
struct Written {
    file: File,
    /// The first thing that could not be written.
    failed: Option<String>,
}

impl RecordingFile {
    /// Makes the file, for this user alone: it tells what the pipeline does.
    ///
    /// # Errors
    /// Where it is there already, or cannot be made.
    pub fn create(path: &Path) -> Result<Self, RecordingError> {
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| RecordingError {
            path: path.to_owned(),
            line: None,
            problem: error.to_string(),
        })?;
        Ok(Self {
            path: path.into(),
            file: Arc::new(Mutex::new(Written { file, failed: None })),
        })
    }

    /// A step begins.
    pub fn started(&self, step: &str, component: &Component, settings: &Value, mask: &Mask) {
        let text = settings.to_string();
        let masked = mask.text(&text);
        self.write(&Line::Started(RecordedStep {
            form: FORM,
            step: step.to_owned(),
            component: component.name().to_owned(),
            digest: component.digest().to_string(),
            settings: serde_json::from_str(&masked).unwrap_or_default(),
        }));
    }

    /// The step has ended.
    ///
    /// # Errors
    /// Where something of the recording could not be written.
    pub fn ended(&self, end: RecordedEnd) -> Result<(), RecordingError> {
        self.write(&Line::Ended(end));
        let written = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        match &written.failed {
            None => Ok(()),
            Some(problem) => Err(RecordingError {
                path: self.path.to_path_buf(),
                line: None,
                problem: problem.clone(),
            }),
        }
    }

    fn write(&self, line: &Line) {
        let mut written = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let result = serde_json::to_vec(line)
            .map_err(io::Error::from)
            .and_then(|mut text| {
                text.push(b'\n');
                written.file.write_all(&text)
            });
        if let Err(error) = result {
            written.failed.get_or_insert(error.to_string());
        }
    }
}

impl ExchangeSink for RecordingFile {
    fn exchanged(&self, exchange: Exchange) {
        self.write(&Line::Exchange { exchange });
    }

    fn observed(&self, surroundings: Surroundings) {
        self.write(&Line::Observed(surroundings));
    }
}

/// Reads a recording.
///
/// # Errors
/// Where the file cannot be read, or a line of it is none of a recording.
pub fn read_recording(path: &Path) -> Result<Vec<RecordedRun>, RecordingError> {
    let fault = |line: Option<usize>, problem: String| RecordingError {
        path: path.to_owned(),
        line,
        problem,
    };
    let file = File::open(path).map_err(|error| fault(None, error.to_string()))?;
    let mut runs: Vec<RecordedRun> = Vec::new();
    for (number, line) in (1..).zip(BufReader::new(file).lines()) {
        let fault = |problem: String| fault(Some(number), problem);
        let line = line.map_err(|error| fault(error.to_string()))?;
        let line = serde_json::from_str(&line).map_err(|error| fault(error.to_string()))?;
        match (line, runs.last_mut()) {
            (Line::Started(step), _) if step.form == FORM => runs.push(RecordedRun {
                step,
                exchanges: Vec::new(),
                surroundings: Surroundings::default(),
                end: None,
            }),
            (Line::Started(step), _) => {
                return Err(fault(format!(
                    "it has the form {}, and this version reads {FORM}",
                    step.form
                )));
            }
            (Line::Exchange { exchange }, Some(run)) => run.exchanges.push(exchange),
            (Line::Observed(read), Some(run)) => run.surroundings.extend(read),
            (Line::Ended(end), Some(run)) => run.end = Some(end),
            (_, None) => return Err(fault("no step has begun".to_owned())),
        }
    }
    if runs.is_empty() {
        return Err(fault(None, "it holds no step".to_owned()));
    }
    Ok(runs)
}
