//! What a step was doing when something failed.

use std::fmt;

use crate::Error;

/// Says of whatever error a result has what the step was doing, and what the person can do. The
/// error keeps its kind.
///
/// ```
/// use stepyard_sdk::{Error, ErrorKind, prelude::*};
///
/// fn read(path: &str) -> Result<String, Error> {
///     std::fs::read_to_string(path)
///         .context(path)
///         .hint("generate it before this step")
/// }
///
/// let error = read("no/such/file").unwrap_err();
/// assert_eq!(*error.kind(), ErrorKind::NotFound);
/// assert!(error.message().starts_with("no/such/file: "));
/// assert_eq!(error.hint(), Some("generate it before this step"));
/// ```
pub trait Context<T> {
    /// The same with `context` and a colon in front of the error's message.
    ///
    /// # Errors
    /// Where it has one.
    fn context(self, context: impl fmt::Display) -> Result<T, Error>;

    /// The same with what the person can do about it.
    ///
    /// # Errors
    /// Where it has one.
    fn hint(self, hint: impl Into<String>) -> Result<T, Error>;
}

impl<T, E> Context<T> for Result<T, E>
where
    Error: From<E>,
{
    fn context(self, context: impl fmt::Display) -> Result<T, Error> {
        self.map_err(|error| Error::from(error).with_context(context))
    }

    fn hint(self, hint: impl Into<String>) -> Result<T, Error> {
        self.map_err(|error| Error::from(error).with_hint(hint))
    }
}
