//! What a command line asks to run: steps, their components and their settings.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use stepyard::configuration::{ComponentsConfiguration, Configuration, EngineName};
use stepyard::connector::{ConnectorReference, Connectors};
use stepyard::document::{Positions, Problem, ProblemKind, Problems};
use stepyard::expression;
use stepyard::pipeline::{
    Element, FailureStrategy, Infrastructure, Pipeline, Stage, StepDefinition, StepType, When,
};
use stepyard::policy::NamedResources;
use stepyard::secret::Placeholders;
use stepyard::sharing::parse_reference;
use stepyard::{Component, ComponentSource, Host, RunError, RunRequest, StepFailure};

use super::scope::RunScope;
use super::{field, settings};
use crate::arguments::InputArguments;
use crate::exit::{Code, Failure};
use crate::{inspect, session};

/// The steps to run, in order, and the pipeline that they come from.
pub(crate) struct Plan {
    pub(crate) pipeline: Pipeline,
    steps: Vec<PlannedStep>,
}

/// One step to run.
pub(crate) struct PlannedStep {
    /// For events and expressions.
    pub(crate) identifier: String,
    /// What runs.
    pub(crate) component: Component,
    /// The step's own limit of time.
    pub(crate) timeout: Option<Duration>,
    /// Its conditions: the stage's, the groups' and its own.
    pub(crate) conditions: Vec<When>,
    /// What happens when it fails.
    pub(crate) failure_strategies: Vec<FailureStrategy>,
    /// The index of its stage.
    pub(crate) stage: usize,
    settings: Value,
    positions: Option<Positions>,
}

/// Settings with their expressions resolved.
pub(crate) struct ResolvedSettings {
    pub(crate) value: Value,
    pub(crate) placeholders: Placeholders,
}

impl Plan {
    /// Reads what `input` names, and loads the components.
    pub(crate) async fn read(
        host: &Host,
        input: &InputArguments,
        configuration: &Configuration,
    ) -> Result<Self, Failure> {
        let components = &configuration.components;
        let mut plan = match (&input.component, &input.target) {
            (Some(component), None) => {
                let mut source = inspect::located(component)?;
                if let Some(digest) = &input.digest {
                    source = source.with_digest(digest.clone());
                }
                Self::of_component(host, source, input).await?
            }
            (Some(_), Some(target)) => {
                return Err(Failure::input(
                    format!("both {target} and --component say what to run"),
                    "give one of them; the settings of a component are given with --set",
                ));
            }
            (None, Some(target))
                if inspect::is_named(target, components) && !Path::new(target).exists() =>
            {
                Self::of_component(host, inspect::source(target, components)?, input).await?
            }
            (None, Some(target)) => {
                Self::of_file(host, Path::new(target), input, configuration).await?
            }
            (None, None) => {
                return Err(Failure::input(
                    "nothing to run is named",
                    "name a file, a built-in step, or a component with --component",
                ));
            }
        };
        if let Some(wanted) = &input.step {
            let known: Vec<String> = plan.identifiers();
            plan.steps.retain(|step| step.identifier == wanted.as_str());
            if plan.steps.is_empty() {
                return Err(Failure::input(
                    format!("there is no step {wanted}"),
                    format!("the steps are {}", known.join(", ")),
                ));
            }
        }
        Ok(plan)
    }

    async fn of_component(
        host: &Host,
        source: ComponentSource,
        input: &InputArguments,
    ) -> Result<Self, Failure> {
        let component = session::load(host, source).await?;
        let description = describe(host, &component).await?;
        let settings = settings::parse(&input.settings, &description.settings_schema)?;
        Ok(Self {
            pipeline: Pipeline::default(),
            steps: vec![PlannedStep {
                identifier: description.name.replace('-', "_"),
                component,
                timeout: None,
                conditions: Vec::new(),
                failure_strategies: Vec::new(),
                stage: 0,
                settings,
                positions: None,
            }],
        })
    }

