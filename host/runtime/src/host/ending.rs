//! The end of a run, which is reported and recorded whatever ends it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::audit::{AuditError, AuditHead, RunAudit};
use crate::event::{EventKind, Reporter, StepStatus};

/// Reports the end of a step, also where its future is dropped before.
pub(super) struct Ending<'a> {
    pub(super) reporter: &'a Reporter,
    pub(super) begin: Instant,
    pub(super) would_be_denied: &'a AtomicU64,
    pub(super) audit: Option<RunAudit>,
    pub(super) reported: bool,
}

impl Ending<'_> {
    /// The head of the audit log, where there is one.
    pub(super) fn report(
        &mut self,
        status: StepStatus,
        error: Option<String>,
    ) -> Result<Option<AuditHead>, AuditError> {
        self.reported = true;
        let would_be_denied = self.would_be_denied.load(Ordering::Relaxed);
        let audit = self.audit.as_ref();
        let head = audit.map_or(Ok(None), |audit| audit.end(status, would_be_denied));
        // A run whose records are not on the disk has not ended well.
        let (status, error) = match &head {
            Err(fault) => (StepStatus::Failed, Some(fault.to_string())),
            Ok(_) => (status, error),
        };
        self.reporter.report(EventKind::StepFinished {
            status,
            milliseconds: u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX),
            error,
            would_be_denied,
            audit: head
                .as_ref()
                .ok()
                .cloned()
                .flatten()
                .map(|head| head.to_string()),
        });
        head
    }
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if !self.reported {
            // The event says what is wrong with the log.
            let _ = self.report(StepStatus::Interrupted, Some("interrupted".to_owned()));
        }
    }
}
