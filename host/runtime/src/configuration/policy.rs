//! `[policy]`: the rules that decide what steps may do.

use std::path::PathBuf;

use super::file::path;
use crate::document::Field;
use crate::policy::PolicyMode;

/// `[policy]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyConfiguration {
    /// `files`: files of rules in Cedar.
    pub files: Vec<PathBuf>,
    /// `mode`: what becomes of a denial.
    pub mode: PolicyMode,
    /// `built-in`: whether a built-in step may touch what its settings name, as far as no rule of
    /// a file forbids it.
    pub built_in: bool,
}

impl Default for PolicyConfiguration {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            mode: PolicyMode::Enforce,
            built_in: true,
        }
    }
}

pub(super) fn read_policy(field: &Field<'_>) -> Option<PolicyConfiguration> {
    let mut fields = field.fields()?;
    let files = fields
        .optional("files")
        .and_then(|field| field.items())
        .unwrap_or_default()
        .iter()
        .filter_map(path)
        .collect();
    let mode = fields.optional("mode").and_then(|field| {
        field.parse(
            |text| match text {
                "enforce" => Ok(PolicyMode::Enforce),
                "observe" => Ok(PolicyMode::Observe),
                _ => Err("expected `enforce` or `observe`"),
            },
            "`observe` makes the calls that the rules deny, and tells and counts them",
        )
    });
    let built_in = fields
        .optional("built-in")
        .and_then(|field| field.one_of(&[("true", true), ("false", false)]));
    fields.finish();
    Some(PolicyConfiguration {
        files,
        mode: mode.unwrap_or_default(),
        built_in: built_in.unwrap_or(true),
    })
}
