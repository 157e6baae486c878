//! `when`: whether a step or a stage runs.

use crate::document::{Field, Positions, ProblemKind, Problems, to_json};
use crate::expression::{Scope, evaluate_condition};

/// When a step or a stage runs. Without one it runs after success.
#[derive(Debug, Clone)]
pub struct When {
    /// What must have happened before.
    pub status: WhenStatus,
    /// What must hold besides.
    pub condition: Option<Condition>,
}

/// What must have happened before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenStatus {
    /// Everything before succeeded.
    Success,
    /// Something before failed.
    Failure,
    /// Either.
    All,
}

/// A condition as it was written, such as `<+codebase.branch> == "main"`, with its place in the
/// file.
#[derive(Debug, Clone)]
pub struct Condition {
    /// The text.
    pub text: String,
    /// Where it stands (pointer `""`).
    pub positions: Positions,
}

impl Condition {
    /// Decides the condition, see [`evaluate_condition`].
    ///
    /// # Errors
    /// The condition does not follow the grammar, or an expression in it has no value.
    pub fn evaluate(&self, scope: &dyn Scope) -> Result<bool, Problems> {
        let field = self.positions.field("");
        evaluate_condition(&self.text, &field, scope).map_err(|error| {
            let (kind, message) = (ProblemKind::Unresolved, error.to_string());
            let problem =
                self.positions
                    .problem_within(kind, "", &self.text, error.range, &message);
            problem.with_help(error.fault.help()).into()
        })
    }
}

/// Reads `when`; `status_key` is `stageStatus` in a step and `pipelineStatus` in a stage.
pub(super) fn read(field: &Field<'_>, status_key: &'static str) -> Option<When> {
    let mut fields = field.fields()?;
    let status = match fields.optional(status_key) {
        Some(status) => status.one_of(&[
            ("Success", WhenStatus::Success),
            ("Failure", WhenStatus::Failure),
            ("All", WhenStatus::All),
        ]),
        None => Some(WhenStatus::Success),
    };
    let condition = fields.optional("condition").map(|field| {
        let text = field.filled_text()?.to_owned();
        let (_, positions) = to_json(field.report.file(), field.node, &field.path);
        Some(Condition { text, positions })
    });
    fields.finish();
    let condition = match condition {
        Some(condition) => Some(condition?),
        None => None,
    };
    Some(When {
        status: status?,
        condition,
    })
}
