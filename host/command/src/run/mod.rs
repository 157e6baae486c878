//! `stepyard run`.

mod field;
pub(crate) mod plan;
mod results;
pub(crate) mod scope;
mod sequence;
mod settings;

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use stepyard::event::{Event, EventKind, EventSink};
use stepyard::{ErrorKind, PushedImage, RunError, StepFailure};

use crate::arguments::{EventForm, RunArguments};
use crate::exit::{self, Code, Failure};
use crate::session;
use crate::view::{self, RunSummary, View, ViewKind, ViewOptions};
use sequence::{Sequence, StepEnd};

/// The events of a run, on their way to the view.
#[derive(Clone)]
pub(crate) struct Events {
    view: Arc<dyn View>,
    /// The images that the step which runs has pushed so far, also where it fails afterwards.
    pushed: Arc<Mutex<Vec<PushedImage>>>,
}

impl Events {
    fn take_pushed(&self) -> Vec<PushedImage> {
        std::mem::take(&mut self.pushed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn sink(&self) -> Arc<dyn EventSink> {
        Arc::new(self.clone())
    }
}

impl EventSink for Events {
    fn emit(&self, event: Event) {
        if let EventKind::ImagePushed(image) = &event.kind {
            let mut pushed = self.pushed.lock().unwrap_or_else(PoisonError::into_inner);
            pushed.push(image.clone());
        }
        self.view.emit(event);
    }
}

pub(crate) async fn run(arguments: Box<RunArguments>) -> Result<Code, Failure> {
    let begin = Instant::now();
    let input = &arguments.input;
    let configuration = session::configuration(input.config.as_deref())?;
    let connectors = session::connectors(input)?;
    let workspace = session::workspace(&configuration, input)?;
    let host = session::host(&configuration, connectors.clone())?;
    let plan = plan::Plan::read(&host, input, &configuration).await?;
    let scope = scope::RunScope::new(input, &plan, true)?;
    plan.check(&host, &connectors, &scope).await?;

    let view = view::view(ViewOptions {
        kind: view_kind(arguments.events),
        verbose: arguments.verbose,
        color: exit::wants_color(),
    });
    let sequence = Sequence {
        host: &host,
        plan: &plan,
        scope: &scope,
        workspace,
        timeout: arguments.timeout,
        events: Events {
            view: view.clone(),
            pushed: Arc::default(),
        },
    };
    let mut ended = Ended::default();
    let running = sequence.run(|end| ended.take(end));
    let interrupted = tokio::select! {
        // Dropping what runs stops the work behind it.
        result = running => result.map(|()| false),
        result = interrupted() => result.map(|()| true).map_err(Failure::from),
    };
    view.finish();
    for error in &ended.errors {
        exit::print(error);
    }
    ended.summary.duration = begin.elapsed();
    view.summary(&ended.summary);
    if interrupted? {
        exit::print(&RunError::from(stepyard::CapabilityError::new(
            ErrorKind::Cancelled,
            "interrupted; what was running has been stopped",
        )));
        return Ok(Code::Interrupted);
    }
    Ok(ended.code)
}

/// What the steps left so far.
struct Ended {
    summary: RunSummary,
    images: Vec<PushedImage>,
    errors: Vec<RunError>,
    code: Code,
}

impl Default for Ended {
    fn default() -> Self {
        Self {
            summary: RunSummary::default(),
            images: Vec::new(),
            errors: Vec::new(),
            code: Code::Done,
        }
    }
}

impl Ended {
    /// Keeps what a step left, and writes what an agent reads at once: a later step that fails
    /// must not lose it.
    fn take(&mut self, end: StepEnd) -> Result<(), Failure> {
        let code = match &end.error {
            Some(RunError::Step(StepFailure(error)))
                if error.kind == ErrorKind::InvalidSettings
                    && end.summary.status == stepyard::event::StepStatus::Failed =>
            {
                Code::BadInput
            }
            _ => end.summary.status.into(),
        };
        if self.code == Code::Done {
            self.code = code;
        }
        if let Some(outcome) = end.outcome {
            results::append_outputs(&outcome.outputs)?;
        }
        if !end.summary.images.is_empty() {
            self.images.extend(end.summary.images.iter().cloned());
            results::write_artifacts(&self.images)?;
        }
        self.errors.extend(end.error);
        self.summary.steps.push(end.summary);
        Ok(())
    }
}

fn view_kind(form: EventForm) -> ViewKind {
    match form {
        EventForm::Ndjson => ViewKind::Ndjson,
        EventForm::Pretty if std::io::stdout().is_terminal() && std::io::stderr().is_terminal() => {
            ViewKind::Terminal
        }
        EventForm::Pretty => ViewKind::Plain,
    }
}

/// Waits for Ctrl-C or a request to terminate.
pub(crate) async fn interrupted() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let mut hangup = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
        _ = hangup.recv() => Ok(()),
    }
}
