//! The records of one run.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use time::OffsetDateTime;

use super::record::{
    AuditAccess, AuditDecision, AuditEntry, AuditRecord, AuditResult, AuditedComponent,
};
use super::{AuditError, AuditHead, AuditSink};
use crate::capability::CapabilityError;
use crate::component::Origin;
use crate::event::{LogLevel, Reporter, StepStatus};
use crate::policy::{Decided, PolicyMode, Principal};

/// Records the calls of one run. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct RunAudit {
    sink: Arc<dyn AuditSink>,
    run: Arc<str>,
    reporter: Reporter,
    calls: Arc<AtomicU64>,
    /// The digest of what runs, from its beginning.
    component: Arc<OnceLock<String>>,
}

impl RunAudit {
    pub(crate) fn new(sink: Arc<dyn AuditSink>, reporter: Reporter) -> Self {
        let run = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        Self {
            sink,
            run: run.into(),
            reporter,
            calls: Arc::default(),
            component: Arc::default(),
        }
    }

    fn record(&self, record: AuditRecord<'_>) -> Result<(), AuditError> {
        self.sink.record(&AuditEntry {
            time: OffsetDateTime::now_utc(),
            run: &self.run,
            step: self.reporter.step(),
            record,
        })
    }

    /// The run begins.
    pub(crate) fn begin(
        &self,
        principal: &Principal,
        mode: PolicyMode,
        policy: Option<&str>,
    ) -> Result<(), AuditError> {
        self.component.get_or_init(|| principal.digest.clone());
        let component = AuditedComponent {
            name: &principal.name,
            version: &principal.version,
            digest: &principal.digest,
            origin: match principal.origin {
                Origin::BuiltIn => "built-in",
                Origin::Pinned => "pinned",
                Origin::Elsewhere => "elsewhere",
            },
        };
        self.record(AuditRecord::RunStarted {
            component,
            mode: mode.name(),
            policy,
        })
    }

    /// A call was decided. It may act only when this has succeeded.
    pub(crate) fn intent(
        &self,
        call: u64,
        decided: &[Decided],
        decision: AuditDecision,
    ) -> Result<Intent, AuditError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let resources: Vec<String> = decided
            .iter()
            .map(|decided| {
                let mut resource = decided.access.shown_resource();
                self.reporter.mask().apply(&mut resource);
                resource
            })
            .collect();
        let accesses = decided.iter().zip(&resources);
        let accesses = accesses.map(|(decided, resource)| AuditAccess {
            action: decided.access.action.name(),
            resource,
            permitted: decided.decision.is_permit(),
            rules: decided
                .decision
                .rules()
                .iter()
                .map(ToString::to_string)
                .collect(),
        });
        self.record(AuditRecord::Intent {
            call,
            component: self.component.get().map_or("", String::as_str),
            accesses: accesses.collect(),
            decision,
        })?;
        Ok(Intent {
            audit: self.clone(),
            call,
            begin: Instant::now(),
            transferred: self.reporter.transferred(),
            ended: false,
        })
    }

    /// The run has ended; what was recorded is on the disk when this returns.
    pub(crate) fn end(
        &self,
        status: StepStatus,
        would_be_denied: u64,
    ) -> Result<Option<AuditHead>, AuditError> {
        self.record(AuditRecord::RunFinished {
            status,
            calls: self.calls.load(Ordering::Relaxed),
            would_be_denied,
        })?;
        self.sink.end_of_run()
    }
}

/// A call whose outcome is to be recorded. Where it is dropped before, the call was interrupted.
pub(crate) struct Intent {
    audit: RunAudit,
    call: u64,
    begin: Instant,
    transferred: u64,
    ended: bool,
}

impl Intent {
    /// The call was refused.
    pub(crate) fn denied(mut self) {
        self.end(AuditResult::Denied);
    }

    /// The call has returned; its error is masked already.
    pub(crate) fn returned<T>(mut self, result: &Result<T, CapabilityError>) {
        self.end(AuditResult::of(result));
    }

    fn end(&mut self, result: AuditResult<'_>) {
        self.ended = true;
        let reporter = &self.audit.reporter;
        let recorded = self.audit.record(AuditRecord::Outcome {
            call: self.call,
            microseconds: u64::try_from(self.begin.elapsed().as_micros()).unwrap_or(u64::MAX),
            bytes: reporter.transferred().saturating_sub(self.transferred),
            result,
        });
        // The call has acted, so all that can be done is to say it; the next one is not made.
        if let Err(error) = recorded {
            reporter.log(LogLevel::Error, error.to_string());
        }
    }
}

impl Drop for Intent {
    fn drop(&mut self) {
        if !self.ended {
            self.end(AuditResult::Interrupted);
        }
    }
}
