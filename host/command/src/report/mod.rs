//! `--report`: a run as one HTML page that needs nothing else: what the steps did and when, what was
//! permitted by which rule, what was said.

mod escape;
mod log;
mod model;
mod page;
mod timeline;

use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stepyard::event::{Event, EventKind};
use stepyard::recording::Exchange;
use time::OffsetDateTime;

use self::log::Log;
use self::model::{Call, Decision, Step};
use crate::exit::Failure;
use crate::view::RunSummary;

/// Collects what a run does, and writes the page. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct Report(Arc<Mutex<Collected>>);

struct Collected {
    path: PathBuf,
    /// The page, until it is whole.
    page: Option<tempfile::NamedTempFile>,
    begin: OffsetDateTime,
    steps: Vec<Step>,
    /// What the policy has decided since the last call was answered.
    decisions: Vec<Decision>,
    log: Log,
}

impl Report {
    /// Makes sure that the page can be written, before anything runs.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let page = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")));
        let (page, log) = page
            .and_then(|page| Ok((page, Log::create()?)))
            .map_err(|error| {
                Failure::input(
                    format!("the report {} cannot be written: {error}", path.display()),
                    "name a file in a folder that is there and that you may write to",
                )
            })?;
        Ok(Self(Arc::new(Mutex::new(Collected {
            path: path.to_owned(),
            page: Some(page),
            begin: OffsetDateTime::now_utc(),
            steps: Vec::new(),
            decisions: Vec::new(),
            log,
        }))))
    }

    /// Notes an event.
    pub(crate) fn note(&self, event: &Event) {
        let mut collected = self.collected();
        let collected = &mut *collected;
        match &event.kind {
            EventKind::StepStarted { component, digest } => {
                collected.decisions.clear();
                collected.steps.push(Step::new(event, component, digest));
            }
            EventKind::CallStarted { .. } => collected.decisions.extend(Decision::of(event)),
            EventKind::Log { .. } | EventKind::Output { .. } => {
                collected.log.note(event, collected.begin);
            }
            EventKind::StepFinished { .. } => {
                let decisions = std::mem::take(&mut collected.decisions);
                if let Some(step) = Step::running(&mut collected.steps, event) {
                    step.finish(event, decisions);
                }
            }
            _ => {
                if let Some(step) = Step::running(&mut collected.steps, event) {
                    step.note(event);
                }
            }
        }
    }

    /// Notes a call of a step that has been answered just now.
    pub(crate) fn exchanged(&self, step: &str, exchange: &Exchange) {
        let mut collected = self.collected();
        let decisions = std::mem::take(&mut collected.decisions);
        let step = collected
            .steps
            .iter_mut()
            .rfind(|known| *known.identifier == *step);
        if let Some(step) = step {
            step.add(Call::new(exchange, OffsetDateTime::now_utc(), decisions));
        }
    }

    /// Writes the page, in place of one that is there.
    pub(crate) fn write(&self, title: &str, summary: &RunSummary) -> Result<(), Failure> {
        let mut collected = self.collected();
        let failed = |path: &Path, error: io::Error| {
            Failure::failed(
                format!("the report {} cannot be written: {error}", path.display()),
                "look whether its folder is full or was taken away",
            )
        };
        let Some(mut page) = collected.page.take() else {
            return Ok(());
        };
        let collected = &mut *collected;
        let run = page::Run {
            title,
            begin: collected.begin,
            end: OffsetDateTime::now_utc(),
            steps: &collected.steps,
            summary,
        };
        let mut output = BufWriter::new(&mut page);
        let written = run
            .write(&mut output, &mut collected.log)
            .and_then(|()| output.flush());
        drop(output);
        written
            .and_then(|()| page.persist(&collected.path).map_err(|error| error.error))
            .map(drop)
            .map_err(|error| failed(&collected.path, error))
    }

    fn collected(&self) -> MutexGuard<'_, Collected> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
