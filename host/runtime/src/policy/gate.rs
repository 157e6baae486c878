//! Where calls are decided, recorded and handed on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::decisions::Decisions;
use super::{
    Access, Authorized, Call, CallFacts, CallRecords, Decided, DecidedCall, Decision, Policy,
    PolicyMode, Principal, Rule, RunFacts, shown_rules,
};
use crate::audit::{AuditDecision, Intent, RunAudit};
use crate::capability::{CapabilityError, ErrorKind};
use crate::event::{EventKind, LogLevel, Reporter};
use crate::patience;
use crate::registry::{Registry, Resolve};

/// A call that the policy does not permit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("denied: {} on {}: {reason}", access.action, access.shown_resource())]
pub struct Denial {
    /// What was not permitted.
    pub access: Access,
    /// The rules that forbid it; none where no rule permits it.
    pub rules: Vec<Rule>,
    /// Why.
    pub reason: String,
    /// What a person can do about it.
    pub remedy: String,
}

impl Decided {
    /// The denial, where it is one.
    pub(crate) fn denial(&self) -> Option<Denial> {
        match &self.decision {
            Decision::Permit { .. } => None,
            Decision::Deny {
                rules,
                reason,
                remedy,
            } => Some(Denial {
                access: self.access.clone(),
                rules: rules.clone(),
                reason: reason.clone(),
                remedy: remedy.clone(),
            }),
        }
    }
}

impl From<Denial> for CapabilityError {
    fn from(denial: Denial) -> Self {
        let error = Self::new(ErrorKind::Denied, denial.to_string());
        if denial.rules.is_empty() {
            return error.with_hint(denial.remedy);
        }
        error.with_hint(format!(
            "{} (rule {})",
            denial.remedy,
            shown_rules(&denial.rules)
        ))
    }
}

/// Decides the calls of one run and reports them.
pub struct Gate {
    decisions: Decisions,
    mode: PolicyMode,
    reporter: Reporter,
    /// Answers whether a tag exists, where the policy asks.
    registry: Option<Arc<dyn Registry>>,
    records: Option<CallRecords>,
    audit: Option<RunAudit>,
    /// Whether what is permitted is done only as far as it reads.
    is_dry: bool,
    calls: AtomicU64,
    most_calls: u64,
    would_be_denied: Arc<AtomicU64>,
}

impl Gate {
    /// A gate for one run of the step `principal`.
    pub(crate) fn new(policy: Arc<dyn Policy>, principal: Principal, reporter: Reporter) -> Self {
        Self {
            decisions: Decisions::new(policy, principal),
            mode: PolicyMode::Enforce,
            reporter,
            registry: None,
            records: None,
            audit: None,
            is_dry: false,
            calls: AtomicU64::new(0),
            most_calls: u64::MAX,
            would_be_denied: Arc::default(),
        }
    }

    /// The same, whose policy is told these facts.
    pub(crate) fn of_run(mut self, run: RunFacts) -> Self {
        self.decisions = self.decisions.of_run(run);
        self
    }

    /// The same, which treats denials so.
    pub(crate) fn in_mode(mut self, mode: PolicyMode) -> Self {
        self.mode = mode;
        self
    }

    /// The same, whose policy can ask whether this registry client finds a tag.
    pub(crate) fn asking(mut self, registry: Option<Arc<dyn Registry>>) -> Self {
        self.registry = registry;
        self
    }

    /// The same, whose calls change nothing, which it says of each that would.
    pub(crate) fn dry(mut self, is_dry: bool) -> Self {
        self.is_dry = is_dry;
        self
    }

    /// The same, which adds each call to these records.
    pub(crate) fn recording(mut self, records: Option<CallRecords>) -> Self {
        self.records = records;
        self
    }

    /// The same, which records each call before it is made.
    pub(crate) fn audited(mut self, audit: Option<RunAudit>) -> Self {
        self.audit = audit;
        self
    }

    /// The same, which counts here the calls that are made though the policy denies them.
    pub(crate) fn counting(mut self, would_be_denied: Arc<AtomicU64>) -> Self {
        self.would_be_denied = would_be_denied;
        self
    }

    /// The same, which lets no more calls pass than these.
    pub(crate) fn limited(mut self, most_calls: u64) -> Self {
        self.most_calls = most_calls;
        self
    }

    /// Where the run's events go.
    pub(crate) fn reporter(&self) -> &Reporter {
        &self.reporter
    }