    async fn of_file(
        host: &Host,
        path: &Path,
        input: &InputArguments,
        configuration: &Configuration,
    ) -> Result<Self, Failure> {
        if !path.exists() && path.extension().is_none() {
            let names = inspect::names(&configuration.components);
            return Err(Failure::input(
                format!(
                    "{} is neither a file nor a built-in or pinned step",
                    path.display()
                ),
                format!("these have names: {}", names.join(", ")),
            ));
        }
        if let Some(setting) = input.settings.first() {
            return Err(Failure::input(
                format!(
                    "--set {setting} goes with a built-in step or --component, not with a file"
                ),
                "write the setting into the file, or use <+input> there and --input here",
            ));
        }
        let pipeline = Pipeline::read(path)?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let mut steps = Vec::new();
        for (index, stage) in pipeline.stages.iter().enumerate() {
            require_engine(stage, configuration.build.engine)?;
            let conditions: Vec<When> = stage.when.iter().cloned().collect();
            for (definition, conditions) in flatten(&stage.elements, &conditions) {
                let component = session::load(
                    host,
                    source(definition, &folder, &configuration.components)?,
                )
                .await?;
                steps.push(PlannedStep {
                    identifier: definition.identifier.to_string(),
                    component,
                    timeout: definition.timeout,
                    conditions,
                    failure_strategies: definition.failure_strategies.clone(),
                    stage: index,
                    settings: definition.spec.clone(),
                    positions: Some(definition.positions.clone()),
                });
            }
        }
        Ok(Self { pipeline, steps })
    }

    /// The steps, in order.
    pub(crate) fn steps(&self) -> &[PlannedStep] {
        &self.steps
    }

    fn identifiers(&self) -> Vec<String> {
        self.steps
            .iter()
            .map(|step| step.identifier.clone())
            .collect()
    }

    /// Checks every step whose settings can be known before anything runs: expressions, the
    /// step's own validation, and that the connectors exist.
    pub(crate) async fn check(
        &self,
        host: &Host,
        connectors: &Connectors,
        scope: &RunScope,
    ) -> Result<(), Failure> {
        let mut problems = Vec::new();
        for step in &self.steps {
            scope.enter_stage(self, step.stage)?;
            if step.needs_outputs() {
                continue;
            }
            let checked = step.check(host, connectors, scope).await?;
            problems.extend(checked);
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Problems::from(problems).into())
        }
    }
}

impl PlannedStep {
    /// Whether the settings need what earlier steps return, which is not known before they run.
    pub(crate) fn needs_outputs(&self) -> bool {
        self.settings.to_string().contains("steps.")
    }

    /// The settings for this run.
    pub(crate) fn resolve(&self, scope: &RunScope) -> Result<ResolvedSettings, Problems> {
        let value = match &self.positions {
            Some(positions) => expression::resolve(&self.settings, positions, scope)?,
            None => scope.resolve_command_line(&self.settings)?,
        };
        // A step gets the secrets that its own settings name, not those of the steps before it.
        let placeholders = scope.placeholders().within(&value.to_string());
        Ok(ResolvedSettings {
            value,
            placeholders,
        })
    }

    async fn check(
        &self,
        host: &Host,
        connectors: &Connectors,
        scope: &RunScope,
    ) -> Result<Vec<Problem>, Failure> {
        let resolved = match self.resolve(scope) {
            Ok(resolved) => resolved,
            Err(problems) => return Ok(problems.into_vec()),
        };
        let mut problems = self
            .unknown_connectors(host, connectors, &resolved.value)
            .await?;
        let mut request = RunRequest::new(resolved.value)
            .step(self.identifier.clone())
            .placeholders(resolved.placeholders);
        // A setting may name a file whose content can be wrong.
        if let Some(workspace) = scope.workspace() {
            request = request.workspace(workspace);
        }
        match host.validate(&self.component, request).await {
            Err(RunError::Step(StepFailure(error))) => {
                problems.extend(self.problems(&error.message, error.hint.as_deref()));
            }
            // It fails in the same way when it is run, and is then shown with its events.
            Err(RunError::Guest(_)) if scope.runs() => {}
            Err(error) => return Err(Failure::new(Code::Failed, error)),
            Ok(()) => {}
        }
        Ok(problems)
    }

    async fn unknown_connectors(
        &self,
        host: &Host,
        connectors: &Connectors,
        settings: &Value,
    ) -> Result<Vec<Problem>, Failure> {
        let description = describe(host, &self.component).await?;
        let named = NamedResources::from_settings(&description.settings_schema, settings)
            .map_err(|error| Failure::new(Code::Failed, error))?;
        let known: Vec<&str> = connectors
            .iter()
            .map(|connector| connector.identifier.as_str())
            .collect();
        let is_known = |name: &str| {
            ConnectorReference::parse(name)
                .is_ok_and(|reference| connectors.get(&reference).is_some())
        };
        Ok(named
            .connectors()
            .filter(|name| !is_known(name))
            .map(|name| {
                let message = format!("there is no connector {name}");
                let help = if known.is_empty() {
                    "name the file that holds it with --connectors".to_owned()
                } else {
                    format!("the connectors are {}", known.join(", "))
                };
                self.problem_with_value(name, &message, &help)
            })
            .collect())
    }

