//! The records.

use serde::Serialize;
use time::OffsetDateTime;

use crate::capability::{CapabilityError, ErrorKind};
use crate::event::StepStatus;

/// A record with what every record has.
#[derive(Debug, Serialize)]
pub struct AuditEntry<'a> {
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
    /// The run: 32 hexadecimal digits, different for each.
    pub run: &'a str,
    /// The step's identifier.
    pub step: &'a str,
    /// What is recorded.
    #[serde(flatten)]
    pub record: AuditRecord<'a>,
}

/// What is recorded.
#[derive(Debug, Serialize)]
#[serde(
    tag = "record",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum AuditRecord<'a> {
    /// A run begins.
    RunStarted {
        /// What runs.
        component: AuditedComponent<'a>,
        /// `enforce` or `observe`.
        mode: &'a str,
        /// The digest of the policy's rules, where the policy has one.
        #[serde(skip_serializing_if = "Option::is_none")]
        policy: Option<&'a str>,
    },
    /// A call was decided, and has not acted yet.
    Intent {
        /// Counts the calls of a run from 1.
        call: u64,
        /// The digest of the component's bytes.
        component: &'a str,
        /// What the call would do, and what the policy says of each; the main thing first.
        accesses: Vec<AuditAccess<'a>>,
        /// Whether the call is made.
        decision: AuditDecision,
    },
    /// A call has ended.
    Outcome {
        /// The number of its intent.
        call: u64,
        /// From the intent to the end, in microseconds.
        microseconds: u64,
        /// How many bytes of contexts and layers travelled.
        bytes: u64,
        /// How it ended.
        #[serde(flatten)]
        result: AuditResult<'a>,
    },
    /// A run has ended.
    RunFinished {
        /// How.
        status: StepStatus,
        /// How many calls it made or tried to make.
        calls: u64,
        /// How many calls were made that the policy denies.
        would_be_denied: u64,
    },
    /// The line before was cut off by a crash. It was left as it is.
    Recovered {
        /// The length of what is left of it.
        torn_bytes: u64,
        /// The SHA-256 of what is left of it, in hexadecimal digits.
        torn_sha256: &'a str,
    },
}

/// A component, as the policy sees it.
#[derive(Debug, Serialize)]
pub struct AuditedComponent<'a> {
    /// Its name.
    pub name: &'a str,
    /// The version that it says it has.
    pub version: &'a str,
    /// The digest of its bytes.
    pub digest: &'a str,
    /// `built-in`, `pinned` or `elsewhere`.
    pub origin: &'static str,
}

/// One thing that a call would do.
#[derive(Debug, Serialize)]
pub struct AuditAccess<'a> {
    /// The action.
    pub action: &'static str,
    /// What it acts on.
    pub resource: &'a str,
    /// Whether the policy permits it.
    pub permitted: bool,
    /// The rules that decided; none where no rule permits it.
    pub rules: Vec<String>,
}

/// Whether a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuditDecision {
    /// Everything that it would do is permitted.
    Permitted,
    /// Something is not, and it is refused.
    Denied,
    /// Something is not, and it is made because the policy only observes.
    Observed,
}

/// How a call ended.
#[derive(Debug, Serialize)]
#[serde(
    tag = "result",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum AuditResult<'a> {
    /// It did what it was asked for.
    Done,
    /// It was refused, and nothing was done.
    Denied,
    /// It failed.
    Failed {
        /// The kind of its error.
        kind: &'a ErrorKind,
        /// What the error says, cut off where it is long.
        message: &'a str,
    },
    /// It was given up before its end.
    Interrupted,
}

/// The longest message of an error that is recorded, in bytes.
const LONGEST_MESSAGE: usize = 2_000;

impl<'a> AuditResult<'a> {
    /// Of a call that returned.
    pub(crate) fn of<T>(result: &'a Result<T, CapabilityError>) -> Self {
        match result {
            Ok(_) => Self::Done,
            Err(error) => Self::Failed {
                kind: &error.kind,
                message: error
                    .message
                    .get(..error.message.floor_char_boundary(LONGEST_MESSAGE))
                    .unwrap_or_default(),
            },
        }
    }
}
