//! `stepyard run`.

pub(crate) mod plan;
mod results;
pub(crate) mod scope;
mod sequence;
mod settings;

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Instant;

use stepyard::event::{Event, EventSink};
use stepyard::{ErrorKind, RunError, StepFailure, Workspace};

use crate::arguments::{EventForm, RunArguments};
use crate::exit::{self, Code, Failure};
use crate::session;
use crate::view::{self, RunSummary, View, ViewKind, ViewOptions};
use sequence::{Sequence, StepEnd};

/// The events of a run, on their way to the view.
#[derive(Clone)]
pub(crate) struct Events(Arc<dyn View>);

impl Events {
    fn sink(&self) -> Arc<dyn EventSink> {
        Arc::new(self.clone())
    }
}

impl EventSink for Events {
    fn emit(&self, event: Event) {
        self.0.emit(event);
    }
}

pub(crate) async fn run(arguments: Box<RunArguments>) -> Result<Code, Failure> {
    let begin = Instant::now();
    let input = &arguments.input;
    let configuration = session::configuration(input.config.as_deref())?;
    let connectors = session::connectors(input)?;
    let workspace = Workspace::open(&input.workspace).map_err(|error| {
        Failure::input(
            format!(
                "the workspace {} cannot be opened: {error}",
                input.workspace.display()
            ),
            "name a folder with --workspace",
        )
    })?;
    let host = session::host(&configuration, connectors.clone())?;
    let plan = plan::Plan::read(&host, input).await?;
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
        events: Events(view.clone()),
    };
    let mut ended = Ended::default();
    let running = sequence.run(|end| ended.take(end));
    let interrupted = tokio::select! {
        // Dropping what runs stops the work behind it.
        result = running => { result?; false }
        result = interrupted() => { result?; true }
    };
    view.finish();
    for error in &ended.errors {
        exit::print(error);
    }
    if interrupted {
        exit::print(&RunError::from(stepyard::CapabilityError::new(
            ErrorKind::Cancelled,
            "interrupted; what was running has been stopped",
        )));
        return Ok(Code::Interrupted);
    }
    ended.summary.duration = begin.elapsed();
    view.summary(&ended.summary);
    Ok(ended.code)
}

/// What the steps left so far.
struct Ended {
    summary: RunSummary,
    images: Vec<stepyard::PushedImage>,
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
            if !outcome.images.is_empty() {
                self.images.extend(outcome.images);
                results::write_artifacts(&self.images)?;
            }
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
