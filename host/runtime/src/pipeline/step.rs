//! Steps.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use stepyard_grammar::{StepIdentifier, StepName};

use super::condition::{self, When};
use super::failure_strategy::{self, FailureStrategy, duration};
use crate::document::{Field, Fields, Positions, ProblemKind, to_json};
use crate::sharing::parse_reference;

/// A step as a file defines it. Its `spec` is unchecked: only the step's own component knows what
/// its settings mean.
#[derive(Debug, Clone)]
pub struct StepDefinition {
    /// What runs.
    pub step_type: StepType,
    /// The name for people.
    pub name: StepName,
    /// The identifier for expressions: written, or derived from the name. Unique in a stage.
    pub identifier: StepIdentifier,
    /// How long the step may run.
    pub timeout: Option<Duration>,
    /// When the step runs.
    pub when: Option<When>,
    /// What happens when it fails: the step's own strategies, then those of the groups and the
    /// stage around it. The first that matches counts.
    pub failure_strategies: Vec<FailureStrategy>,
    /// The settings. A scalar whose text JSON would change is a string with the text as written
    /// (`1.20`, `0123`, `True`); other numbers and booleans are what they look like, so a reader
    /// that expects a text must take numbers and booleans too.
    pub spec: Value,
    /// Where each setting stands, by JSON pointer into `spec`.
    pub positions: Positions,
}

/// What a step runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StepType {
    /// `BuildAndPushECR`
    BuildAndPushEcr,
    /// `ECRScanGate`
    EcrScanGate,
    /// `PromoteImage`
    PromoteImage,
    /// `Component`: the component at this path, relative to the file, the pinned one of this name,
    /// or the one in a registry (`oci://…`).
    Component(String),
}

#[derive(Clone, Copy)]
enum TypeName {
    BuildAndPushEcr,
    EcrScanGate,
    PromoteImage,
    Component,
}

/// Reads a step; `seen` holds the identifiers of the stage.
pub(super) fn read(
    field: &Field<'_>,
    outer_strategies: &[FailureStrategy],
    seen: &mut BTreeSet<StepIdentifier>,
) -> Option<StepDefinition> {
    let mut fields = field.fields()?;
    fields.accept(&["description", "delegateSelectors", "enforce"]);
    let type_name = fields
        .required(
            "type",
            "write `type: BuildAndPushECR`, `ECRScanGate`, `PromoteImage` or `Component`",
        )
        .and_then(|field| {
            field.one_of(&[
                ("BuildAndPushECR", TypeName::BuildAndPushEcr),
                ("ECRScanGate", TypeName::EcrScanGate),
                ("PromoteImage", TypeName::PromoteImage),
                ("Component", TypeName::Component),
            ])
        });
    let step_type = match type_name {
        Some(TypeName::Component) => fields
            .required(
                "component",
                "write `component:` with the path of a component",
            )
            .and_then(|field| read_component(&field))
            .map(StepType::Component),
        Some(TypeName::BuildAndPushEcr) => {
            refuse_component(&mut fields);
            Some(StepType::BuildAndPushEcr)
        }
        Some(TypeName::EcrScanGate) => {
            refuse_component(&mut fields);
            Some(StepType::EcrScanGate)
        }
        Some(TypeName::PromoteImage) => {
            refuse_component(&mut fields);
            Some(StepType::PromoteImage)
        }
        None => {
            fields.accept(&["component"]);
            None
        }
    };
    let name_field = fields.required("name", "write `name: Build and push`");
    let name = name_field.as_ref().and_then(|field| {
        field.parse(
            StepName::parse,
            "use up to 128 letters, digits, spaces, `_`, `-` and `.`",
        )
    });
    let identifier_field = fields.optional("identifier");
    let identifier = match (&identifier_field, &name_field, &name) {
        (Some(field), _, _) => field.parse(
            StepIdentifier::parse,
            "use up to 128 letters, digits and `_`, and no digit first",
        ),
        (None, Some(field), Some(name)) => field.parse(
            |_| StepIdentifier::from_name(name),
            "write an `identifier` too",
        ),
        _ => None,
    };
    if let (Some(identifier), Some(field)) = (&identifier, identifier_field.or(name_field))
        && !seen.insert(identifier.clone())
    {
        field.problem(
            ProblemKind::InvalidValue,
            format!("another step of the stage has the identifier `{identifier}`"),
            "write an `identifier` of its own for each step",
        );
    }
    let timeout = fields
        .optional("timeout")
        .and_then(|field| duration(&field));
    let when = fields
        .optional("when")
        .and_then(|field| condition::read(&field, "stageStatus"));
    let mut failure_strategies = fields
        .optional("failureStrategies")
        .map_or_else(Vec::new, |field| failure_strategy::read(&field));
    failure_strategies.extend_from_slice(outer_strategies);
    let spec = read_spec(&mut fields, type_name);
    fields.finish();
    let (spec, positions) = spec?;
    Some(StepDefinition {
        step_type: step_type?,
        name: name?,
        identifier: identifier?,
        timeout,
        when,
        failure_strategies,
        spec,
        positions,
    })
}

/// A path, a name, or a reference, which can be wrong in itself.
fn read_component(field: &Field<'_>) -> Option<String> {
    let text = field.filled_text()?;
    if let Some(Err(error)) = parse_reference(text) {
        field.problem(
            ProblemKind::InvalidValue,
            error.to_string(),
            "write `oci://HOST/REPOSITORY:TAG@sha256:…`, as `stepyard publish` prints it",
        );
        return None;
    }
    Some(text.to_owned())
}

fn refuse_component(fields: &mut Fields<'_>) {
    if let Some(field) = fields.refused("component") {
        field.problem(
            ProblemKind::UnknownKey,
            "only a step of type `Component` names a component",
            "remove the key, or write `type: Component`",
        );
    }
}

fn read_spec<'a>(
    fields: &mut Fields<'a>,
    type_name: Option<TypeName>,
) -> Option<(Value, Positions)> {
    let spec = match type_name {
        // A component may have no settings at all.
        Some(TypeName::Component) => fields.optional("spec"),
        _ => fields.required("spec", "write `spec:` with the step's settings below it"),
    };
    let Some(spec) = spec else {
        let step = fields.field();
        let (_, positions) = to_json(step.report.file(), step.node, &step.path);
        return Some((Value::Object(serde_json::Map::new()), positions));
    };
    // Only a mapping has settings; its keys are the component's business.
    spec.fields()?;
    Some(to_json(spec.report.file(), spec.node, &spec.path))
}
