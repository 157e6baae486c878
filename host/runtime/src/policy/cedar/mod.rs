//! Policies in the language Cedar (<https://docs.cedarpolicy.com>): nothing is permitted unless a
//! rule permits it, and a rule that forbids beats all that permit.

mod error;
mod load;
mod question;
mod remedy;
mod statements;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use cedar_policy::{
    ActionConstraint, Authorizer, Effect, EntityUid, PolicyId, PolicySet, PrincipalConstraint,
    Response, Schema,
};

pub use error::PolicyError;
pub use load::CedarPolicyBuilder;
pub use remedy::permitting_rule;

use self::question::Entities;
use super::question::{Decision, Policy, Principal, Question, Rule};
use super::{Access, Action, Resource};

/// What policies can speak of, in Cedar's schema language.
pub const SCHEMA: &str = include_str!("schema.cedarschema");

/// The rules that hold unless the operator leaves them out.
pub const BUILT_IN_RULES: &str = include_str!("built_in.cedar");

/// What Cedar may use of the stack for one decision, in bytes. It answers that its recursion limit
/// is reached where less than about 100 KiB are left, also when entities are made.
const STACK: usize = 256 << 10;

static PARSED_SCHEMA: LazyLock<Result<Schema, String>> = LazyLock::new(|| {
    Schema::from_cedarschema_str(SCHEMA)
        .map(|(schema, _)| schema)
        .map_err(|error| error.to_string())
});

/// Rules in Cedar, validated against the schema. Cheap to clone.
#[derive(Clone)]
pub struct CedarPolicy {
    shared: Arc<Shared>,
}

struct Shared {
    rules: PolicySet,
    /// Those of them that can speak of an action: the others take their time in each decision too.
    rules_of: HashMap<Action, PolicySet>,
    names: HashMap<PolicyId, Rule>,
    /// In the order of their text, for decisions by several.
    order: HashMap<PolicyId, usize>,
    entities: Entities,
    wants_tag_exists: bool,
    /// Of the rules' texts.
    digest: String,
    /// Where a rule can be added.
    first_file: Option<std::path::PathBuf>,
}

impl CedarPolicy {
    /// Begins a policy.
    pub fn builder() -> CedarPolicyBuilder {
        CedarPolicyBuilder::default()
    }

    /// The rules that come with the host, alone: a built-in step may touch what its settings name,
    /// and a component from elsewhere may only log.
    ///
    /// # Errors
    /// None that a released host has: its own rules hold.
    pub fn built_in() -> Result<Self, PolicyError> {
        Self::builder().with_built_in_rules().build()
    }

    /// The names and places of its rules, in their order.
    pub fn rules(&self) -> Vec<&Rule> {
        let mut rules: Vec<_> = self.shared.names.iter().collect();
        rules.sort_by_key(|(id, _)| self.shared.order.get(*id).copied());
        rules.into_iter().map(|(_, rule)| rule).collect()
    }

    fn rules_of(&self, action: Action) -> Result<&PolicySet, String> {
        let rules = self.shared.rules_of.get(&action);
        rules.ok_or_else(|| format!("the schema has no action {action}"))
    }

    fn named<'a>(&self, ids: impl Iterator<Item = &'a PolicyId>) -> Vec<Rule> {
        let mut found: Vec<(usize, Rule)> = ids
            .filter_map(|id| {
                let rule = self.shared.names.get(id)?.clone();
                Some((self.shared.order.get(id).copied().unwrap_or_default(), rule))
            })
            .collect();
        found.sort_by_key(|(place, _)| *place);
        found.into_iter().map(|(_, rule)| rule).collect()
    }

    /// What a rule says of itself, by one of its annotations.
    fn annotation<'a>(
        &'a self,
        ids: impl Iterator<Item = &'a PolicyId>,
        name: &str,
    ) -> Option<String> {
        let mut ids = ids;
        ids.find_map(|id| self.shared.rules.annotation(id, name))
            .map(ToOwned::to_owned)
    }
}

