//! Pipeline files in Harness's shape: a step, a list of steps, or a whole pipeline.

mod condition;
mod element;
mod failure_strategy;
mod file;
mod stage;
mod step;
mod variable;

pub use condition::{Condition, When, WhenStatus};
pub use element::{Element, StepGroup};
pub use failure_strategy::{FailureAction, FailureError, FailureStrategy, Retry};
pub use file::Pipeline;
pub use stage::{Infrastructure, Stage};
pub use step::{StepDefinition, StepType};
pub use variable::{Variable, VariableValue, resolve_variables};
