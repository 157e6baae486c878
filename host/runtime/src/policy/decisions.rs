//! What a policy has said in one run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Access, CallFacts, Decision, Policy, Principal, Question, RunFacts};
use crate::own_stack::on_own_stack;

/// How many answers are remembered. A step that asks about more is asked for anew.
const MOST_REMEMBERED: usize = 128;

/// A policy, which is asked the same but once in a run: a step that waits for something asks it often.
pub(super) struct Decisions {
    pub(super) policy: Arc<dyn Policy>,
    principal: Arc<Principal>,
    run: Arc<RunFacts>,
    remembered: Mutex<HashMap<Access, (Option<bool>, Decision)>>,
}

impl Decisions {
    /// Those of `policy` on what a step asks for.
    pub(super) fn new(policy: Arc<dyn Policy>, principal: Principal) -> Self {
        Self {
            policy,
            principal: Arc::new(principal),
            run: Arc::default(),
            remembered: Mutex::default(),
        }
    }

    /// The same, on a run with these facts.
    pub(super) fn of_run(mut self, run: RunFacts) -> Self {
        self.run = Arc::new(run);
        self
    }

    /// What the policy says of an access, which is the same as it said of it before.
    pub(super) async fn decide(&self, access: &Access, call: &Arc<CallFacts>) -> Decision {
        // A build takes long, and what it tells of itself is large.
        if call.build.is_some() {
            return self.ask(access, call).await;
        }
        if let Some((tag_exists, decision)) = self.remembered().get(access)
            && *tag_exists == call.tag_exists
        {
            return decision.clone();
        }
        let decision = self.ask(access, call).await;
        let mut remembered = self.remembered();
        if remembered.len() < MOST_REMEMBERED || remembered.contains_key(access) {
            remembered.insert(access.clone(), (call.tag_exists, decision.clone()));
        }
        decision
    }

    async fn ask(&self, access: &Access, call: &Arc<CallFacts>) -> Decision {
        let policy = self.policy.clone();
        let (principal, run) = (self.principal.clone(), self.run.clone());
        let (access, call) = (access.clone(), call.clone());
        on_own_stack(move || {
            policy.decide(&Question {
                principal: &principal,
                access: &access,
                call: &call,
                run: &run,
            })
        })
        .await
    }

    fn remembered(&self) -> MutexGuard<'_, HashMap<Access, (Option<bool>, Decision)>> {
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

    fn of_tag(exists: bool) -> Arc<CallFacts> {
        Arc::new(CallFacts {
            build: None,
            tag_exists: Some(exists),
        })
    }

    #[tokio::test]
    async fn the_same_question_is_asked_once() {
        let policy = Arc::new(Counting::default());
        let decisions = Decisions::new(policy.clone(), principal());
        for _ in 0..3 {
            assert!(
                decisions
                    .decide(&secret(0), &of_tag(false))
                    .await
                    .is_permit()
            );
        }
        assert_eq!(policy.0.load(Ordering::SeqCst), 1);
        // What is known of the tag is part of the question.
        assert!(
            !decisions
                .decide(&secret(0), &of_tag(true))
                .await
                .is_permit()
        );
        assert!(
            decisions
                .decide(&secret(0), &of_tag(false))
                .await
                .is_permit()
        );
        assert_eq!(policy.0.load(Ordering::SeqCst), 3);
        // So is a build, which is asked about each time.
        let build = Arc::new(CallFacts {
            build: Some(BuildFacts::default()),
            tag_exists: None,
        });
        decisions.decide(&secret(1), &build).await;
        decisions.decide(&secret(1), &build).await;
        assert_eq!(policy.0.load(Ordering::SeqCst), 5);
    }

    #[tokio::test]
    async fn what_is_remembered_is_bounded() {
        let decisions = Decisions::new(Arc::new(Counting::default()), principal());
        for number in 0..2 * MOST_REMEMBERED {
            decisions.decide(&secret(number), &Arc::default()).await;
        }
        assert_eq!(decisions.remembered().len(), MOST_REMEMBERED);
    }
}