impl Policy for CedarPolicy {
    fn decide(&self, question: &Question<'_>) -> Decision {
        // Cedar denies what it has too little stack for, so a caller with little gets more.
        let answered: Result<Response, String> = stacker::maybe_grow(STACK, STACK * 2, || {
            let asked = self.shared.entities.request(question)?;
            let rules = self.rules_of(question.access.action)?;
            let entities = &asked.subject.entities;
            Ok(Authorizer::new().is_authorized(&asked.request, rules, entities))
        });
        let response = match answered {
            Ok(response) => response,
            Err(problem) => return undecided(&problem),
        };
        let diagnostics = response.diagnostics();
        // A rule that fails does not count, so one that forbids would be passed over.
        if let Some(error) = diagnostics.errors().next() {
            return undecided(&error.to_string());
        }
        let rules = self.named(diagnostics.reason());
        if response.decision() == cedar_policy::Decision::Allow {
            return Decision::Permit { rules };
        }
        let said = |name| self.annotation(diagnostics.reason(), name);
        let (reason, remedy) = remedy::told(question, &rules, self.shared.first_file.as_deref());
        Decision::Deny {
            reason: said("reason").unwrap_or(reason),
            remedy: said("ask").unwrap_or(remedy),
            rules,
        }
    }

    fn wants_tag_exists(&self, action: Action) -> bool {
        self.shared.wants_tag_exists && action.writes_a_tag()
    }

    fn digest(&self) -> Option<&str> {
        Some(&self.shared.digest)
    }

    fn could_permit(&self, principal: &Principal, action: Action) -> bool {
        let principals = self.shared.entities.principals(principal);
        let (Ok(principals), Ok(rules)) = (principals, self.rules_of(action)) else {
            return false;
        };
        rules.policies().any(|rule| {
            rule.effect() == Effect::Permit
                && is_principal(&rule.principal_constraint(), &principals)
        })
    }
}

/// Whether a rule's scope holds for an entity, which is the first of `entities`, or is in one of
/// the others.
fn is_principal(constraint: &PrincipalConstraint, entities: &[EntityUid]) -> bool {
    match constraint {
        PrincipalConstraint::Any | PrincipalConstraint::Is(_) => true,
        PrincipalConstraint::Eq(uid) => entities.first() == Some(uid),
        PrincipalConstraint::In(uid) | PrincipalConstraint::IsIn(_, uid) => entities.contains(uid),
    }
}

fn is_action(constraint: &ActionConstraint, entities: &[EntityUid]) -> bool {
    match constraint {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(uid) => entities.first() == Some(uid),
        ActionConstraint::In(uids) => uids.iter().any(|uid| entities.contains(uid)),
    }
}

fn undecided(problem: &str) -> Decision {
    Decision::deny(
        "undecided",
        format!("the policy cannot be asked about it: {problem}"),
        "the operator mends the policy",
    )
}

impl std::fmt::Debug for CedarPolicy {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("CedarPolicy")
            .field("rules", &self.shared.names.len())
            .finish()
    }
}

/// What one access acts upon, as a policy writes it: `Repository::"host/team/app"`.
pub fn resource_of(access: &Access, engine: Option<&str>) -> String {
    resource_text(&access.resource, engine)
}

/// A resource, as a policy writes it.
pub(super) fn resource_text(resource: &Resource, engine: Option<&str>) -> String {
    text_of(question::resource_uid(resource, engine))
}

/// An action, as a policy writes it.
pub(super) fn action_text(action: Action) -> String {
    text_of(question::action_uid(action))
}

/// A step, as a policy writes it.
pub(super) fn step_text(principal: &Principal) -> String {
    text_of(question::step_uid(principal))
}

/// That the names of types are well formed, every test of this module sees.
fn text_of(uid: Result<EntityUid, String>) -> String {
    uid.map(|uid| uid.to_string()).unwrap_or_default()
}
