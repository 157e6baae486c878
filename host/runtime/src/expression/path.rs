//! What an expression names.

use std::fmt;

use super::{CODEBASE_FIELDS, ExpressionFault};

/// The thing that an expression names, other than secrets and runtime inputs. Displayed as it
/// stands between `<+` and `>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ExpressionPath {
    /// `pipeline.name`
    PipelineName,
    /// `pipeline.identifier`
    PipelineIdentifier,
    /// `pipeline.sequenceId`: the number of the run.
    SequenceId,
    /// `pipeline.executionId`: the unique id of the run.
    ExecutionId,
    /// `pipeline.variables.X`
    PipelineVariable(String),
    /// `stage.name`
    StageName,
    /// `stage.identifier`
    StageIdentifier,
    /// `stage.variables.X`
    StageVariable(String),
    /// `codebase.X`, one of [`CODEBASE_FIELDS`].
    Codebase(String),
    /// `env.X`
    Environment(String),
    /// `steps.ID.output.outputVariables.X` (also with `execution.` before it)
    StepOutput {
        /// The step's identifier.
        step: String,
        /// The output's name.
        name: String,
    },
}

const FORMS: &str = "`pipeline.sequenceId`, `pipeline.executionId`, `pipeline.name`, \
    `pipeline.identifier`, `pipeline.variables.X`, `stage.name`, `stage.identifier`, \
    `stage.variables.X`, `codebase.X`, `env.X`, `steps.ID.output.outputVariables.X`, \
    `secrets.getValue(\"id\")`, `input`";

impl ExpressionPath {
    /// Reads what stands between `<+` and `>`.
    ///
    /// # Errors
    /// It is none of the known forms.
    pub fn parse(text: &str) -> Result<Self, ExpressionFault> {
        let parts: Vec<&str> = text.split('.').collect();
        let simple = |part: &&str| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|any| any.is_ascii_alphanumeric() || any == '_' || any == '-')
        };
        let unknown = || ExpressionFault::Unknown {
            found: text.to_owned(),
            forms: FORMS,
        };
        if !parts.iter().all(simple) {
            return Err(unknown());
        }
        Ok(match parts.as_slice() {
            ["pipeline", "name"] => Self::PipelineName,
            ["pipeline", "identifier"] => Self::PipelineIdentifier,
            ["pipeline", "sequenceId"] => Self::SequenceId,
            ["pipeline", "executionId"] => Self::ExecutionId,
            ["stage", "name"] => Self::StageName,
            ["stage", "identifier"] => Self::StageIdentifier,
            ["pipeline", "variables", name @ ..] if !name.is_empty() => {
                Self::PipelineVariable(name.join("."))
            }
            ["stage", "variables", name @ ..] if !name.is_empty() => {
                Self::StageVariable(name.join("."))
            }
            ["env", name] => Self::Environment((*name).to_owned()),
            ["codebase", field] if CODEBASE_FIELDS.contains(field) => {
                Self::Codebase((*field).to_owned())
            }
            ["codebase", field] => {
                return Err(ExpressionFault::UnknownCodebaseField {
                    found: (*field).to_owned(),
                });
            }
            [
                "execution",
                "steps",
                step,
                "output",
                "outputVariables",
                name @ ..,
            ]
            | ["steps", step, "output", "outputVariables", name @ ..]
                if !name.is_empty() =>
            {
                Self::StepOutput {
                    step: (*step).to_owned(),
                    name: name.join("."),
                }
            }
            _ => return Err(unknown()),
        })
    }
}

impl fmt::Display for ExpressionPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PipelineName => formatter.write_str("pipeline.name"),
            Self::PipelineIdentifier => formatter.write_str("pipeline.identifier"),
            Self::SequenceId => formatter.write_str("pipeline.sequenceId"),
            Self::ExecutionId => formatter.write_str("pipeline.executionId"),
            Self::PipelineVariable(name) => write!(formatter, "pipeline.variables.{name}"),
            Self::StageName => formatter.write_str("stage.name"),
            Self::StageIdentifier => formatter.write_str("stage.identifier"),
            Self::StageVariable(name) => write!(formatter, "stage.variables.{name}"),
            Self::Codebase(field) => write!(formatter, "codebase.{field}"),
            Self::Environment(name) => write!(formatter, "env.{name}"),
            Self::StepOutput { step, name } => {
                write!(formatter, "steps.{step}.output.outputVariables.{name}")
            }
        }
    }
}
