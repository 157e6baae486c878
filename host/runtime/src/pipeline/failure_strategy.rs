//! `failureStrategies`: what happens when a step fails.

use std::collections::BTreeSet;
use std::time::Duration;

use stepyard_grammar::StepTimeout;

use crate::document::{Field, ProblemKind, did_you_mean};

/// What happens after some kinds of errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureStrategy {
    /// The errors that it answers to.
    pub errors: Vec<FailureError>,
    /// What happens then.
    pub action: FailureAction,
}

/// A kind of error. Those that only arise inside Harness are read and never match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FailureError {
    /// Every error.
    AllErrors,
    /// `Authentication`
    Authentication,
    /// `Authorization`
    Authorization,
    /// `Connectivity`
    Connectivity,
    /// `Timeout`
    Timeout,
    /// `Unknown`
    Unknown,
    /// `PolicyEvaluationFailure`
    PolicyEvaluationFailure,
    /// `RetryableTransientFailure`
    RetryableTransientFailure,
    /// `Verification`
    Verification,
    /// `DelegateProvisioning`
    DelegateProvisioning,
    /// `DelegateRestart`
    DelegateRestart,
    /// `InputTimeoutError`
    InputTimeout,
    /// `ApprovalRejection`
    ApprovalRejection,
    /// `UserMarkedFailure`
    UserMarkedFailure,
}

const ERRORS: [(&str, FailureError); 14] = [
    ("AllErrors", FailureError::AllErrors),
    ("Authentication", FailureError::Authentication),
    ("Authorization", FailureError::Authorization),
    ("Connectivity", FailureError::Connectivity),
    ("Timeout", FailureError::Timeout),
    ("Unknown", FailureError::Unknown),
    (
        "PolicyEvaluationFailure",
        FailureError::PolicyEvaluationFailure,
    ),
    (
        "RetryableTransientFailure",
        FailureError::RetryableTransientFailure,
    ),
    ("Verification", FailureError::Verification),
    ("DelegateProvisioning", FailureError::DelegateProvisioning),
    ("DelegateRestart", FailureError::DelegateRestart),
    ("InputTimeoutError", FailureError::InputTimeout),
    ("ApprovalRejection", FailureError::ApprovalRejection),
    ("UserMarkedFailure", FailureError::UserMarkedFailure),
];

/// What happens after an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureAction {
    /// Go on as if nothing happened; the step counts as ignored.
    Ignore,
    /// Go on; the step counts as successful.
    MarkAsSuccess,
    /// Fail the step.
    MarkAsFailure,
    /// Stop the run.
    Abort,
    /// Run the step again.
    Retry(Retry),
}

/// How a step is run again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// How many times at most; at least 1.
    pub count: u32,
    /// The waits before each; the last one is used for the rest. Never empty.
    pub intervals: Vec<Duration>,
    /// What happens when the last one failed too. Never [`FailureAction::Retry`].
    pub on_failure: Box<FailureAction>,
}

impl Retry {
    /// The wait before the retry of that number (from 0).
    #[must_use]
    pub fn interval(&self, number: usize) -> Duration {
        self.intervals
            .get(number)
            .or(self.intervals.last())
            .copied()
            .unwrap_or_default()
    }
}

impl FailureStrategy {
    /// Whether the strategy answers to an error.
    #[must_use]
    pub fn matches(&self, error: FailureError) -> bool {
        self.errors.contains(&FailureError::AllErrors) || self.errors.contains(&error)
    }
}

/// Reads a list of strategies.
pub(super) fn read(field: &Field<'_>) -> Vec<FailureStrategy> {
    let mut seen = BTreeSet::new();
    let items = field.items().unwrap_or_default();
    items
        .iter()
        .filter_map(|item| read_strategy(item, &mut seen))
        .collect()
}

fn read_strategy(item: &Field<'_>, seen: &mut BTreeSet<FailureError>) -> Option<FailureStrategy> {
    let mut outer = item.fields()?;
    let on_failure = outer.required(
        "onFailure",
        "write `onFailure: {errors: [AllErrors], action: {type: MarkAsFailure}}`",
    );
    outer.finish();
    let mut fields = on_failure?.fields()?;
    let errors = fields
        .required("errors", "write `errors: [AllErrors]`")
        .and_then(|field| read_errors(&field, seen));
    let action = fields
        .required(
            "action",
            "write `action: {type: MarkAsFailure}` or another type",
        )
        .and_then(|field| read_action(&field, true));
    fields.finish();
    Some(FailureStrategy {
        errors: errors?,
        action: action?,
    })
}

