//! A pipeline file as a whole.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use super::element::{self, Element};
use super::stage::{self, Stage};
use super::step::{self, StepDefinition};
use super::variable::{self, Variable};
use crate::document::{
    Content, Field, Fields, Problem, ProblemKind, Problems, Report, SourceFile, read_yaml,
};

/// What a file runs. A file that holds only steps is a pipeline of one stage.
#[derive(Debug, Clone, Default)]
pub struct Pipeline {
    /// The name for people.
    pub name: Option<String>,
    /// The identifier for expressions.
    pub identifier: Option<String>,
    /// How long it may run.
    pub timeout: Option<Duration>,
    /// Its variables.
    pub variables: Vec<Variable>,
    /// Its stages, in order.
    pub stages: Vec<Stage>,
}

impl Pipeline {
    /// Reads a file.
    ///
    /// # Errors
    /// All problems of the file.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        Self::parse(&SourceFile::read(path)?)
    }

    /// Reads a file whose text is at hand: `pipeline:`, `steps:`, a list of steps, `step:`, or the
    /// fields of a step.
    ///
    /// # Errors
    /// All problems of the file.
    pub fn parse(file: &SourceFile) -> Result<Self, Problems> {
        let documents = read_yaml(file)?;
        let report = Report::new(file);
        let pipeline = match documents.as_slice() {
            [] => return Err(no_steps(file)),
            [document] => read_root(&Field::root(document, &report)),
            [_, second, ..] => {
                Field::root(second, &report).problem(
                    ProblemKind::InvalidValue,
                    "expected one document, found another",
                    "keep one pipeline a file; connectors belong into a file of their own",
                );
                None
            }
        };
        let pipeline = report.finish(pipeline)?;
        if pipeline.steps().is_empty() {
            return Err(no_steps(file));
        }
        Ok(pipeline)
    }

    /// Every step of every stage, in the order of the file.
    #[must_use]
    pub fn steps(&self) -> Vec<&StepDefinition> {
        self.stages.iter().flat_map(Stage::steps).collect()
    }

    fn of_elements(elements: Vec<Element>) -> Self {
        Self {
            stages: vec![Stage {
                elements,
                ..Stage::default()
            }],
            ..Self::default()
        }
    }
}

fn no_steps(file: &SourceFile) -> Problems {
    Problem::new(
        ProblemKind::MissingKey,
        file,
        0..0,
        "",
        "the file holds no step",
    )
    .with_help("write `step:` with `type`, `name` and `spec` below it")
    .into()
}

fn read_root(root: &Field<'_>) -> Option<Pipeline> {
    let mut seen = BTreeSet::new();
    if matches!(root.node.content, Content::Sequence(_)) {
        return Some(Pipeline::of_elements(element::read_list(
            root,
            &[],
            &mut seen,
        )));
    }
    let mut fields = root.fields()?;
    if let Some(pipeline) = fields.optional("pipeline") {
        fields.finish();
        return read_pipeline(&pipeline);
    }
    if let Some(steps) = fields.optional("steps") {
        let variables = variable::read_list(&mut fields);
        fields.finish();
        let mut pipeline = Pipeline::of_elements(element::read_list(&steps, &[], &mut seen));
        pipeline.variables = variables;
        return Some(pipeline);
    }
    let step = match fields.optional("step") {
        Some(step) => {
            fields.finish();
            step
        }
        None if is_step(root) => root.clone(),
        None => {
            fields.missing(
                "expected `pipeline`, `steps`, `step`, or the fields of a step",
                "write `step:` with `type`, `name` and `spec` below it",
            );
            return None;
        }
    };
    let step = step::read(&step, &[], &mut seen)?;
    Some(Pipeline::of_elements(vec![Element::Step(Box::new(step))]))
}

/// Whether a mapping is meant as a step.
fn is_step(root: &Field<'_>) -> bool {
    root.node.get("type").is_some() || root.node.get("spec").is_some()
}

