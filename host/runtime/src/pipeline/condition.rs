//! `when`: whether a step or a stage runs.

use crate::document::{Field, Positions, to_json};

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
/// file. [`crate::expression::evaluate_condition`] decides it.
#[derive(Debug, Clone)]
pub struct Condition {
    /// The text.
    pub text: String,
    /// Where it stands (pointer `""`).
    pub positions: Positions,
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
    Some(When { status: status?, condition })
}
