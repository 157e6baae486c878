//! What the tests of several capabilities share.

use std::sync::Arc;

use crate::component::Origin;
use crate::event::{NoEvents, Reporter};
use crate::policy::{
    Access, Authorized, Call, CallFacts, Decision, Gate, Policy, Principal, Question, RunFacts,
};

/// Permits everything.
pub(crate) struct PermitAll;

impl Policy for PermitAll {
    fn decide(&self, _question: &Question<'_>) -> Decision {
        Decision::permit("test")
    }
}

/// A built-in step.
pub(crate) fn principal() -> Principal {
    Principal {
        name: "test".to_owned(),
        version: "0.1.0".to_owned(),
        digest: "sha256:0".to_owned(),
        origin: Origin::BuiltIn,
    }
}

/// What a policy says of an access of a built-in step, of which nothing else is known.
pub(crate) fn decide(policy: &dyn Policy, access: &Access) -> Decision {
    policy.decide(&Question {
        principal: &principal(),
        access,
        call: &CallFacts::default(),
        run: &RunFacts::default(),
    })
}

/// A reporter whose events nobody sees.
pub(crate) fn reporter() -> Reporter {
    Reporter::new(Arc::new(NoEvents), "test")
}

/// `call`, permitted.
pub(crate) async fn authorize<C: Call>(call: C) -> Authorized<C> {
    authorize_for("test", call).await
}

/// `call`, permitted to the step with this identifier.
pub(crate) async fn authorize_for<C: Call>(step: &str, call: C) -> Authorized<C> {
    let reporter = Reporter::new(Arc::new(NoEvents), step);
    let gate = Gate::new(Arc::new(PermitAll), principal(), reporter);
    gate.pass(call, async |authorized| Ok(authorized))
        .await
        .unwrap()
}

/// What `cargo xtask test` sets for the tests that need a service.
pub(crate) fn service(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set; run: cargo xtask test"))
}
