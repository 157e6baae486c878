//! What can go wrong in a task.
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a task failed, in words for the person who ran it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{doing}: {source}")]
    Io { doing: String, source: io::Error },
    #[error("`{command}` ended with {status}{output}")]
    Command {
        command: String,
        status: ExitStatus,
        /// What the command said, starting with a line break, where it was not shown already.
        output: String,
    },
    #[error("{service} did not start: {reason}; the end of {}:\n{tail}", log.display())]
    Service {
        service: String,
        reason: String,
        log: PathBuf,
        tail: String,
    },
    #[error(
        "this machine lacks {missing}; run as root: \
         apt-get update && apt-get install --no-install-recommends {packages}"
    )]
    MissingPackages { missing: String, packages: String },
    #[error("{0}")]
    Unmet(String),
    #[error("interrupted")]
    Interrupted,
}

/// Says what was being done when an input or output operation failed.
pub(crate) trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Error::Io {
            doing: what(),
            source: error.into(),
        })
    }
}
