//! The one place that decides what a step may do.
//!
//! Every capability call is a value (such as [`crate::build::Build`]) that says through [`Call`]
//! what it would touch. The [`Gate`] asks the [`Policy`] about each [`Access`] and wraps the call
//! into [`Authorized`] when all are permitted. Backends take only `Authorized` calls, and only
//! this module can make one, so nothing reaches the world without a decision.

mod access;
mod allow_imports;
mod authorized;
pub mod cedar;
mod decisions;
mod entitlement;
mod gate;
mod imports;
mod looking;
mod named;
mod names;
mod question;
mod record;
mod smallest;

pub use access::{Access, Action, Call, Resource};
pub(crate) use allow_imports::AllowImports;
pub use authorized::Authorized;
pub(crate) use authorized::DestinationQuestions;
pub use cedar::{CedarPolicy, PolicyError};
pub use entitlement::Entitlement;
pub use gate::{Denial, Gate};
pub use imports::{ImportedCall, imported_calls, never_permitted};
pub(crate) use looking::Looking;
pub use named::{NamedResources, NamingError, RepositoryChange};
pub(crate) use named::{annotated, normalized, repository_of, tag_of};
pub(crate) use question::shown_rules;
pub use question::{
    BuildFacts, CallFacts, Decision, Policy, PolicyMode, Principal, Question, Rule, RulePlace,
    RunFacts,
};
pub use record::{CallRecords, Decided, DecidedCall};
pub use smallest::{Asked, smallest_policy};