    /// Decides on `call`, and where it is permitted lets `act` do it. Both the decision and the
    /// end are reported.
    pub(crate) async fn pass<C, T, F>(
        &self,
        call: C,
        act: impl FnOnce(Authorized<C>) -> F,
    ) -> Result<T, CapabilityError>
    where
        C: Call,
        F: Future<Output = Result<T, CapabilityError>>,
    {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if number > self.most_calls {
            return Err(too_many_calls(self.most_calls));
        }
        let accesses = call.accesses();
        let facts = self.facts(&call, &accesses).await?;
        let intent = self.authorize(number, accesses, facts).await?;
        let authorized = Authorized::new(call, self.reporter.step().clone());
        let begin = Instant::now();
        let result = patience::telling(&self.reporter, act(authorized)).await;
        let result = result.map_err(|mut error| {
            // What is told of a failure may repeat what was printed, and the guest reads it too.
            self.reporter.mask().apply_to_error(&mut error);
            error
        });
        if let Some(intent) = intent {
            intent.returned(&result);
        }
        self.reporter.report(EventKind::CallFinished {
            call: number,
            milliseconds: u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX),
            error: result.as_ref().err().cloned(),
        });
        result
    }

    /// What the policy may want to know of a call. It is not decided without what it wants.
    async fn facts<C: Call>(
        &self,
        call: &C,
        accesses: &[Access],
    ) -> Result<CallFacts, CapabilityError> {
        let wants_tag_exists = accesses
            .iter()
            .any(|access| self.decisions.policy.wants_tag_exists(access.action));
        Ok(CallFacts {
            build: call.build_facts(),
            tag_exists: if wants_tag_exists {
                self.tag_exists(call).await?
            } else {
                None
            },
        })
    }

    async fn tag_exists<C: Call>(&self, call: &C) -> Result<Option<bool>, CapabilityError> {
        let (Some((destination, credential)), Some(registry)) =
            (call.destination(), &self.registry)
        else {
            return Ok(None);
        };
        if destination.tag().is_none() {
            return Ok(None);
        }
        // It needs no decision of its own: the answer goes to the policy alone.
        let resolve = Resolve {
            reference: destination,
            credential,
        };
        let question = Authorized::new(resolve, self.reporter.step().clone());
        match registry.resolve(question).await {
            Ok(found) => Ok(Some(found.is_some())),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(Some(false)),
            Err(mut error) => {
                self.reporter.mask().apply_to_error(&mut error);
                error.message = format!(
                    "the policy asks whether the tag exists, and the registry does not say: {}",
                    error.message
                );
                Err(error)
            }
        }
    }

    /// Decides on what a call would do, and records that it is about to be done. The error is the
    /// denial.
    async fn authorize(
        &self,
        number: u64,
        accesses: Vec<Access>,
        facts: CallFacts,
    ) -> Result<Option<Intent>, CapabilityError> {
        let decided = self.decide(accesses, facts).await;
        let denial = decided.iter().find_map(Decided::denial);
        match (&denial, decided.first()) {
            (Some(denial), _) => {
                self.report_decision(number, &denial.access, false, &denial.rules);
            }
            (None, Some(main)) => {
                self.report_decision(number, &main.access, true, main.decision.rules());
                if self.is_dry && main.access.action.changes_something() {
                    let (action, resource) = (main.access.action, main.access.shown_resource());
                    let line = format!("dry run: {action} on {resource} is not done");
                    self.reporter.log(LogLevel::Info, line);
                }
            }
            // Without an access a call would pass undecided: that is a fault of the call's type.
            (None, None) => {
                return Err(CapabilityError::new(
                    ErrorKind::Denied,
                    "denied: the call does not say what it would touch",
                )
                .with_hint("report this as a fault of the host"));
            }
        }
        let intent = self.record(number, decided, denial.is_some())?;
        let Some(denial) = denial else {
            return Ok(intent);
        };
        if self.mode == PolicyMode::Enforce {
            if let Some(intent) = intent {
                intent.denied();
            }
            return Err(denial.into());
        }
        self.would_be_denied.fetch_add(1, Ordering::Relaxed);
        self.reporter.log(
            LogLevel::Warn,
            format!("the policy only observes; enforced, this would be {denial}"),
        );
        Ok(intent)
    }

    /// Records a decided call, where records are kept. Without its record it is not made.
    fn record(
        &self,
        number: u64,
        decided: Vec<Decided>,
        is_denied: bool,
    ) -> Result<Option<Intent>, CapabilityError> {
        let decision = match (is_denied, self.mode) {
            (false, _) => AuditDecision::Permitted,
            (true, PolicyMode::Enforce) => AuditDecision::Denied,
            (true, PolicyMode::Observe) => AuditDecision::Observed,
        };
        let intent = match &self.audit {
            Some(audit) => Some(audit.intent(number, &decided, decision).map_err(|error| {
                CapabilityError::new(ErrorKind::Unavailable, error.to_string())
                    .with_hint("no call is made without its record in the audit log")
            })?),
            None => None,
        };
        if let Some(records) = &self.records {
            records.add(DecidedCall {
                call: number,
                decided,
            });
        }
        Ok(intent)
    }

    /// What the policy says of each access, up to the first denial where one ends the call.
    async fn decide(&self, accesses: Vec<Access>, facts: CallFacts) -> Vec<Decided> {
        let facts = Arc::new(facts);
        let mut decided = Vec::with_capacity(accesses.len());
        for access in accesses {
            let decision = self.decisions.decide(&access, &facts).await;
            let ends = self.mode == PolicyMode::Enforce && !decision.is_permit();
            decided.push(Decided { access, decision });
            if ends {
                break;
            }
        }
        decided
    }

    fn report_decision(&self, number: u64, access: &Access, permitted: bool, rules: &[Rule]) {
        self.reporter.report(EventKind::CallStarted {
            call: number,
            action: access.action.name(),
            resource: access.shown_resource(),
            permitted,
            rule: (!rules.is_empty()).then(|| shown_rules(rules)),
            observed: !permitted && self.mode == PolicyMode::Observe,
        });
    }
}

fn too_many_calls(limit: u64) -> CapabilityError {
    CapabilityError::new(
        ErrorKind::Other("limit-reached".to_owned()),
        format!("the step has made {limit} capability calls, which is its limit"),
    )
    .with_hint("raise `calls` under [limits] of stepyard.toml, or let the step ask less")
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
