//! What is wrong with a policy.

use std::path::PathBuf;

/// A policy that cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PolicyError {
    /// The file cannot be read.
    #[error("the policy {} cannot be read: {error}", path.display())]
    #[diagnostic(help("name a file of rules in Cedar; docs/policy.md shows some"))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Rules that do not hold.
    #[error("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    #[diagnostic(help(
        "`stepyard policy schema` prints what policies can speak of: actions, types and attributes"
    ))]
    Faulty {
        /// What is wrong, in the order of the text.
        faults: Vec<PolicyFault>,
    },
    /// The rules and the schema that come with the host do not hold.
    #[error("the host's own policy schema does not hold: {0}")]
    #[diagnostic(help("report this as a fault of Stepyard"))]
    Schema(String),
}

/// One thing that is wrong with a policy's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}:{column}: {message}", file.display())]
pub struct PolicyFault {
    /// The file.
    pub file: PathBuf,
    /// Counts from 1.
    pub line: usize,
    /// Counts from 1.
    pub column: usize,
    /// What is wrong, and what was expected where that is known.
    pub message: String,
}
