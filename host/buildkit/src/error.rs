//! What can go wrong with a build.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use stepyard_build_context::ContextError;

use crate::connect::Endpoint;
use crate::status::Failure;

/// A build cannot be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing answers, or the connection broke while it was made.
    #[error("BuildKit at {address} cannot be reached: {source}")]
    Connect {
        /// Where it was looked for.
        address: String,
        /// The cause.
        source: io::Error,
    },
    /// The Docker Engine has no BuildKit, as Podman's service has not.
    #[error("the engine at {address} has no BuildKit")]
    NoBuildKit {
        /// The engine.
        address: String,
    },
    /// The daemon refused a call or the connection to it broke.
    #[error("BuildKit at {address}: {message}")]
    Daemon {
        /// The daemon.
        address: String,
        /// Its words, or what became of the connection.
        message: String,
        /// Whether the daemon could not be reached any more, so that trying again may help.
        unavailable: bool,
    },
    /// The build ran and failed.
    #[error("{0}")]
    Failed(Box<Failure>),
    /// A file of the context cannot be read or sent.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// A credential for a registry was asked for and cannot be had.
    #[error("no credential for {host}: {message}")]
    Credential {
        /// The registry.
        host: String,
        /// Why.
        message: String,
    },
    /// A build secret was asked for and cannot be had.
    #[error("the build secret {id:?} cannot be read: {message}")]
    Secret {
        /// Its identifier.
        id: String,
        /// Why; without the value.
        message: String,
    },
    /// The agent that holds ssh keys cannot be used.
    #[error("the ssh agent for {id:?} cannot be reached: {message}")]
    SshAgent {
        /// The identifier that the Dockerfile names.
        id: String,
        /// Why.
        message: String,
    },
    /// What the daemon sent or a file on this side cannot be written or read.
    #[error("{what}: {source}")]
    LocalFile {
        /// What was tried, with the file's name.
        what: String,
        /// The cause.
        source: io::Error,
    },
    /// The build asks for what cannot be.
    #[error("{0}")]
    Invalid(String),
}

impl Error {
    /// A call of the daemon's API that failed by itself.
    pub(crate) fn of_call(endpoint: &Endpoint, status: &tonic::Status) -> Self {
        Self::Daemon {
            address: endpoint.to_string(),
            message: status.message().to_owned(),
            unavailable: std::error::Error::source(status).is_some()
                || status.code() == tonic::Code::Unavailable,
        }
    }
}

/// Why this side could not give the daemon what it asked for. It is kept aside, because the daemon
/// repeats it only as text, if at all. The first fault is the one that counts.
#[derive(Clone, Default)]
pub(crate) struct LocalFault(Arc<Mutex<Option<Error>>>);

impl LocalFault {
    pub(crate) fn set(&self, error: Error) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(error);
    }

    pub(crate) fn take(&self) -> Option<Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