fn read_pipeline(field: &Field<'_>) -> Option<Pipeline> {
    let mut fields: Fields<'_> = field.fields()?;
    fields.accept(&[
        "allowStageExecutions",
        "delegateSelectors",
        "description",
        "fixedInputsOnRerun",
        "flowControl",
        "notificationRules",
        "orgIdentifier",
        "projectIdentifier",
        "properties",
        "tags",
    ]);
    let (name, identifier) = stage::read_names(&mut fields);
    let timeout = fields
        .optional("timeout")
        .and_then(|field| super::failure_strategy::duration(&field));
    let variables = variable::read_list(&mut fields);
    let stages = fields
        .required("stages", "write `stages:` with a list of stages")
        .map(|stages| stage::read_list(&stages));
    fields.finish();
    Some(Pipeline {
        name,
        identifier,
        timeout,
        variables,
        stages: stages?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::document::render_plain;
    use crate::pipeline::{FailureAction, FailureError, Infrastructure, StepType};

    fn parse(text: &str) -> Pipeline {
        Pipeline::parse(&SourceFile::new("p.yaml", text).unwrap())
            .unwrap_or_else(|error| panic!("{}", render_plain(&error)))
    }

    const STEP: &str = "{type: BuildAndPushECR, name: a, spec: {tags: [1.20]}}";

    #[test]
    fn reads_steps_in_every_frame() {
        for text in [
            "type: BuildAndPushECR\nname: a\nspec: {tags: [1.20]}\n".to_owned(),
            format!("step: {STEP}"),
            format!("steps:\n- step: {STEP}"),
            format!("- step: {STEP}"),
            format!("- parallel:\n  - stepGroup: {{name: g, steps: [{{step: {STEP}}}]}}"),
            format!(
                "pipeline: {{stages: [{{stage: {{spec: {{execution: {{steps: [{{step: {STEP}}}]}}}}}}}}]}}"
            ),
            format!(
                "pipeline: {{stages: [{{parallel: [{{stage: {{spec: {{execution: {{steps: [{{step: {STEP}}}]}}}}}}}}]}}]}}"
            ),
        ] {
            let pipeline = parse(&text);
            let steps = pipeline.steps();
            assert_eq!(steps.len(), 1, "{text}");
            assert_eq!(steps[0].step_type, StepType::BuildAndPushEcr);
            assert_eq!(steps[0].spec, json!({"tags": ["1.20"]}));
            let problem = steps[0]
                .positions
                .problem(ProblemKind::InvalidValue, "/tags/0", "bad");
            assert!(
                problem.field().ends_with("spec.tags[0]"),
                "{}",
                problem.field()
            );
            let (_, line, column) = problem.position().unwrap();
            let at = text
                .lines()
                .nth(line - 1)
                .and_then(|line| line.get(column - 1..))
                .unwrap();
            assert!(at.starts_with("1.20"), "{at}");
        }
    }

    #[test]
    fn reads_a_whole_pipeline() {
        let pipeline = parse(
            "pipeline:
  name: Release
  identifier: release
  projectIdentifier: p
  orgIdentifier: o
  tags: {}
  properties: {ci: {codebase: {connectorRef: c, build: <+input>}}}
  variables:
    - {name: version, type: String, value: 1.20}
    - {name: key, type: Secret, value: account.key}
    - {name: count, type: Number, value: 3}
    - {name: empty, type: String, value: ''}
  stages:
    - stage:
        name: Build
        identifier: build
        type: CI
        when: {pipelineStatus: All}
        failureStrategies:
          - onFailure: {errors: [AllErrors], action: {type: Abort}}
        spec:
          cloneCodebase: true
          platform: {os: Linux, arch: Amd64}
          runtime: {type: Cloud, spec: {}}
          infrastructure: {type: KubernetesDirect, spec: {connectorRef: k, namespace: n}}
          execution:
            steps:
              - step:
                  type: BuildAndPushECR
                  name: Build and push
                  timeout: 1h 30m
                  when: {stageStatus: Failure, condition: <+codebase.branch> == \"main\"}
                  failureStrategies:
                    - onFailure:
                        errors: [Timeout, Connectivity]
                        action:
                          type: Retry
                          spec:
                            retryCount: 3
                            retryIntervals: [10s, 1m]
                            onRetryFailure: {action: {type: MarkAsSuccess}}
                  spec: {account: 123456789012}
              - parallel:
                  - step: {type: PromoteImage, name: two, identifier: second, spec: {}}
                  - step: {type: Component, name: three, component: ./lint.wasm}
",
        );
        assert_eq!(pipeline.identifier.as_deref(), Some("release"));
        assert_eq!(pipeline.variables.len(), 4);
        let stage = &pipeline.stages[0];
        assert_eq!(stage.infrastructure, Some(Infrastructure::KubernetesDirect));
        assert!(matches!(stage.elements[1], Element::Parallel(_)));
        let steps = pipeline.steps();
        let identifiers: Vec<_> = steps.iter().map(|step| step.identifier.as_str()).collect();
        assert_eq!(identifiers, ["Build_and_push", "second", "three"]);
        assert_eq!(
            steps[2].step_type,
            StepType::Component("./lint.wasm".to_owned())
        );
        assert_eq!(steps[2].spec, json!({}));
        let first = steps[0];
        assert_eq!(first.timeout, Some(Duration::from_secs(5400)));
        let condition = first.when.as_ref().unwrap().condition.as_ref().unwrap();
        assert_eq!(condition.text, "<+codebase.branch> == \"main\"");
        let action = |error| {
            let strategy = first
                .failure_strategies
                .iter()
                .find(|one| one.matches(error));
            strategy.unwrap().action.clone()
        };
        assert_eq!(action(FailureError::Authentication), FailureAction::Abort);
        let FailureAction::Retry(retry) = action(FailureError::Timeout) else {
            panic!()
        };
        assert_eq!(retry.interval(0), Duration::from_secs(10));
        assert_eq!(retry.interval(2), Duration::from_secs(60));
        assert_eq!(*retry.on_failure, FailureAction::MarkAsSuccess);
    }

    #[test]
    fn resolves_variables() {
        struct Nothing;
        impl crate::expression::Scope for Nothing {
            fn lookup(&self, _: &crate::expression::ExpressionPath) -> Option<serde_json::Value> {
                None
            }
            fn secret_placeholder(&self, name: &crate::secret::SecretName) -> String {
                format!("[{name}]")
            }
        }
        let text = format!(
            "steps: [{{step: {STEP}}}]\nvariables:\n- {{name: v, value: 1.20}}\n- {{name: n, type: Number, value: 3}}\n- {{name: s, type: Secret, value: account.key}}\n- name: i\n  value: <+input>.default(0123)\n- {{name: d, value: , default: x}}\n"
        );
        let values = crate::pipeline::resolve_variables(&parse(&text).variables, &Nothing);
        let expected = json!({"v": "1.20", "n": 3, "s": "[account.key]", "i": "0123", "d": "x"});
        assert_eq!(json!(values.unwrap()), expected);
    }
}
