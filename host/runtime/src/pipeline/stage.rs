//! Stages.

use std::collections::BTreeSet;
use std::time::Duration;

use super::condition::{self, When};
use super::element::{self, Element};
use super::failure_strategy::{self, FailureStrategy, duration};
use super::step::StepDefinition;
use super::variable::{self, Variable};
use crate::document::{Field, Fields, ProblemKind};

/// A stage: steps in order.
#[derive(Debug, Clone, Default)]
pub struct Stage {
    /// The name for people.
    pub name: Option<String>,
    /// The identifier for expressions.
    pub identifier: Option<String>,
    /// When the stage runs.
    pub when: Option<When>,
    /// How long it may run.
    pub timeout: Option<Duration>,
    /// Where Harness would run it.
    pub infrastructure: Option<Infrastructure>,
    /// Its variables.
    pub variables: Vec<Variable>,
    /// Its members, in order.
    pub elements: Vec<Element>,
}

/// `infrastructure.type`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Infrastructure {
    /// A Kubernetes cluster.
    KubernetesDirect,
    /// Virtual machines.
    Vm,
    /// Docker on one machine.
    Docker,
}

impl Stage {
    /// Every step, in the order of the file.
    #[must_use]
    pub fn steps(&self) -> Vec<&StepDefinition> {
        self.elements.iter().flat_map(Element::steps).collect()
    }
}

/// Reads a list of stages. Stages in parallel come one after another.
pub(super) fn read_list(field: &Field<'_>) -> Vec<Stage> {
    let mut stages = Vec::new();
    for item in field.items().unwrap_or_default() {
        let Some(mut fields) = item.fields() else {
            continue;
        };
        match (fields.optional("stage"), fields.optional("parallel")) {
            (Some(stage), None) => stages.extend(read(&stage)),
            (None, Some(parallel)) => stages.extend(read_list(&parallel)),
            _ => {
                fields.missing(
                    "expected either `stage` or `parallel`",
                    "write `- stage:` with the stage's fields below it",
                );
                continue;
            }
        }
        fields.finish();
    }
    stages
}

fn read(field: &Field<'_>) -> Option<Stage> {
    let mut fields = field.fields()?;
    fields.accept(&["description", "tags", "delegateSelectors"]);
    if let Some(stage_type) = fields.optional("type")
        && let Some(text) = stage_type.text()
        && text != "CI"
    {
        stage_type.problem(
            ProblemKind::InvalidValue,
            format!("stages of type `{text}` cannot run here"),
            "use a stage of type `CI`",
        );
    }
    let (name, identifier) = read_names(&mut fields);
    let when = fields
        .optional("when")
        .and_then(|field| condition::read(&field, "pipelineStatus"));
    let timeout = fields
        .optional("timeout")
        .and_then(|field| duration(&field));
    let variables = variable::read_list(&mut fields);
    let strategies = fields
        .optional("failureStrategies")
        .map_or_else(Vec::new, |field| failure_strategy::read(&field));
    let spec = fields.required("spec", "write `spec: {execution: {steps: [...]}}`");
    fields.finish();
    let (infrastructure, elements) = read_spec(&spec?, &strategies)?;
    Some(Stage {
        name,
        identifier,
        when,
        timeout,
        infrastructure,
        variables,
        elements,
    })
}

/// `name` and `identifier` of a pipeline or a stage.
pub(super) fn read_names(fields: &mut Fields<'_>) -> (Option<String>, Option<String>) {
    let mut text = |key| {
        let field = fields.optional(key)?;
        field.filled_text().map(str::to_owned)
    };
    (text("name"), text("identifier"))
}

fn read_spec(
    spec: &Field<'_>,
    strategies: &[FailureStrategy],
) -> Option<(Option<Infrastructure>, Vec<Element>)> {
    let mut fields = spec.fields()?;
    fields.accept(&[
        "buildIntelligence",
        "caching",
        "cloneCodebase",
        "platform",
        "runtime",
        "sharedPaths",
    ]);
    let infrastructure = fields.optional("infrastructure").and_then(|field| {
        let mut fields = field.fields()?;
        fields.accept(&["spec", "useFromStage"]);
        let infrastructure = fields.optional("type").and_then(|field| {
            field.one_of(&[
                ("KubernetesDirect", Infrastructure::KubernetesDirect),
                ("VM", Infrastructure::Vm),
                ("Docker", Infrastructure::Docker),
            ])
        });
        fields.finish();
        infrastructure
    });
    let execution = fields.required("execution", "write `execution: {steps: [...]}`");
    fields.finish();
    let mut execution = execution?.fields()?;
    execution.accept(&["rollbackSteps"]);
    let elements = execution
        .required("steps", "write `steps:` with a list of steps")
        .map(|steps| element::read_list(&steps, strategies, &mut BTreeSet::new()));
    execution.finish();
    Some((infrastructure, elements?))
}
