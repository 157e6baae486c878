//! What a list of steps holds: steps, steps in parallel, and groups.

use std::collections::BTreeSet;

use stepyard_grammar::StepIdentifier;

use super::condition::{self, When};
use super::failure_strategy::{self, FailureStrategy};
use super::step::{self, StepDefinition};
use crate::document::Field;

/// A member of a list of steps.
#[derive(Debug, Clone)]
pub enum Element {
    /// `step`
    Step(Box<StepDefinition>),
    /// `parallel`: members without an order.
    Parallel(Vec<Element>),
    /// `stepGroup`
    Group(StepGroup),
}

/// Steps that share a condition.
#[derive(Debug, Clone)]
pub struct StepGroup {
    /// The name for people.
    pub name: Option<String>,
    /// When the group runs.
    pub when: Option<When>,
    /// Its members, in order.
    pub elements: Vec<Element>,
}

impl Element {
    /// Every step in it, in the order of the file.
    #[must_use]
    pub fn steps(&self) -> Vec<&StepDefinition> {
        match self {
            Self::Step(step) => vec![step],
            Self::Parallel(elements) | Self::Group(StepGroup { elements, .. }) => {
                elements.iter().flat_map(Self::steps).collect()
            }
        }
    }
}

/// Reads a list of steps.
pub(super) fn read_list(
    field: &Field<'_>,
    strategies: &[FailureStrategy],
    seen: &mut BTreeSet<StepIdentifier>,
) -> Vec<Element> {
    let items = field.items().unwrap_or_default();
    items
        .iter()
        .filter_map(|item| read(item, strategies, seen))
        .collect()
}

fn read(
    item: &Field<'_>,
    strategies: &[FailureStrategy],
    seen: &mut BTreeSet<StepIdentifier>,
) -> Option<Element> {
    let mut fields = item.fields()?;
    let step = fields.optional("step");
    let parallel = fields.optional("parallel");
    let group = fields.optional("stepGroup");
    let element = match (step, parallel, group) {
        (Some(step), None, None) => {
            step::read(&step, strategies, seen).map(|step| Element::Step(Box::new(step)))
        }
        (None, Some(parallel), None) => {
            Some(Element::Parallel(read_list(&parallel, strategies, seen)))
        }
        (None, None, Some(group)) => read_group(&group, strategies, seen).map(Element::Group),
        (None, None, None) => {
            let message = "expected `step`, `parallel` or `stepGroup`";
            fields.missing(message, "write `- step:` with the step's fields below it");
            return None;
        }
        _ => {
            let message = "expected only one of `step`, `parallel` and `stepGroup`";
            fields.missing(message, "start a new item of the list (`-`) for each");
            None
        }
    };
    fields.finish();
    element
}

fn read_group(
    field: &Field<'_>,
    outer_strategies: &[FailureStrategy],
    seen: &mut BTreeSet<StepIdentifier>,
) -> Option<StepGroup> {
    let mut fields = field.fields()?;
    fields.accept(&["identifier", "description", "delegateSelectors"]);
    let name = fields
        .optional("name")
        .and_then(|field| field.filled_text())
        .map(str::to_owned);
    let when = fields
        .optional("when")
        .and_then(|field| condition::read(&field, "stageStatus"));
    let mut strategies = fields
        .optional("failureStrategies")
        .map_or_else(Vec::new, |field| failure_strategy::read(&field));
    strategies.extend_from_slice(outer_strategies);
    let elements = fields
        .required("steps", "write `steps:` with a list of steps")
        .map(|steps| read_list(&steps, &strategies, seen));
    fields.finish();
    Some(StepGroup {
        name,
        when,
        elements: elements?,
    })
}
