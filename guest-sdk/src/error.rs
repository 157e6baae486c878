//! Errors that cross the boundary to the host.

use std::fmt;

use stepyard_grammar::GrammarError;

use crate::bindings::stepyard::step::types;
pub use crate::bindings::stepyard::step::types::ErrorKind;

/// A failed call of a capability, or what a step fails with.
///
/// It keeps its kind through `?`: of a capability, of `std::io` and JSON, and where it was boxed or
/// wrapped.
///
/// ```
/// use stepyard_sdk::{Error, ErrorKind};
///
/// let error = Error::conflict("the tag 1.0 names another image")
///     .with_context("team/app")
///     .with_hint("choose another tag")
///     .retryable();
/// assert_eq!(*error.kind(), ErrorKind::Conflict);
/// assert_eq!(error.message(), "team/app: the tag 1.0 names another image");
/// assert_eq!(error.hint(), Some("choose another tag"));
/// assert!(error.is_retryable());
///
/// let own = Error::other("checksum-mismatch", "app.tar is not what it was");
/// assert_eq!(*own.kind(), ErrorKind::Other("checksum-mismatch".to_owned()));
///
/// fn read() -> Result<String, Error> {
///     Ok(std::fs::read_to_string("no/such/file")?)
/// }
/// assert_eq!(*read().unwrap_err().kind(), ErrorKind::NotFound);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    retryable: bool,
}

impl Error {
    /// An error that is not worth a second attempt, without a hint.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            retryable: false,
        }
    }

    /// A setting is malformed or contradicts another one.
    pub fn invalid_settings(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidSettings, message)
    }

    /// What was named does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// The state of the other side forbids it.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, message)
    }

    /// The other side cannot be reached; a later attempt may succeed.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message).retryable()
    }

    /// The host or the engine does not offer what the step needs.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// A failure of a kind that the contract has no name for, such as `checksum-mismatch`.
    pub fn other(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Other(kind.into()), message)
    }

    /// The same with what the person can do about it.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// The same with `context` and a colon in front of the message.
    #[must_use]
    pub fn with_context(self, context: impl fmt::Display) -> Self {
        Self {
            message: format!("{context}: {}", self.message),
            ..self
        }
    }

    /// The same as one that a later attempt may not meet.
    #[must_use]
    pub fn retryable(self) -> Self {
        Self {
            retryable: true,
            ..self
        }
    }

    /// That of a chain of causes: the kind is of the first one that has one.
    fn of_causes(error: &(dyn std::error::Error + 'static)) -> Self {
        let message = error.to_string();
        match error.source() {
            Some(source) => match source.downcast_ref::<Self>() {
                Some(own) => own.clone().with_context(message),
                None => Self::of_causes(source).with_context(message),
            },
            None => Self::other("exception", message),
        }
    }

    /// What went wrong, for a program to act on.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// What went wrong, for a person.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the person can do about it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Whether the same call may succeed when it is made again later.
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<types::Error> for Error {
    fn from(error: types::Error) -> Self {
        Self {
            kind: error.kind,
            message: error.message,
            hint: error.hint,
            retryable: error.retryable,
        }
    }
}

impl From<Error> for types::Error {
    fn from(error: Error) -> Self {
        Self {
            kind: error.kind,
            message: error.message,
            hint: error.hint,
            retryable: error.retryable,
        }
    }
}

impl From<GrammarError> for Error {
    /// Texts that a step parses come from its settings.
    fn from(error: GrammarError) -> Self {
        Self::invalid_settings(error.to_string())
    }
}

impl From<std::io::Error> for Error {
    /// An error that was wrapped for `std::io` keeps its kind.
    fn from(error: std::io::Error) -> Self {
        let error = match error.downcast::<Self>() {
            Ok(wrapped) => return wrapped,
            Err(error) => error,
        };
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            std::io::ErrorKind::PermissionDenied => ErrorKind::Denied,
            std::io::ErrorKind::TimedOut => ErrorKind::TimedOut,
            std::io::ErrorKind::Unsupported => ErrorKind::Unsupported,
            _ => ErrorKind::Other("input-output".to_owned()),
        };
        Self::new(kind, error.to_string())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::other("malformed-json", error.to_string())
    }
}

impl From<std::string::FromUtf8Error> for Error {
    fn from(error: std::string::FromUtf8Error) -> Self {
        Self::other("malformed-text", error.to_string())
    }
}

impl From<std::str::Utf8Error> for Error {
    fn from(error: std::str::Utf8Error) -> Self {
        Self::other("malformed-text", error.to_string())
    }
}

impl From<Box<dyn std::error::Error + Send + Sync>> for Error {
    /// An error that was boxed keeps its kind, also where it is the cause of another one.
    fn from(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        match error.downcast::<Self>() {
            Ok(boxed) => *boxed,
            Err(error) => Self::of_causes(&*error),
        }
    }
}

impl From<Box<dyn std::error::Error>> for Error {
    /// As that of a boxed error that can be sent.
    fn from(error: Box<dyn std::error::Error>) -> Self {
        match error.downcast::<Self>() {
            Ok(boxed) => *boxed,
            Err(error) => Self::of_causes(&*error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// What `?` makes of an error.
    fn questioned<E>(error: E) -> Error
    where
        Error: From<E>,
    {
        let failed = || -> Result<(), Error> { Err(error)? };
        failed().unwrap_err()
    }

    fn throttled() -> Error {
        Error::new(ErrorKind::Throttled, "too fast")
            .with_hint("wait")
            .retryable()
    }

    #[test]
    fn a_question_mark_keeps_the_kind() {
        assert_eq!(questioned(throttled()), throttled());
        assert_eq!(questioned(io::Error::other(throttled())), throttled());
        let boxed: Box<dyn std::error::Error> = Box::new(throttled());
        assert_eq!(questioned(boxed), throttled());
        let boxed: Box<dyn std::error::Error + Send + Sync> = Box::new(throttled());
        assert_eq!(questioned(boxed), throttled());
        let of_host: types::Error = throttled().into();
        assert_eq!(questioned(of_host), throttled());
    }

    #[test]
    fn a_cause_gives_the_kind_and_all_messages_are_kept() {
        #[derive(Debug)]
        struct While(Error);

        impl fmt::Display for While {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("while pushing")
            }
        }

        impl std::error::Error for While {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                Some(&self.0)
            }
        }

        let boxed: Box<dyn std::error::Error> = Box::new(While(throttled()));
        assert_eq!(questioned(boxed), throttled().with_context("while pushing"));
    }

    #[test]
    fn errors_of_libraries_have_a_kind() {
        let kind = |error: Error| error.kind().clone();
        let other = |name: &str| ErrorKind::Other(name.to_owned());
        let found = io::Error::from(io::ErrorKind::NotFound);
        assert_eq!(kind(questioned(found)), ErrorKind::NotFound);
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(kind(questioned(full)), other("input-output"));
        let json = serde_json::from_str::<u8>("{").unwrap_err();
        assert_eq!(kind(questioned(json)), other("malformed-json"));
        let tag = stepyard_grammar::Tag::parse("-").unwrap_err();
        assert_eq!(kind(questioned(tag)), ErrorKind::InvalidSettings);
        let text = String::from_utf8(vec![0xff]).unwrap_err();
        assert_eq!(kind(questioned(text)), other("malformed-text"));
        let plain: Box<dyn std::error::Error> = "something".into();
        assert_eq!(questioned(plain), Error::other("exception", "something"));
    }
}
