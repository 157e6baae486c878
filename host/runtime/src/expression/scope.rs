//! Where expressions find their values.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{CODEBASE_FIELDS, Codebase, ExpressionPath};
use crate::secret::SecretName;

/// What expressions can see. Whoever runs a step decides what that is.
pub trait Scope {
    /// The value of a path.
    fn lookup(&self, path: &ExpressionPath) -> Option<Value>;

    /// An opaque text that stands for a secret until the policy has allowed its use. It must not
    /// be derivable from the secret, nor be guessable by whoever writes the settings.
    fn secret_placeholder(&self, name: &SecretName) -> String;

    /// The value given for the runtime input of a field, such as `step.spec.imageName`.
    fn input(&self, field: &str) -> Option<Value> {
        let _ = field;
        None
    }

    /// The paths that have a value, for errors.
    fn available(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The values of a run, from which a [`Scope`] can answer everything but secrets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExecutionValues {
    /// `pipeline.sequenceId`
    pub sequence_id: Option<u64>,
    /// `pipeline.executionId`
    pub execution_id: Option<String>,
    /// `pipeline.name` and `pipeline.identifier`
    pub pipeline: Named,
    /// `pipeline.variables.*`
    pub pipeline_variables: BTreeMap<String, Value>,
    /// `stage.name` and `stage.identifier`
    pub stage: Named,
    /// `stage.variables.*`
    pub stage_variables: BTreeMap<String, Value>,
    /// `codebase.*`
    pub codebase: Codebase,
    /// `env.*`: the variables that steps may see.
    pub environment: BTreeMap<String, String>,
    /// `steps.ID.output.outputVariables.*`, by step and name.
    pub step_outputs: BTreeMap<String, BTreeMap<String, String>>,
}

/// The name and the identifier of a pipeline or a stage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// For people.
    pub name: Option<String>,
    /// For expressions.
    pub identifier: Option<String>,
}

impl ExecutionValues {
    /// The value of a path.
    #[must_use]
    pub fn lookup(&self, path: &ExpressionPath) -> Option<Value> {
        let text = |text: &Option<String>| text.clone().map(Value::String);
        match path {
            ExpressionPath::SequenceId => self.sequence_id.map(Value::from),
            ExpressionPath::ExecutionId => text(&self.execution_id),
            ExpressionPath::PipelineName => text(&self.pipeline.name),
            ExpressionPath::PipelineIdentifier => text(&self.pipeline.identifier),
            ExpressionPath::PipelineVariable(name) => self.pipeline_variables.get(name).cloned(),
            ExpressionPath::StageName => text(&self.stage.name),
            ExpressionPath::StageIdentifier => text(&self.stage.identifier),
            ExpressionPath::StageVariable(name) => self.stage_variables.get(name).cloned(),
            ExpressionPath::Codebase(field) => self.codebase.get(field).map(Value::from),
            ExpressionPath::Environment(name) => {
                self.environment.get(name).cloned().map(Value::String)
            }
            ExpressionPath::StepOutput { step, name } => self
                .step_outputs
                .get(step)?
                .get(name)
                .cloned()
                .map(Value::String),
        }
    }

    /// The paths that have a value.
    #[must_use]
    pub fn available(&self) -> Vec<String> {
        use ExpressionPath as Path;
        let fixed = [
            Path::SequenceId,
            Path::ExecutionId,
            Path::PipelineName,
            Path::PipelineIdentifier,
            Path::StageName,
            Path::StageIdentifier,
        ];
        let outputs = self.step_outputs.iter().flat_map(|(step, outputs)| {
            outputs.keys().map(|name| Path::StepOutput {
                step: step.clone(),
                name: name.clone(),
            })
        });
        fixed
            .into_iter()
            .chain(
                self.pipeline_variables
                    .keys()
                    .cloned()
                    .map(Path::PipelineVariable),
            )
            .chain(
                self.stage_variables
                    .keys()
                    .cloned()
                    .map(Path::StageVariable),
            )
            .chain(
                CODEBASE_FIELDS
                    .iter()
                    .map(|field| Path::Codebase((*field).to_owned())),
            )
            .chain(self.environment.keys().cloned().map(Path::Environment))
            .chain(outputs)
            .filter(|path| self.lookup(path).is_some())
            .map(|path| path.to_string())
            .collect()
    }
}
