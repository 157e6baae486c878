//! One run of a step: what it is given, and how it can fail.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use crate::audit::AuditError;
use crate::capability::{CapabilityError, ErrorKind};
use crate::component::{GuestFailure, Limits};
use crate::dry_run::DryRun;
use crate::event::{EventSink, NoEvents, StepStatus};
use crate::policy::{CallRecords, NamingError};
use crate::recording::{ExchangeSink, Exchanges, Replay};
use crate::secret::{Mask, Placeholders};
use crate::workspace::Workspace;

/// What a run is given.
pub struct RunRequest {
    pub(crate) step: Arc<str>,
    pub(crate) settings: serde_json::Value,
    pub(crate) placeholders: Placeholders,
    pub(crate) workspace: Option<Workspace>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) limits: Option<Limits>,
    pub(crate) sink: Arc<dyn EventSink>,
    pub(crate) pipeline: Option<String>,
    pub(crate) branch: Option<String>,
    pub(crate) allows_imports: bool,
    pub(crate) records: Option<CallRecords>,
    pub(crate) dry_run: Option<DryRun>,
    pub(crate) exchanges: Exchanges,
    pub(crate) would_be_denied: Arc<AtomicU64>,
}

impl RunRequest {
    /// A run with these settings: a JSON object as the step's schema describes it.
    pub fn new(settings: serde_json::Value) -> Self {
        Self {
            step: "step".into(),
            settings,
            placeholders: Placeholders::default(),
            workspace: None,
            timeout: None,
            limits: None,
            sink: Arc::new(NoEvents),
            pipeline: None,
            branch: None,
            allows_imports: false,
            records: None,
            dry_run: None,
            exchanges: Exchanges::default(),
            would_be_denied: Arc::default(),
        }
    }

    /// The pipeline that the step belongs to, for the policy.
    #[must_use]
    pub fn pipeline(mut self, identifier: impl Into<String>) -> Self {
        self.pipeline = Some(identifier.into());
        self
    }

    /// The branch that is built, for the policy.
    #[must_use]
    pub fn branch(mut self, name: impl Into<String>) -> Self {
        self.branch = Some(name.into());
        self
    }

    /// Permits what the component imports, save where a rule forbids it. For a person who tries
    /// out a component on a machine of their own.
    #[must_use]
    pub fn allow_imports(mut self) -> Self {
        self.allows_imports = true;
        self
    }

    /// Changes nothing: what reads acts, what writes answers as if it had been done.
    #[must_use]
    pub fn dry_run(mut self, run: DryRun) -> Self {
        self.dry_run = Some(run);
        self
    }

    /// Tells each call of the contract, with its arguments and its answer.
    #[must_use]
    pub fn exchanges(mut self, sink: impl ExchangeSink + 'static) -> Self {
        self.exchanges = Exchanges::told(Arc::new(sink));
        self
    }

    /// Makes no call: the recording answers.
    #[must_use]
    pub fn replay(mut self, recording: Arc<Replay>) -> Self {
        self.exchanges = Exchanges::Replayed(recording);
        self
    }

    /// Keeps what the policy is asked and answers.
    #[must_use]
    pub fn record_calls(mut self, records: CallRecords) -> Self {
        self.records = Some(records);
        self
    }

    /// The step's identifier, for events.
    #[must_use]
    pub fn step(mut self, identifier: impl Into<Arc<str>>) -> Self {
        self.step = identifier.into();
        self
    }

    /// What in the settings stands for a secret.
    #[must_use]
    pub fn placeholders(mut self, placeholders: Placeholders) -> Self {
        self.placeholders = placeholders;
        self
    }

    /// The folder whose files the step may read and build from.
    #[must_use]
    pub fn workspace(mut self, workspace: Workspace) -> Self {
        self.workspace = Some(workspace);
        self
    }

    /// Ends the run after this time, where the host's own limit does not end it before.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Tightens the host's limits: the less of both counts.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Receives the events.
    #[must_use]
    pub fn events(mut self, sink: impl EventSink + 'static) -> Self {
        self.sink = Arc::new(sink);
        self
    }

    /// The limits that count, where the host's are `limits`.
    pub(crate) fn tightened(&self, limits: &Limits) -> Limits {
        let timeout = Limits {
            wall_clock: self.timeout,
            ..limits.clone()
        };
        let limits = limits.tightened(&timeout);
        match &self.limits {
            Some(own) => limits.tightened(own),
            None => limits,
        }
    }
}

/// Why a run did not succeed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum RunError {
    /// The step reports a failure.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Step(#[from] StepFailure),
    /// The step did not return.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Guest(#[from] GuestFailure),
    /// The time limit was reached. The work behind the step was stopped.
    #[error("the step was stopped because its time limit of {limit:?} was reached")]
    #[diagnostic(help("raise the step's `timeout` if it is meant to take so long"))]
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// The settings are too large.
    #[error("the step's settings have {size} bytes; at most {limit} are accepted")]
    #[diagnostic(help("raise `settings-bytes` under [limits] of stepyard.toml"))]
    SettingsTooLarge {
        /// Their size in bytes of JSON.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// The step's settings schema cannot be understood.
    #[error(transparent)]
    Naming(#[from] NamingError),
    /// The step returned something that other programs could not read.
    #[error("the step returned a faulty outcome: {problem}")]
    FaultyOutcome {
        /// What is wrong with it.
        problem: String,
    },
    /// What the step did cannot be recorded.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Audit(#[from] AuditError),
    /// The sandbox cannot be made.
    #[error("the step's sandbox cannot be made: {0}")]
    Sandbox(#[source] std::io::Error),
}

/// A failure that a step reports, with its hint as help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StepFailure(pub CapabilityError);

impl miette::Diagnostic for StepFailure {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        let hint = self.0.hint.as_ref()?;
        Some(Box::new(hint))
    }
}

impl From<CapabilityError> for RunError {
    fn from(error: CapabilityError) -> Self {
        Self::Step(StepFailure(error))
    }
}

impl RunError {
    /// Masks what the step and the capabilities say.
    pub(crate) fn apply(&mut self, mask: &Mask) {
        match self {
            Self::Step(StepFailure(error)) => mask.apply_to_error(error),
            Self::Guest(GuestFailure::Trapped { message, help: _ }) => mask.apply(message),
            Self::FaultyOutcome { problem } => mask.apply(problem),
            // Of the host's own words and numbers, or of settings, which hold no secret.
            Self::Guest(
                GuestFailure::Memory { .. }
                | GuestFailure::CpuTime { .. }
                | GuestFailure::Count { .. }
                | GuestFailure::Crowded,
            )
            | Self::TimedOut { .. }
            | Self::SettingsTooLarge { .. }
            | Self::Naming(_)
            | Self::Audit(_)
            | Self::Sandbox(_) => {}
        }
    }

    /// How the step ended.
    pub fn status(&self) -> StepStatus {
        match self {
            Self::Step(StepFailure(error)) => match error.kind {
                ErrorKind::Denied => StepStatus::Denied,
                ErrorKind::TimedOut => StepStatus::TimedOut,
                ErrorKind::Cancelled => StepStatus::Interrupted,
                _ => StepStatus::Failed,
            },
            Self::TimedOut { .. } => StepStatus::TimedOut,
            _ => StepStatus::Failed,
        }
    }
}
