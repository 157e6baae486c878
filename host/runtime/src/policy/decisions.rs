//! What a policy has said in one run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Access, CallFacts, Decision, Policy, Principal, Question, RunFacts};

/// How many answers are remembered. A step that asks about more is asked for anew.
const MOST_REMEMBERED: usize = 128;

/// A policy, which is asked the same but once in a run: a step that waits for something asks it often.
pub(super) struct Decisions {
    pub(super) policy: Arc<dyn Policy>,
    remembered: Mutex<HashMap<Access, (Option<bool>, Decision)>>,
}

impl Decisions {
    pub(super) fn by(policy: Arc<dyn Policy>) -> Self {
        Self {
            policy,
            remembered: Mutex::default(),
        }
    }

    /// What the policy says of an access, which is the same as it said of it before.
    pub(super) fn decide(
        &self,
        principal: &Principal,
        access: &Access,
        call: &CallFacts,
        run: &RunFacts,
    ) -> Decision {
        let ask = || {
            self.policy.decide(&Question {
                principal,
                access,
                call,
                run,
            })
        };
        // A build takes long, and what it tells of itself is large.
        if call.build.is_some() {
            return ask();
        }
        if let Some((tag_exists, decision)) = self.remembered().get(access)
            && *tag_exists == call.tag_exists
        {
            return decision.clone();
        }
        let decision = ask();
        let mut remembered = self.remembered();
        if remembered.len() < MOST_REMEMBERED || remembered.contains_key(access) {
            remembered.insert(access.clone(), (call.tag_exists, decision.clone()));
        }
        decision
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, HashMap<Access, (Option<bool>, Decision)>> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::policy::{Action, BuildFacts, Resource};
    use crate::testing::principal;

    /// Permits where the tag is new, and counts how often it is asked.
    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Policy for Counting {
        fn decide(&self, question: &Question<'_>) -> Decision {
            self.0.fetch_add(1, Ordering::SeqCst);
            match question.call.tag_exists {
                Some(true) => Decision::deny("no", "the tag exists", "push another tag"),
                _ => Decision::permit("yes"),
            }
        }
    }

    fn secret(number: usize) -> Access {
        Access::new(Action::UseSecret, Resource::Secret(number.to_string()))
    }

    #[test]
    fn the_same_question_is_asked_once() {
        let policy = Arc::new(Counting::default());
        let decisions = Decisions::by(policy.clone());
        let decide = |access: &Access, call: &CallFacts| {
            decisions.decide(&principal(), access, call, &RunFacts::default())
        };
        let known = |tag_exists| CallFacts {
            build: None,
            tag_exists: Some(tag_exists),
        };
        for _ in 0..3 {
            assert!(decide(&secret(0), &known(false)).is_permit());
        }
        assert_eq!(policy.0.load(Ordering::SeqCst), 1);
        // What is known of the tag is part of the question.
        assert!(!decide(&secret(0), &known(true)).is_permit());
        assert!(decide(&secret(0), &known(false)).is_permit());
        assert_eq!(policy.0.load(Ordering::SeqCst), 3);
        // So is a build, which is asked about each time.
        let build = CallFacts {
            build: Some(BuildFacts::default()),
            tag_exists: None,
        };
        decide(&secret(1), &build);
        decide(&secret(1), &build);
        assert_eq!(policy.0.load(Ordering::SeqCst), 5);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let decisions = Decisions::by(Arc::new(Counting::default()));
        for number in 0..2 * MOST_REMEMBERED {
            let call = CallFacts::default();
            decisions.decide(&principal(), &secret(number), &call, &RunFacts::default());
        }
        assert_eq!(decisions.remembered().len(), MOST_REMEMBERED);
    }
}
