//! What a policy is asked, and what it answers.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Access, Action, Entitlement, NamedResources};
use crate::component::{Limits, Origin};

/// Who asks: the step on whose behalf a call is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Principal {
    /// The component's name: that of a built-in step, the one under which the operator pinned it,
    /// or, for a component from elsewhere, its file's.
    pub name: String,
    /// The version that the component says it has.
    pub version: String,
    /// The digest of the component's bytes.
    pub digest: String,
    /// Where the component comes from.
    pub origin: Origin,
}

impl Principal {
    /// What policies call it: the name where the host vouches for it, and the digest where anybody
    /// could have chosen the name.
    pub fn id(&self) -> &str {
        match self.origin {
            Origin::BuiltIn | Origin::Pinned => &self.name,
            Origin::Elsewhere => &self.digest,
        }
    }
}

/// What is the same for all calls of a run.
#[derive(Clone, Debug, Default)]
pub struct RunFacts {
    /// The step's identifier.
    pub step: Arc<str>,
    /// The pipeline, where the step belongs to one.
    pub pipeline: Option<String>,
    /// The branch that is built, where it is known.
    pub branch: Option<String>,
    /// The build engine, where the host has one.
    pub engine: Option<String>,
    /// What the step's settings name.
    pub named: NamedResources,
    /// The rights over the machine that settings may name.
    pub allowed: BTreeSet<Entitlement>,
    /// The most memory of the component, in bytes.
    pub memory: usize,
    /// The most processor time of the component.
    pub cpu_time: Duration,
    /// The longest that the run may take.
    pub wall_clock: Option<Duration>,
}

impl RunFacts {
    /// The same with these limits.
    #[must_use]
    pub(crate) fn limited(mut self, limits: &Limits) -> Self {
        self.memory = limits.memory;
        self.cpu_time = limits.cpu_time;
        self.wall_clock = limits.wall_clock;
        self
    }
}

/// What a call tells beside the resources that it touches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFacts {
    /// Of a build.
    pub build: Option<BuildFacts>,
    /// Of a call that writes a tag: whether the registry has it already. Known where the policy
    /// asks for it ([`super::Policy::wants_tag_exists`]).
    pub tag_exists: Option<bool>,
}

/// What a build is like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildFacts {
    /// The network of `RUN`: `default`, `none` or `host`.
    pub network: &'static str,
    /// The user that the builder runs as, where the request says so.
    pub user: Option<u32>,
    /// The stage that is built, where it is not the last.
    pub target: Option<String>,
    /// The platforms; none is the engine's own.
    pub platforms: Vec<String>,
    /// The labels as `KEY=VALUE`.
    pub labels: Vec<String>,
    /// The names of the build arguments.
    pub arguments: Vec<String>,
}

/// What a policy is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// What would be done, to what.
    pub access: &'a Access,
    /// What else is known of the call.
    pub call: &'a CallFacts,
    /// What is known of the run.
    pub run: &'a RunFacts,
}

/// A rule of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub id: Arc<str>,
    /// Where it stands, if in a file.
    pub place: Option<Arc<RulePlace>>,
}

/// Where a rule stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulePlace {
    /// The file.
    pub file: PathBuf,
    /// Counts from 1.
    pub line: usize,
}

impl Rule {
    /// A rule of the host's own.
    pub fn named(id: impl Into<Arc<str>>) -> Self {
        Self {
            id: id.into(),
            place: None,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(
                formatter,
                "{} ({}:{})",
                self.id,
                place.file.display(),
                place.line
            ),
            None => formatter.write_str(&self.id),
        }
    }
}

/// What a policy says of one access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may happen.
    Permit {
        /// The rules that permit it.
        rules: Vec<Rule>,
    },
    /// It may not happen.
    Deny {
        /// The rules that forbid it; none where no rule permits it.
        rules: Vec<Rule>,
        /// Why, as a clause for a person.
        reason: String,
        /// What the person can do about it.
        remedy: String,
    },
}

impl Decision {
    /// Permitted by the rule `id`.
    pub fn permit(id: impl Into<Arc<str>>) -> Self {
        Self::Permit {
            rules: vec![Rule::named(id)],
        }
    }

    /// Denied by the rule `id`.
    pub fn deny(
        id: impl Into<Arc<str>>,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::Deny {
            rules: vec![Rule::named(id)],
            reason: reason.into(),
            remedy: remedy.into(),
        }
    }

    /// Whether it may happen.
    pub fn is_permit(&self) -> bool {
        matches!(self, Self::Permit { .. })
    }

    /// The rules that decided; none where no rule permits it.
    pub fn rules(&self) -> &[Rule] {
        match self {
            Self::Permit { rules } | Self::Deny { rules, .. } => rules,
        }
    }
}

/// Rules as text.
pub(crate) fn shown_rules(rules: &[Rule]) -> String {
    let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
    rules.join(", ")
}

/// Decides. It has no side effects: the same question has the same answer during a run.
pub trait Policy: Send + Sync {
    /// Whether the principal may do the access.
    fn decide(&self, question: &Question<'_>) -> Decision;

    /// Whether the answer may depend on whether a tag that `action` writes exists already. To find
    /// that out takes a request to the registry.
    fn wants_tag_exists(&self, action: Action) -> bool {
        let _ = action;
        false
    }

    /// What names these rules and no others, for the audit log.
    fn digest(&self) -> Option<&str> {
        None
    }

    /// Whether any question about `action` could be answered with yes for this principal. Where it
    /// is not known, it could.
    fn could_permit(&self, principal: &Principal, action: Action) -> bool {
        let _ = (principal, action);
        true
    }
}

/// What becomes of a denial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PolicyMode {
    /// The call is refused.
    #[default]
    Enforce,
    /// The call is made; that it would be refused is told, recorded and counted.
    Observe,
}

impl PolicyMode {
    /// The name in `stepyard.toml`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
        }
    }
}
