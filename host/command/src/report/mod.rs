//! `--report`: a run as one HTML file that needs nothing beside it.
//!
//! Events and calls are collected one step after another, and the section of a step that is over
//! goes to a temporary file without a name, so that a run with many steps takes no more memory than
//! its largest step. What comes in has been masked already.

mod collect;
mod lane;
mod model;
mod page;
mod step;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stepyard::event::{Event, EventSink, StepStatus};
use stepyard::recording::Exchange;
use time::OffsetDateTime;

use crate::exit::{Code, Failure};
use collect::Collector;
use model::{StepRun, clean};
use page::{RunHead, StepHead};

/// A report that is being collected. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    path: Arc<Path>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    begin: OffsetDateTime,
    is_dry: bool,
    collector: Collector,
    steps: Vec<StepHead>,
    /// The sections of the steps that are over.
    sections: File,
    /// The first section that could not be kept.
    failed: Option<io::Error>,
}

/// What a step left, as far as events do not tell it.
pub(crate) struct StepRemainder<'a> {
    /// What the failure strategies make of its end.
    pub(crate) status: StepStatus,
    /// Names and values.
    pub(crate) outputs: &'a [(String, String)],
    /// What a person can do about its failure.
    pub(crate) hint: Option<String>,
}

impl Report {
    /// A report for `path`, whose folder is tried now: after a run it would be too late.
    pub(crate) fn new(path: &Path, is_dry: bool) -> Result<Self, Failure> {
        let unwritable = |error: &io::Error| unwritable(path, error, Code::BadInput);
        if path.is_dir() {
            return Err(unwritable(&io::ErrorKind::IsADirectory.into()));
        }
        beside(path).map_err(|error| unwritable(&error))?;
        let sections = tempfile::tempfile_in(folder(path)).map_err(|error| unwritable(&error))?;
        Ok(Self {
            path: path.into(),
            state: Arc::new(Mutex::new(State {
                begin: OffsetDateTime::now_utc(),
                is_dry,
                collector: Collector::default(),
                steps: Vec::new(),
                sections,
                failed: None,
            })),
        })
    }

    /// A step is over, and this is what remains to be said of it.
    pub(crate) fn step_ended(&self, remainder: &StepRemainder<'_>) {
        let mut state = self.state();
        if let Some(run) = state.collector.last() {
            run.counts_as = Some(remainder.status).filter(|status| run.status != Some(*status));
            run.hint = remainder.hint.as_deref().map(clean);
            let outputs = remainder.outputs.iter();
            run.outputs = outputs
                .map(|(name, value)| (clean(name), clean(value)))
                .collect();
        }
        let over = state.collector.take();
        state.keep(over);
    }

    /// A call of `step` was answered.
    pub(crate) fn exchanged(&self, step: &str, exchange: &Exchange) {
        let now = OffsetDateTime::now_utc();
        self.state().collector.exchange(step, exchange, now);
    }

    /// Writes the file, for this user alone, in place of one that is there: with a name beside it
    /// first, so that nobody reads half of one.
    pub(crate) fn write(&self, ended: &Result<Code, Failure>) -> Result<(), Failure> {
        let mut state = self.state();
        let over = state.collector.take();
        state.keep(over);
        state
            .write(&self.path, ended)
            .map_err(|error| unwritable(&self.path, &error, Code::Failed))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventSink for Report {
    fn emit(&self, event: Event) {
        let mut state = self.state();
        let over = state.collector.event(&event);
        state.keep(over);
    }
}

impl State {
    /// Keeps the section of a step that is over.
    fn keep(&mut self, over: Option<StepRun>) {
        let Some(run) = over else {
            return;
        };
        self.steps.push(StepHead::of(&run));
        let section = step::section(&run, self.steps.len()).into_string();
        if let Err(error) = self.sections.write_all(section.as_bytes()) {
            self.failed.get_or_insert(error);
        }
    }

    fn write(&mut self, path: &Path, ended: &Result<Code, Failure>) -> io::Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let took = OffsetDateTime::now_utc() - self.begin;
        let head = RunHead {
            begin: self.begin,
            took: took.try_into().unwrap_or_default(),
            status: match ended {
                Ok(code) => Some(status(*code)),
                Err(_) if self.steps.is_empty() => None,
                Err(_) => Some(StepStatus::Failed),
            },
            problem: ended.as_ref().err().map(|failure| {
                let (message, help) = failure.texts();
                (clean(&message), help.as_deref().map(clean))
            }),
            is_dry: self.is_dry,
            steps: self.steps.clone(),
        };
        let mut file = beside(path)?;
        let mut writer = BufWriter::new(file.as_file_mut());
        writer.write_all(page::beginning(&head).as_bytes())?;
        self.sections.seek(SeekFrom::Start(0))?;
        io::copy(&mut self.sections, &mut writer)?;
        writer.write_all(page::end().as_bytes())?;
        writer.flush()?;
        drop(writer);
        file.persist(path)?;
        Ok(())
    }
}

/// A new file in the folder of `path`, which only this user may read: logs may be confidential.
fn beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new()
        .prefix(".stepyard-report-")
        .suffix(".html")
        .tempfile_in(folder(path))
}

fn folder(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// How a run ended whose exit code this is.
fn status(code: Code) -> StepStatus {
    match code {
        Code::Done => StepStatus::Succeeded,
        Code::Failed | Code::BadInput => StepStatus::Failed,
        Code::Denied => StepStatus::Denied,
        Code::TimedOut => StepStatus::TimedOut,
        Code::Interrupted => StepStatus::Interrupted,
    }
}

fn unwritable(path: &Path, error: &io::Error, code: Code) -> Failure {
    let mut failure = Failure::failed(
        format!(
            "the report {} cannot be written: {}",
            path.display(),
            error.kind()
        ),
        "name a file with --report, in a folder that is there and that this user may write to",
    );
    failure.code = code;
    failure
}
