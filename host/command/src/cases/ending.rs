//! What a run comes to, and how that differs from what was expected.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stepyard::{Outcome, RunError};

use super::difference::Differences;

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Status {
    /// With outputs.
    Succeeded,
    /// With an error.
    Failed,
}

/// What a run comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Ending {
    pub(crate) status: Status,
    /// The values for later steps, where it succeeds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) outputs: BTreeMap<String, String>,
    /// Why it fails, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<EndingError>,
    /// What it logs: of an expectation, lines that must be there in this order, and others may stand
    /// between them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) log: Vec<String>,
}

/// Why a run fails.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct EndingError {
    /// The kind of the step's error; none where the host ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<String>,
    pub(crate) message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

impl Ending {
    /// What a run came to that printed `log`.
    pub(crate) fn of(result: &Result<Outcome, RunError>, log: Vec<String>) -> Self {
        let error = result.as_ref().err().map(EndingError::of);
        let outputs = result.as_ref().map(|outcome| outcome.outputs.clone());
        Self {
            status: match error {
                None => Status::Succeeded,
                Some(_) => Status::Failed,
            },
            outputs: outputs.unwrap_or_default().into_iter().collect(),
            error,
            log,
        }
    }

    /// How `actual` differs from what is expected here.
    pub(crate) fn differences(&self, actual: &Self) -> Differences {
        let without_log = |ending: &Self| {
            let ending = Self {
                log: Vec::new(),
                ..ending.clone()
            };
            // It has no maps with other keys than texts, which is all that can fail.
            serde_json::to_value(ending).unwrap_or_default()
        };
        let mut differences = Differences::between(&without_log(self), &without_log(actual));
        let mut printed = actual.log.iter();
        for expected in &self.log {
            if !printed.any(|line| line == expected) {
                differences.missing_line(expected, &actual.log);
                break;
            }
        }
        differences
    }
}

impl EndingError {
    fn of(error: &RunError) -> Self {
        match error {
            RunError::Step(failure) => Self {
                kind: Some(failure.0.kind.to_string()),
                message: failure.0.message.clone(),
                hint: failure.0.hint.clone(),
            },
            other => Self {
                kind: None,
                message: other.to_string(),
                hint: miette::Diagnostic::help(other).map(|help| help.to_string()),
            },
        }
    }
}
