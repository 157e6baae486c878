//! What a person is told of a denial: why, and the very lines that would permit the call.

use std::fmt::Write as _;
use std::path::Path;

use super::{action_text, resource_text, step_text};
use crate::component::Origin;
use crate::policy::names::entitlement;
use crate::policy::question::{Principal, Question, Rule};
use crate::policy::{Action, Resource};

/// The reason for a denial, and the remedy.
pub(super) fn told(
    question: &Question<'_>,
    forbidding: &[Rule],
    file: Option<&Path>,
) -> (String, String) {
    if let Some(rule) = forbidding.first() {
        return (
            format!("the rule {} forbids it", rule.id),
            match &rule.place {
                Some(place) => format!(
                    "ask who owns {}, or change what the step asks for",
                    place.file.display()
                ),
                None => "ask the operator of this machine".to_owned(),
            },
        );
    }
    let principal = question.principal;
    let action = question.access.action;
    if let Some(missing) = entitlement(action)
        && principal.origin == Origin::BuiltIn
        && !question.run.allowed.contains(&missing)
    {
        return (
            "the operator of this machine does not allow it".to_owned(),
            format!(
                "the operator writes allow = [\"{}\"] under [build] of stepyard.toml",
                missing.name()
            ),
        );
    }
    if principal.origin == Origin::BuiltIn && !question.run.named.names(question.access) {
        return (
            "the step's settings do not name it".to_owned(),
            "name it in the settings of the step".to_owned(),
        );
    }
    let reason = match principal.origin {
        Origin::BuiltIn => "no rule permits it".to_owned(),
        Origin::Pinned | Origin::Elsewhere => format!(
            "the component {} may only log, save what a policy permits, and no rule permits this",
            principal.name
        ),
    };
    let command = match file {
        Some(file) => format!("stepyard policy add {}", file.display()),
        None => "stepyard policy add POLICY.cedar".to_owned(),
    };
    let rule = permitting_rule(
        principal,
        action,
        &question.access.resource,
        question.run.engine.as_deref(),
    );
    let mut remedy = String::from("the operator adds this rule to the policy:\n");
    for line in rule.lines() {
        let _ = writeln!(remedy, "  {line}");
    }
    let _ = write!(
        remedy,
        "{command} --step '{}' --action {action} --resource '{}' adds it",
        principal.id(),
        resource_text(&question.access.resource, question.run.engine.as_deref()),
    );
    (reason, remedy)
}

/// The rule that permits a step one action on one resource, in Cedar.
pub fn permitting_rule(
    principal: &Principal,
    action: Action,
    resource: &Resource,
    engine: Option<&str>,
) -> String {
    format!(
        "permit (\n  principal == {},\n  action == {},\n  resource == {}\n);",
        step_text(principal),
        action_text(action),
        resource_text(resource, engine),
    )
}
