//! `<+...>` expressions inside texts of a step's settings.
//!
//! | expression | stands for |
//! | --- | --- |
//! | `<+pipeline.name>`, `<+pipeline.identifier>` | the pipeline |
//! | `<+pipeline.sequenceId>`, `<+pipeline.executionId>` | the run |
//! | `<+pipeline.variables.X>`, `<+stage.variables.X>` | variables |
//! | `<+stage.name>`, `<+stage.identifier>` | the stage |
//! | `<+codebase.branch>`, `.tag`, `.commitSha`, ... | the commit, see [`CODEBASE_FIELDS`] |
//! | `<+env.X>` | the environment, as far as the [`Scope`] shows it |
//! | `<+steps.ID.output.outputVariables.X>` | an output of an earlier step |
//! | `<+secrets.getValue("id")>` | a secret, as an opaque placeholder |
//! | `<+input>`, `.default(x)`, `.allowedValues(a,b)`, `.regex(r)` | a value given for this run |
//!
//! A text that is one expression takes its value with its type; inside a longer text the value is
//! written out. Values are never searched for expressions again, so that nothing from a commit
//! message or an environment variable can name a secret.

mod codebase;
mod condition;
mod evaluate;
mod input;
mod parse;
mod path;
mod scope;

pub use codebase::{CODEBASE_FIELDS, Codebase};
pub use condition::evaluate_condition;
pub use evaluate::{resolve, resolve_text};
pub use input::RuntimeInput;
pub use parse::{Expression, ExpressionError, ExpressionFault, Segment, Template};
pub use path::ExpressionPath;
pub use scope::{ExecutionValues, Named, Scope};
