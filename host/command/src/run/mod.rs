//! `stepyard run`.

mod field;
pub(crate) mod plan;
mod results;
pub(crate) mod scope;
mod sequence;
mod settings;
mod trace;

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use miette::Diagnostic;
use stepyard::event::{Event, EventKind, EventSink, StepStatus};
use stepyard::recording::RecordingFile;
use stepyard::sharing::parse_reference;
use stepyard::{DryRun, ErrorKind, PushedImage, RunError, StepFailure};

use crate::arguments::{EventForm, RunArguments};
use crate::exit::{self, Code, Failure};
use crate::report::{Report, StepRemainder};
use crate::session;
use crate::view::{self, RunSummary, View, ViewKind, ViewOptions};
pub(crate) use sequence::{RunConditions, Sequence, StepEnd};

/// The events of a run, on their way to the view.
#[derive(Clone)]
pub(crate) struct Events {
    view: Arc<dyn View>,
    noted: Arc<Mutex<Noted>>,
    /// Whether decisions are noted, for a trace.
    traces: bool,
    report: Option<Report>,
}

/// What the step which runs has done so far, also where it fails afterwards.
#[derive(Default)]
struct Noted {
    pushed: Vec<PushedImage>,
    would_be_denied: u64,
    audit: Option<String>,
    decisions: Vec<String>,
}

impl Events {
    /// Events for nobody but `view`.
    pub(crate) fn new(view: Arc<dyn View>) -> Self {
        Self {
            view,
            noted: Arc::default(),
            traces: false,
            report: None,
        }
    }

    /// The same, whose decisions are noted for a trace.
    fn traced(mut self, traces: bool) -> Self {
        self.traces = traces;
        self
    }

    /// The same, of which a page is made too.
    fn reported(mut self, report: Option<Report>) -> Self {
        self.report = report;
        self
    }

    /// What was noted since this was asked last.
    fn take(&self) -> Noted {
        std::mem::take(&mut self.noted())
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sink(&self) -> Arc<dyn EventSink> {
        Arc::new(self.clone())
    }
}

impl EventSink for Events {
    fn emit(&self, event: Event) {
        match &event.kind {
            EventKind::ImagePushed(image) => self.noted().pushed.push(image.clone()),
            EventKind::StepFinished {
                would_be_denied,
                audit,
                ..
            } => {
                let mut noted = self.noted();
                noted.would_be_denied += would_be_denied;
                noted.audit.clone_from(audit);
            }
            event if self.traces => self.noted().decisions.extend(trace::decision(event)),
            _ => {}
        }
        if let Some(report) = &self.report {
            report.emit(event.clone());
        }
        self.view.emit(event);
    }
}

pub(crate) async fn run(arguments: Box<RunArguments>) -> Result<Code, Failure> {
    let Some(path) = &arguments.report else {
        return run_steps(&arguments, None).await;
    };
    let report = Report::new(path, arguments.dry_run)?;
    let ended = run_steps(&arguments, Some(report.clone())).await;
    match (report.write(&ended), &ended) {
        (Ok(()), _) => ended,
        (Err(failure), Ok(Code::Done)) => Err(failure),
        // How the steps ended matters more.
        (Err(failure), _) => {
            failure.report();
            ended
        }
    }
}

async fn run_steps(arguments: &RunArguments, report: Option<Report>) -> Result<Code, Failure> {
    let begin = Instant::now();
    let input = &arguments.input;
    let configuration = session::configuration(input.config.as_deref())?;
    let connectors = session::connectors(input)?;
    let workspace = session::workspace(&configuration, input)?;
    let policy = session::policy(&configuration, &input.policies)?;
    let host = session::host(&configuration, connectors.clone(), policy)?;
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
        conditions: RunConditions {
            timeout: arguments.timeout,
            branch: input.branch.clone(),
            allows_imports: allows_imports(arguments)?,
            dry_run: arguments
                .dry_run
                .then(|| DryRun::new(configuration.policy.mode)),
            recording: recording(arguments)?,
            traces: arguments.trace,
            records: None,
        },
        events: Events::new(view.clone())
            .traced(arguments.trace)
            .reported(report.clone()),
    };
    let mut ended = Ended {
        is_dry: arguments.dry_run,
        report,
        ..Ended::default()
    };
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

/// The file that calls are recorded to.
fn recording(arguments: &RunArguments) -> Result<Option<RecordingFile>, Failure> {
    let file = arguments.record.as_deref().map(RecordingFile::create);
    file.transpose()
        .map_err(|error| Failure::new(Code::BadInput, error))
}

/// What the steps left so far.
struct Ended {
    summary: RunSummary,
    images: Vec<PushedImage>,
    errors: Vec<RunError>,
    code: Code,
    /// Whether nothing was done that others should read of.
    is_dry: bool,
    report: Option<Report>,
}

impl Default for Ended {
    fn default() -> Self {
        Self {
            summary: RunSummary::default(),
            images: Vec::new(),
            errors: Vec::new(),
            code: Code::Done,
            is_dry: false,
            report: None,
        }
    }
}

impl Ended {
    /// Keeps what a step left, and writes what an agent reads at once: a later step that fails
    /// must not lose it.
    fn take(&mut self, end: StepEnd) -> Result<(), Failure> {
        let code = code(&end);
        if let Some(report) = &self.report {
            let hint = end.error.as_ref().and_then(Diagnostic::help);
            report.step_ended(&StepRemainder {
                status: end.summary.status,
                outputs: &end.summary.outputs,
                hint: hint.map(|hint| hint.to_string()),
            });
        }
        if self.code == Code::Done {
            self.code = code;
        }
        if let (Some(outcome), false) = (end.outcome, self.is_dry) {
            results::append_outputs(&outcome.outputs)?;
        }
        if !end.summary.images.is_empty() {
            self.images.extend(end.summary.images.iter().cloned());
            if !self.is_dry {
                results::write_artifacts(&self.images)?;
            }
        }
        self.errors.extend(end.error);
        self.summary.steps.push(end.summary);
        Ok(())
    }
}

/// What a step's end is for the exit code.
fn code(end: &StepEnd) -> Code {
    match &end.error {
        Some(RunError::Step(StepFailure(error)))
            if error.kind == ErrorKind::InvalidSettings
                && end.summary.status == StepStatus::Failed =>
        {
            Code::BadInput
        }
        _ => end.summary.status.into(),
    }
}

/// Whether the person at the keyboard grants a component what it imports. In CI there is nobody
/// at a keyboard, and who writes the command line there is whom the policy is for.
fn allows_imports(arguments: &RunArguments) -> Result<bool, Failure> {
    let is_shared = |component: &String| parse_reference(component).is_some();
    if arguments.allow_imports && arguments.input.component.as_ref().is_some_and(is_shared) {
        return Err(Failure::input(
            "--allow-imports is for a component on this machine, not for one in a registry",
            "write what it may do into a policy: `stepyard policy init --component REFERENCE` \
             prints one",
        ));
    }
    let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
    if arguments.allow_imports && in_ci {
        return Err(Failure::input(
            "--allow-imports is refused where the variable CI is set",
            "write what the component may do into a policy: `stepyard policy init --component \
             PATH` prints one, and [policy] of stepyard.toml names its file",
        ));
    }
    Ok(arguments.allow_imports)
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
