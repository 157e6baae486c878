//! The audit log: what every step asked for, what was decided, and what came of it.
//!
//! Two records a capability call: an *intent*, which is written before the call acts, and an
//! *outcome* after it. A call whose intent cannot be written does not act. [`AuditFile`] keeps
//! them as JSON lines, each of which holds the hash of the line before it, so that a changed or
//! missing line shows; an embedder may take the records as they come ([`AuditSink`]).

mod chain;
mod file;
mod line;
mod record;
mod run;
#[cfg(test)]
mod tests;
mod verify;

pub use chain::AuditHead;
pub use file::{AuditFile, AuditSync};
pub use line::{AuditLine, LineError};
pub use record::{
    AuditAccess, AuditDecision, AuditEntry, AuditRecord, AuditResult, AuditedComponent,
};
pub(crate) use run::{Intent, RunAudit};
pub use verify::{AuditFault, AuditReport, verify};

/// A record that cannot be kept.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("the audit log {place} cannot be written: {problem}")]
#[diagnostic(help(
    "no call is made without its record; mend it, or name another file under [audit]"
))]
pub struct AuditError {
    /// What keeps the records, for a person.
    pub place: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Keeps audit records. Its methods are called from within runs, also from several at once.
pub trait AuditSink: Send + Sync {
    /// Keeps one record. When it returns, the record must survive the end of this process.
    ///
    /// # Errors
    /// Where it cannot be kept: the call that it announces is then not made.
    fn record(&self, entry: &AuditEntry<'_>) -> Result<(), AuditError>;

    /// A run has ended: whatever was recorded must survive the end of the machine's power. Returns
    /// the head of the chain, where there is one.
    ///
    /// # Errors
    /// Where that cannot be had.
    fn end_of_run(&self) -> Result<Option<AuditHead>, AuditError>;
}
