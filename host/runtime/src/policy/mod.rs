//! The one place that decides what a step may do.
//!
//! Every capability call is a value (such as [`crate::build::Build`]) that says through [`Call`]
//! what it would touch. The [`Gate`] asks the [`Policy`] about each [`Access`] and wraps the call
//! into [`Authorized`] when all are permitted. Backends take only `Authorized` calls, and only
//! this module can make one, so nothing reaches the world without a decision.

mod access;
mod built_in;
mod entitlement;
mod gate;
mod looking;
mod named;

pub use access::{Access, Action, Call, Resource};
pub use built_in::BuiltInPolicy;
pub use entitlement::Entitlement;
pub(crate) use gate::DestinationQuestions;
pub use gate::{Authorized, Denial, Gate};
pub(crate) use looking::Looking;
pub use named::{NamedResources, NamingError, RepositoryChange};
pub(crate) use named::{annotated, normalized, repository_of, tag_of};

use crate::component::Origin;

/// Who asks: the step on whose behalf a call is made.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The component's name.
    pub name: String,
    /// The digest of the component's bytes.
    pub digest: String,
    /// Where the component comes from.
    pub origin: Origin,
}

/// What a policy says of one access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may happen.
    Permit {
        /// The rule that permits it.
        rule: String,
    },
    /// It may not happen.
    Deny {
        /// The rule that denies it.
        rule: String,
        /// Why, as a sentence for a person.
        reason: String,
        /// What the person can do about it.
        remedy: String,
    },
}

/// Decides. It has no side effects: the same question has the same answer during a run.
pub trait Policy: Send + Sync {
    /// Whether `principal` may do `access`.
    fn decide(&self, principal: &Principal, access: &Access) -> Decision;
}
