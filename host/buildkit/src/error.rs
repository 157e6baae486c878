//! What can go wrong with a build.

use std::sync::{Arc, Mutex, PoisonError};

use stepyard_build_context::ContextError;

/// A build cannot be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the context cannot be read or sent.
    #[error(transparent)]
    Context(#[from] ContextError),
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
