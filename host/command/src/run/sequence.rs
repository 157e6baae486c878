//! Running steps one after another: conditions, retries, and what comes after a failure.

use std::time::{Duration, Instant};

use stepyard::event::{EventKind, StepStatus};
use stepyard::pipeline::{FailureAction, FailureError, WhenStatus};
use stepyard::policy::CallRecords;
use stepyard::recording::{RecordedEnd, RecordingFile};
use stepyard::{DryRun, ErrorKind, Host, Outcome, RunError, RunRequest, StepFailure, Workspace};

use super::plan::{Plan, PlannedStep};
use super::scope::RunScope;
use super::trace::{Calls, Trace};
use crate::exit::{Code, Failure};
use crate::view::StepSummary;

/// What the steps of one command share.
pub(crate) struct Sequence<'a> {
    pub(crate) host: &'a Host,
    pub(crate) plan: &'a Plan,
    pub(crate) scope: &'a RunScope,
    pub(crate) workspace: Workspace,
    pub(crate) conditions: RunConditions,
    pub(crate) events: super::Events,
}

/// How the steps are run.
#[derive(Clone, Default)]
pub(crate) struct RunConditions {
    /// Ends a step that runs for longer.
    pub(crate) timeout: Option<Duration>,
    /// The branch that is built.
    pub(crate) branch: Option<String>,
    /// Whether components are granted what they import.
    pub(crate) allows_imports: bool,
    /// Where nothing is changed: what the steps would have written.
    pub(crate) dry_run: Option<DryRun>,
    /// Where the calls are recorded.
    pub(crate) recording: Option<RecordingFile>,
    /// Whether the calls are shown.
    pub(crate) traces: bool,
    /// Where it is kept what the policy is asked and answers.
    pub(crate) records: Option<CallRecords>,
}

/// How one step ended.
pub(crate) struct StepEnd {
    pub(crate) summary: StepSummary,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) error: Option<RunError>,
    aborts: bool,
}