fn read_errors(field: &Field<'_>, seen: &mut BTreeSet<FailureError>) -> Option<Vec<FailureError>> {
    let items = field.items()?;
    if items.is_empty() {
        field.problem(
            ProblemKind::InvalidValue,
            "expected at least one error",
            "write `[AllErrors]`",
        );
    }
    let mut errors = Vec::new();
    for item in items {
        let error = item.one_of(&ERRORS)?;
        if !seen.insert(error) {
            item.problem(
                ProblemKind::InvalidValue,
                "an earlier strategy answers to this error already",
                "name each error once",
            );
        }
        errors.push(error);
    }
    Some(errors)
}

/// Actions that only Harness can take.
const HARNESS_ONLY: [&str; 6] = [
    "ManualIntervention",
    "PipelineRollback",
    "ProceedWithDefaultValues",
    "RetryStepGroup",
    "StageRollback",
    "StepGroupRollback",
];
const ACTIONS: &[&str] = &["Ignore", "Retry", "MarkAsSuccess", "MarkAsFailure", "Abort"];

fn read_action(field: &Field<'_>, may_retry: bool) -> Option<FailureAction> {
    let mut fields = field.fields()?;
    let action_type = fields.required("type", "write `type: MarkAsFailure` or another type");
    let spec = fields.optional("spec");
    fields.finish();
    let action_type = action_type?;
    let name = action_type.text()?;
    let action = match name {
        "Ignore" => FailureAction::Ignore,
        "MarkAsSuccess" => FailureAction::MarkAsSuccess,
        "MarkAsFailure" => FailureAction::MarkAsFailure,
        "Abort" => FailureAction::Abort,
        "Retry" if !may_retry => {
            let message = "a retry cannot follow retries";
            let help = "raise `retryCount`, or choose another action";
            action_type.problem(ProblemKind::InvalidValue, message, help);
            return None;
        }
        "Retry" => {
            if spec.is_none() {
                field.problem(
                    ProblemKind::MissingKey,
                    "`spec` is missing",
                    "write `spec: {retryCount: 2, retryIntervals: [10s], onRetryFailure: {action: {type: MarkAsFailure}}}`",
                );
            }
            return read_retry(&spec?).map(FailureAction::Retry);
        }
        _ => {
            let (message, help) = if HARNESS_ONLY.contains(&name) {
                let help = format!("use one of `{}`", ACTIONS.join("`, `"));
                (
                    format!("`{name}` needs Harness itself and cannot happen here"),
                    help,
                )
            } else {
                let known = ACTIONS.iter().copied();
                (
                    format!("`{name}` is not known here"),
                    did_you_mean(name, known),
                )
            };
            action_type.problem(ProblemKind::InvalidValue, message, &help);
            return None;
        }
    };
    if let Some(spec) = spec.and_then(|spec| spec.fields()) {
        spec.finish();
    }
    Some(action)
}

fn read_retry(spec: &Field<'_>) -> Option<Retry> {
    let mut fields = spec.fields()?;
    let count = fields
        .required("retryCount", "write `retryCount: 2`")
        .and_then(|field| field.integer(1, 100))
        .and_then(|count| u32::try_from(count).ok());
    let intervals = fields
        .required("retryIntervals", "write `retryIntervals: [10s]`")
        .and_then(|field| {
            let items = field.items()?;
            if items.is_empty() {
                field.problem(
                    ProblemKind::InvalidValue,
                    "expected at least one interval",
                    "write `[10s]`",
                );
                return None;
            }
            items.iter().map(duration).collect::<Option<Vec<_>>>()
        });
    let on_failure = fields
        .required(
            "onRetryFailure",
            "write `onRetryFailure: {action: {type: MarkAsFailure}}`",
        )
        .and_then(|field| {
            let mut fields = field.fields()?;
            let action = fields.required("action", "write `action: {type: MarkAsFailure}`");
            fields.finish();
            read_action(&action?, false)
        });
    fields.finish();
    Some(Retry {
        count: count?,
        intervals: intervals?,
        on_failure: Box::new(on_failure?),
    })
}

/// A duration such as `10m`.
pub(super) fn duration(field: &Field<'_>) -> Option<Duration> {
    field
        .parse(
            StepTimeout::parse,
            "write a number with its unit, such as `30s`, `10m` or `1h 30m`",
        )
        .map(StepTimeout::duration)
}
