//! Steps that are run without changing anything, to see what they ask for.

use std::sync::{Arc, Mutex, PoisonError};

use stepyard::event::{Event, EventSink};
use stepyard::policy::{CallRecords, CedarPolicy, DecidedCall, PolicyMode, Principal};
use stepyard::{DryRun, RunError};

use crate::arguments::InputArguments;
use crate::exit::{Code, Failure};
use crate::run::{Events, RunConditions, Sequence, StepEnd, plan, scope};
use crate::session;
use crate::view::{RunSummary, View};

/// What one step asked for.
pub(super) struct Rehearsed {
    /// The step's identifier.
    pub(super) step: String,
    /// Its component.
    pub(super) principal: Principal,
    /// Its calls.
    pub(super) calls: Vec<DecidedCall>,
    /// Why it did not come to its end, where it did not.
    pub(super) error: Option<RunError>,
}

/// All that was rehearsed.
pub(super) struct Rehearsal {
    /// In the order of the steps; without those whose condition is false.
    pub(super) steps: Vec<Rehearsed>,
    /// The build engine, as policies call it.
    pub(super) engine: Option<String>,
    /// What the components import and no rule can ever permit.
    pub(super) in_vain: Vec<String>,
}

/// Runs the steps that `input` names. Calls that are denied are answered as if they were not, so
/// that those behind them are seen too.
pub(super) async fn rehearse(input: &InputArguments) -> Result<Rehearsal, Failure> {
    let configuration = session::configuration(input.config.as_deref())?;
    let connectors = session::connectors(input)?;
    let workspace = session::workspace(&configuration, input)?;
    let policy = session::policy(&configuration, &input.policies)?;
    let host = session::host(&configuration, connectors.clone(), policy.clone())?;
    let plan = plan::Plan::read(&host, input, &configuration).await?;
    let scope = scope::RunScope::new(input, &plan, true)?;
    plan.check(&host, &connectors, &scope).await?;
    let records = CallRecords::default();
    let sequence = Sequence {
        host: &host,
        plan: &plan,
        scope: &scope,
        workspace,
        conditions: RunConditions {
            branch: input.branch.clone(),
            dry_run: Some(DryRun::new(PolicyMode::Observe)),
            records: Some(records.clone()),
            ..RunConditions::default()
        },
        events: Events::new(Arc::new(Unwatched)),
    };
    let ends: Mutex<Vec<(StepEnd, Vec<DecidedCall>)>> = Mutex::default();
    sequence
        .run(|end| {
            let calls = records.take();
            ends.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((end, calls));
            Ok(())
        })
        .await?;
    let ends = ends.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut steps = Vec::new();
    let mut in_vain = Vec::new();
    for (planned, (end, calls)) in plan.steps().iter().zip(ends) {
        let principal = host
            .principal(&planned.component)
            .await
            .map_err(|error| Failure::new(Code::Failed, error))?;
        in_vain.extend(never_permitted(&policy, &principal, planned));
        steps.push(Rehearsed {
            step: planned.identifier.clone(),
            principal,
            calls,
            error: end.error,
        });
    }
    Ok(Rehearsal {
        steps,
        engine: host.engine_name(),
        in_vain,
    })
}

/// What a component imports and no rule can ever permit.
fn never_permitted(
    policy: &CedarPolicy,
    principal: &Principal,
    step: &plan::PlannedStep,
) -> Vec<String> {
    stepyard::policy::never_permitted(policy, principal, step.component.imports())
        .into_iter()
        .map(|call| format!("{}: {}", step.identifier, call.function))
        .collect()
}

/// Shows nothing.
struct Unwatched;

impl EventSink for Unwatched {
    fn emit(&self, _event: Event) {}
}

impl View for Unwatched {
    fn finish(&self) {}

    fn summary(&self, _summary: &RunSummary) {}
}