impl Sequence<'_> {
    /// Runs the steps in order and hands each end to `ended`.
    pub(crate) async fn run(
        &self,
        mut ended: impl FnMut(StepEnd) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut failed: Option<String> = None;
        let mut aborted = false;
        for step in self.plan.steps() {
            self.scope.enter_stage(self.plan, step.stage)?;
            let skipped = match aborted {
                true => Some("the run was aborted".to_owned()),
                false => self.reason_to_skip(step, failed.as_deref())?,
            };
            let end = match skipped {
                Some(reason) => self.skip(step, reason),
                None => self.run_step(step).await?,
            };
            if !matches!(
                end.summary.status,
                StepStatus::Succeeded | StepStatus::Skipped
            ) {
                failed.get_or_insert_with(|| step.identifier.clone());
            }
            aborted |= end.aborts;
            ended(end)?;
        }
        Ok(())
    }

    fn reason_to_skip(
        &self,
        step: &PlannedStep,
        failed: Option<&str>,
    ) -> Result<Option<String>, Failure> {
        if let (Some(failed), true) = (failed, step.conditions.is_empty()) {
            return Ok(Some(format!("the step {failed} failed")));
        }
        for condition in &step.conditions {
            let holds = match condition.status {
                WhenStatus::Success => failed.is_none(),
                WhenStatus::Failure => failed.is_some(),
                WhenStatus::All => true,
            };
            if !holds {
                return Ok(Some(match failed {
                    Some(failed) => format!("the step {failed} failed"),
                    None => "no step failed".to_owned(),
                }));
            }
            if let Some(condition) = &condition.condition
                && !condition.evaluate(self.scope)?
            {
                return Ok(Some(format!("its condition is false: {}", condition.text)));
            }
        }
        Ok(None)
    }

    fn skip(&self, step: &PlannedStep, reason: String) -> StepEnd {
        let reporter = self
            .host
            .reporter(self.events.sink(), step.identifier.clone());
        reporter.report(EventKind::StepFinished {
            status: StepStatus::Skipped,
            milliseconds: 0,
            error: Some(reason),
            would_be_denied: 0,
            audit: None,
        });
        StepEnd {
            summary: summary(step, StepStatus::Skipped, Duration::ZERO),
            outcome: None,
            error: None,
            aborts: false,
        }
    }

    fn under_conditions(&self, step: &PlannedStep, mut request: RunRequest) -> RunRequest {
        let conditions = &self.conditions;
        if let Some(pipeline) = &self.plan.pipeline.identifier {
            request = request.pipeline(pipeline.to_string());
        }
        if let Some(branch) = &conditions.branch {
            request = request.branch(branch);
        }
        if conditions.allows_imports {
            request = request.allow_imports();
        }
        if let Some(run) = &conditions.dry_run {
            request = request.dry_run(run.clone());
        }
        let calls = Calls {
            trace: conditions.traces.then(|| Trace {
                reporter: self
                    .host
                    .reporter(self.events.sink(), step.identifier.clone()),
                events: self.events.clone(),
            }),
            recording: conditions.recording.clone(),
            report: self
                .events
                .report
                .clone()
                .map(|report| (report, step.identifier.clone())),
        };
        if calls.trace.is_some() || calls.recording.is_some() || calls.report.is_some() {
            request = request.exchanges(calls);
        }
        if let Some(records) = &conditions.records {
            request = request.record_calls(records.clone());
        }
        request
    }

    /// Runs a step, and again where its failure strategies say so.
    async fn run_step(&self, step: &PlannedStep) -> Result<StepEnd, Failure> {
        let begin = Instant::now();
        let mut retries = 0;
        loop {
            let settings = step.resolve(self.scope)?;
            let recording = self.conditions.recording.as_ref();
            if let Some(recording) = recording {
                let mask = self.host.mask();
                recording.started(&step.identifier, &step.component, &settings.value, mask);
            }
            let mut request = RunRequest::new(settings.value)
                .step(step.identifier.clone())
                .placeholders(settings.placeholders)
                .workspace(self.workspace.clone())
                .events(self.events.clone());
            if let Some(timeout) = shorter(step.timeout, self.conditions.timeout) {
                request = request.timeout(timeout);
            }
            request = self.under_conditions(step, request);
            let result = self.host.run(&step.component, request).await;
            if let Some(recording) = recording {
                let end = RecordedEnd::of(result.as_ref());
                let written = recording.ended(end);
                written.map_err(|error| Failure::new(Code::Failed, error))?;
            }
            let error = match result {
                Ok(outcome) => {
                    self.scope.add_outputs(&step.identifier, &outcome.outputs);
                    let mut summary = summary(step, StepStatus::Succeeded, begin.elapsed());
                    let noted = self.events.take();
                    summary.would_be_denied = noted.would_be_denied;
                    summary.audit = noted.audit;
                    summary.images.clone_from(&outcome.images);
                    summary.outputs.clone_from(&outcome.outputs);
                    return Ok(StepEnd {
                        summary,
                        outcome: Some(outcome),
                        error: None,
                        aborts: false,
                    });
                }
                Err(error) => error,
            };
            let action = action(step, &error);
            if let Some(FailureAction::Retry(retry)) = action
                && retries < retry.count
            {
                let wait = retry.interval(retries as usize);
                retries += 1;
                let reporter = self
                    .host
                    .reporter(self.events.sink(), step.identifier.clone());
                reporter.log(
                    stepyard::event::LogLevel::Warn,
                    format!("retry {retries} of {} in {wait:?}: {error}", retry.count),
                );
                tokio::time::sleep(wait).await;
                continue;
            }
            let action = match action {
                Some(FailureAction::Retry(retry)) => Some(&*retry.on_failure),
                other => other,
            };
            let status = match action {
                Some(FailureAction::Ignore | FailureAction::MarkAsSuccess) => StepStatus::Succeeded,
                _ => error.status(),
            };
            let mut summary = summary(step, status, begin.elapsed());
            let noted = self.events.take();
            summary.images = noted.pushed;
            summary.would_be_denied = noted.would_be_denied;
            summary.audit = noted.audit;
            return Ok(StepEnd {
                summary,
                outcome: None,
                error: Some(error),
                aborts: matches!(action, Some(FailureAction::Abort)),
            });
        }
    }
}

fn shorter(left: Option<Duration>, right: Option<Duration>) -> Option<Duration> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.min(right)),
        (left, right) => left.or(right),
    }
}

fn summary(step: &PlannedStep, status: StepStatus, duration: Duration) -> StepSummary {
    StepSummary {
        step: step.identifier.clone(),
        status,
        duration,
        images: Vec::new(),
        outputs: Vec::new(),
        would_be_denied: 0,
        audit: None,
    }
}

/// What the step's failure strategies say of an error.
fn action<'a>(step: &'a PlannedStep, error: &RunError) -> Option<&'a FailureAction> {
    let error = failure_error(error);
    step.failure_strategies
        .iter()
        .find(|strategy| strategy.matches(error))
        .map(|strategy| &strategy.action)
}

/// Harness's class of an error.
fn failure_error(error: &RunError) -> FailureError {
    match error {
        RunError::TimedOut { .. } => FailureError::Timeout,
        RunError::Step(StepFailure(error)) => match error.kind {
            ErrorKind::Unauthenticated => FailureError::Authentication,
            ErrorKind::Forbidden => FailureError::Authorization,
            ErrorKind::Denied => FailureError::PolicyEvaluationFailure,
            ErrorKind::TimedOut => FailureError::Timeout,
            ErrorKind::Unavailable | ErrorKind::Throttled => FailureError::Connectivity,
            _ => FailureError::Unknown,
        },
        _ => FailureError::Unknown,
    }
}
