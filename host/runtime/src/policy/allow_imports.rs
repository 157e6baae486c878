//! What the person at the keyboard grants one run.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Action, Decision, Policy, Principal, Question};

/// Permits what no rule says anything of, where the component imports a function for it. A rule
/// that forbids still does.
pub(crate) struct AllowImports {
    policy: Arc<dyn Policy>,
    actions: BTreeSet<Action>,
}

impl AllowImports {
    /// `policy`, and beyond it these actions.
    pub(crate) fn new(policy: Arc<dyn Policy>, actions: BTreeSet<Action>) -> Self {
        Self { policy, actions }
    }
}

impl Policy for AllowImports {
    fn decide(&self, question: &Question<'_>) -> Decision {
        match self.policy.decide(question) {
            Decision::Deny { rules, .. }
                if rules.is_empty() && self.actions.contains(&question.access.action) =>
            {
                Decision::permit("allow-imports")
            }
            decision => decision,
        }
    }

    fn wants_tag_exists(&self, action: Action) -> bool {
        self.policy.wants_tag_exists(action)
    }

    fn digest(&self) -> Option<&str> {
        self.policy.digest()
    }

    fn could_permit(&self, principal: &Principal, action: Action) -> bool {
        self.actions.contains(&action) || self.policy.could_permit(principal, action)
    }
}
