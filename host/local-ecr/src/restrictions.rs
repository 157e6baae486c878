use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};

/// What the server refuses on purpose, by IAM action such as `ecr:PutImage`; and how often each
/// action was called.
#[derive(Debug, Default)]
pub(crate) struct Restrictions {
    denied: BTreeSet<String>,
    throttled: BTreeMap<String, NonZeroU64>,
    calls: Mutex<BTreeMap<String, u64>>,
}

/// A call that is refused on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Denied,
    Throttled,
}

impl Restrictions {
    pub(crate) fn deny(&mut self, action: String) {
        self.denied.insert(action);
    }

    pub(crate) fn throttle(&mut self, action: String, every: NonZeroU64) {
        self.throttled.insert(action, every);
    }

    /// Counts a call and decides on it.
    pub(crate) fn check(&self, action: &str) -> Result<(), Refusal> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let count = calls.entry(action.to_owned()).or_default();
        *count += 1;
        if self.denied.contains(action) {
            return Err(Refusal::Denied);
        }
        match self.throttled.get(action) {
            Some(every) if *count % *every == 0 => Err(Refusal::Throttled),
            _ => Ok(()),
        }
    }

    /// The calls of `action` so far, refused ones included.
    pub(crate) fn calls(&self, action: &str) -> u64 {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.get(action).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_nth_call_is_throttled_and_each_action_counts_for_itself() {
        let mut restrictions = Restrictions::default();
        restrictions.throttle("ecr:PutImage".into(), NonZeroU64::new(3).unwrap());
        restrictions.deny("ecr:ListImages".into());
        let calls: Vec<_> = (0..6).map(|_| restrictions.check("ecr:PutImage")).collect();
        let refused = Err(Refusal::Throttled);
        assert_eq!(calls, [Ok(()), Ok(()), refused, Ok(()), Ok(()), refused]);
        assert_eq!(restrictions.check("ecr:ListImages"), Err(Refusal::Denied));
        assert_eq!(restrictions.check("ecr:BatchGetImage"), Ok(()));
        assert_eq!(restrictions.calls("ecr:PutImage"), 6);
    }
}
