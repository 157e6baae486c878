//! `stepyard policy explain`: each call that steps would make, and what decides on it.

use std::fmt::Write as _;

use serde_json::{Value, json};
use stepyard::component::Origin;
use stepyard::policy::{Decided, Decision, Principal, Resource, Rule, cedar};

use super::rehearsal::{Rehearsal, Rehearsed, rehearse};
use crate::arguments::{ExplainArguments, FindingForm};
use crate::exit::{self, Code, Failure};
use crate::view::{json_without_commands, one_line, without_commands};

pub(super) async fn run(arguments: &ExplainArguments) -> Result<Code, Failure> {
    let rehearsal = rehearse(&arguments.input).await?;
    let text = match arguments.format {
        FindingForm::Text => without_commands(&as_text(&rehearsal)).into_owned(),
        FindingForm::Json => {
            let json = as_json(&rehearsal).to_string();
            json_without_commands(&json) + "\n"
        }
    };
    super::print(&text)?;
    for error in rehearsal
        .steps
        .iter()
        .filter_map(|step| step.error.as_ref())
    {
        exit::print(error);
    }
    Ok(code(&rehearsal))
}

/// A step that failed may have been about to ask for more.
pub(super) fn code(rehearsal: &Rehearsal) -> Code {
    if rehearsal.steps.iter().any(|step| step.error.is_some()) {
        Code::Failed
    } else if denied(rehearsal).next().is_some() {
        Code::Denied
    } else {
        Code::Done
    }
}

/// Every access that is denied, with the step that asks.
pub(super) fn denied(rehearsal: &Rehearsal) -> impl Iterator<Item = (&Rehearsed, &Decided)> {
    rehearsal.steps.iter().flat_map(|step| {
        let decided = step.calls.iter().flat_map(|call| &call.decided);
        decided
            .filter(|decided| !decided.decision.is_permit())
            .map(move |decided| (step, decided))
    })
}

/// How policies call what is acted upon, with the tag that they see beside it.
pub(super) fn resource(decided: &Decided, engine: Option<&str>) -> String {
    let name = cedar::resource_of(&decided.access, engine);
    match &decided.access.resource {
        Resource::Repository { tag: Some(tag), .. } => format!("{name} tag {tag}"),
        Resource::Connector {
            registry: Some(registry),
            ..
        } => format!("{name} for {registry}"),
        _ => name,
    }
}

/// A component in words.
pub(super) fn component(principal: &Principal) -> String {
    let Principal {
        name,
        version,
        digest,
        origin,
    } = principal;
    let (name, version) = (one_line(name), one_line(version));
    match origin {
        Origin::BuiltIn => format!("{name} {version}, built in"),
        Origin::Pinned => format!("{name} {version}, pinned as {digest}"),
        Origin::Elsewhere => format!("{name} {version}, {digest}"),
    }
}

fn rules(rules: &[Rule]) -> String {
    if rules.is_empty() {
        return "no rule".to_owned();
    }
    let rules: Vec<String> = rules
        .iter()
        .map(|rule| one_line(&rule.to_string()))
        .collect();
    rules.join(", ")
}

fn as_text(rehearsal: &Rehearsal) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    for step in &rehearsal.steps {
        let _ = writeln!(
            text,
            "{} ({})",
            one_line(&step.step),
            component(&step.principal)
        );
        let rows = rows(step, rehearsal.engine.as_deref());
        if rows.is_empty() {
            let _ = writeln!(text, "  asks for nothing");
        }
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let (actions, resources) = (width(1), width(2));
        for [decision, action, resource, by] in &rows {
            let _ = writeln!(
                text,
                "  {decision:<6}  {action:<actions$}  {resource:<resources$}  {by}"
            );
        }
    }
    for line in &rehearsal.in_vain {
        let _ = writeln!(text, "can never be permitted: {}", one_line(line));
    }
    let mut told = Vec::new();
    for (_, decided) in denied(rehearsal) {
        if let Decision::Deny { reason, remedy, .. } = &decided.decision
            && !told.contains(&(reason, remedy))
        {
            told.push((reason, remedy));
            let resource = resource(decided, rehearsal.engine.as_deref());
            let _ = writeln!(
                text,
                "\n{} on {}: {}\n{remedy}",
                decided.access.action,
                one_line(&resource),
                one_line(reason)
            );
        }
    }
    text
}

/// A row an access, each once.
fn rows(step: &Rehearsed, engine: Option<&str>) -> Vec<[String; 4]> {
    let mut rows: Vec<[String; 4]> = Vec::new();
    for decided in step.calls.iter().flat_map(|call| &call.decided) {
        let decision = if decided.decision.is_permit() {
            "permit"
        } else {
            "deny"
        };
        let row = [
            decision.to_owned(),
            decided.access.action.name().to_owned(),
            one_line(&resource(decided, engine)),
            rules(decided.decision.rules()),
        ];
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    rows
}

fn as_json(rehearsal: &Rehearsal) -> Value {
    let steps: Vec<Value> = rehearsal
        .steps
        .iter()
        .map(|step| {
            let calls: Vec<Value> = step
                .calls
                .iter()
                .map(|call| {
                    let engine = rehearsal.engine.as_deref();
                    let accesses: Vec<Value> = call
                        .decided
                        .iter()
                        .map(|decided| access(decided, engine))
                        .collect();
                    json!({"call": call.call, "accesses": accesses})
                })
                .collect();
            json!({
                "step": step.step,
                "component": step.principal.name,
                "version": step.principal.version,
                "digest": step.principal.digest,
                "calls": calls,
                "error": step.error.as_ref().map(ToString::to_string),
            })
        })
        .collect();
    json!({"steps": steps, "never-permitted": rehearsal.in_vain})
}

fn access(decided: &Decided, engine: Option<&str>) -> Value {
    let rules: Vec<String> = decided
        .decision
        .rules()
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut value = json!({
        "action": decided.access.action.name(),
        "resource": cedar::resource_of(&decided.access, engine),
        "decision": if decided.decision.is_permit() { "permit" } else { "deny" },
        "rules": rules,
    });
    let tag = match &decided.access.resource {
        Resource::Repository { tag, .. } => tag.as_ref().map(ToString::to_string),
        _ => None,
    };
    if let Some(object) = value.as_object_mut() {
        if let Some(tag) = tag {
            object.insert("tag".to_owned(), tag.into());
        }
        if let Decision::Deny { reason, remedy, .. } = &decided.decision {
            object.insert("reason".to_owned(), reason.as_str().into());
            object.insert("remedy".to_owned(), remedy.as_str().into());
        }
    }
    value
}