    /// What a step says of its settings, one problem a line as `FIELD: TEXT`, with the places in
    /// the file.
    pub(crate) fn problems(&self, message: &str, hint: Option<&str>) -> Vec<Problem> {
        let lines: Vec<(String, &str)> = message.lines().filter_map(field::parse).collect();
        if lines.is_empty() {
            return vec![with_help(self.problem_at("", message), hint)];
        }
        lines
            .into_iter()
            .map(|(pointer, text)| with_help(self.problem_at(&pointer, text), hint))
            .collect()
    }

    fn problem_at(&self, pointer: &str, message: &str) -> Problem {
        match &self.positions {
            Some(positions) => positions.problem(ProblemKind::InvalidValue, pointer, message),
            None if pointer.is_empty() => {
                Problem::without_position(ProblemKind::InvalidValue, message)
            }
            None => {
                let field = pointer.trim_start_matches('/').replace('/', ".");
                Problem::without_position(
                    ProblemKind::InvalidValue,
                    format!("--set {field}: {message}"),
                )
            }
        }
    }

    /// A problem with the setting that has `value`, or one of whose elements it is.
    fn problem_with_value(&self, value: &str, message: &str, help: &str) -> Problem {
        let holds = |candidate: &Value| {
            candidate.as_str() == Some(value)
                || candidate
                    .as_array()
                    .is_some_and(|items| items.iter().any(|item| item.as_str() == Some(value)))
        };
        let field = self
            .settings
            .as_object()
            .and_then(|settings| settings.iter().find(|(_, candidate)| holds(candidate)))
            .map(|(name, _)| format!("/{name}"));
        self.problem_at(&field.unwrap_or_default(), message)
            .with_help(help)
    }
}

fn with_help(problem: Problem, hint: Option<&str>) -> Problem {
    match hint {
        Some(hint) => problem.with_help(hint),
        None => problem,
    }
}

pub(crate) async fn describe<'a>(
    host: &Host,
    component: &'a Component,
) -> Result<&'a stepyard::component::Description, Failure> {
    host.describe(component)
        .await
        .map_err(|error| Failure::new(Code::BadInput, error))
}

/// The steps of `elements` with the conditions around them. Parallel members run in order.
fn flatten<'a>(
    elements: &'a [Element],
    conditions: &[When],
) -> Vec<(&'a StepDefinition, Vec<When>)> {
    let mut steps = Vec::new();
    for element in elements {
        match element {
            Element::Step(step) => {
                let own = step.when.iter().cloned();
                steps.push((&**step, conditions.iter().cloned().chain(own).collect()));
            }
            Element::Parallel(members) => steps.extend(flatten(members, conditions)),
            Element::Group(group) => {
                let mut conditions = conditions.to_vec();
                conditions.extend(group.when.clone());
                steps.extend(flatten(&group.elements, &conditions));
            }
        }
    }
    steps
}

fn source(
    step: &StepDefinition,
    folder: &Path,
    components: &ComponentsConfiguration,
) -> Result<ComponentSource, Failure> {
    Ok(match &step.step_type {
        StepType::BuildAndPushEcr => ComponentSource::built_in("build-push-ecr"),
        StepType::EcrScanGate => ComponentSource::built_in("ecr-scan-gate"),
        StepType::PromoteImage => ComponentSource::built_in("promote-image"),
        StepType::Component(name) => match components.source(name) {
            Some(source) => source,
            None if parse_reference(name).is_some() => inspect::located(name)?,
            None => ComponentSource::file(folder.join(name)),
        },
        other => ComponentSource::built_in(format!("{other:?}")),
    })
}

/// Refuses a stage that builds in a cluster, unless the operator has named what builds instead.
fn require_engine(stage: &Stage, named: Option<EngineName>) -> Result<(), Failure> {
    let in_cluster = stage.infrastructure == Some(Infrastructure::KubernetesDirect);
    let mut steps = stage.steps().into_iter();
    let builds = steps.any(|step| {
        let builds_nothing = [StepType::EcrScanGate, StepType::PromoteImage];
        !builds_nothing.contains(&step.step_type)
    });
    if in_cluster && builds && named.is_none() {
        return Err(Failure::input(
            "the stage's infrastructure is KubernetesDirect, and no engine builds in a cluster",
            "set infrastructure.type to Docker or VM, or leave it out; or say with `engine` under \
             [build] of stepyard.toml what builds instead",
        ));
    }
    Ok(())
}
