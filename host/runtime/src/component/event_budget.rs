//! How many lines and phases a guest may still cause.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::event::{LogLevel, Reporter};

/// Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub(crate) struct EventBudget {
    left: Arc<AtomicU64>,
}

impl EventBudget {
    pub(crate) fn new(most: u64) -> Self {
        Self {
            left: Arc::new(AtomicU64::new(most)),
        }
    }

    /// Whether one more may be reported. That there are no more is told once.
    pub(crate) fn take(&self, reporter: &Reporter) -> bool {
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        if taken == Ok(1) {
            reporter.log(
                LogLevel::Warn,
                "the step logs and prints more lines than its limit of events; the rest is dropped",
            );
        }
        taken.is_ok_and(|left| left > 1)
    }
}
