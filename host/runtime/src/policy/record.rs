//! What was asked and decided during a run, for those who explain it.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Access, Decision};

/// One access of a call, and what the policy said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// What would be done, to what.
    pub access: Access,
    /// The answer.
    pub decision: Decision,
}

/// A capability call, and what the policy said of each of its accesses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidedCall {
    /// Counts the calls of a run from 1.
    pub call: u64,
    /// In the order of the call; never empty.
    pub decided: Vec<Decided>,
}

/// The calls of a run, as they were decided. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct CallRecords {
    calls: Arc<Mutex<Vec<DecidedCall>>>,
}

impl CallRecords {
    pub(crate) fn add(&self, call: DecidedCall) {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(call);
    }

    /// All calls since this was asked last.
    pub fn take(&self) -> Vec<DecidedCall> {
        std::mem::take(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
