//! What the capabilities have in common: the error that crosses the boundary to a guest.

use std::fmt;

/// What went wrong, for a program to act on. Mirrors `error-kind` of `wit/types.wit`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// The policy forbids the call.
    Denied,
    /// An argument or a setting is malformed or contradicts another one.
    InvalidSettings,
    /// The thing that was named does not exist.
    NotFound,
    /// The other side does not accept the credential.
    Unauthenticated,
    /// The credential is valid but lacks the permission.
    Forbidden,
    /// The state of the other side forbids it, such as an immutable tag that is taken.
    Conflict,
    /// The other side asks for fewer requests.
    Throttled,
    /// A time limit was reached.
    TimedOut,
    /// The run was cancelled.
    Cancelled,
    /// The other side cannot be reached or answers with a server error.
    Unavailable,
    /// The build engine reports a failure.
    EngineFailure,
    /// The host or the engine in use does not offer what was asked for.
    Unsupported,
    /// A kind that this version has no name for.
    Other(String),
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Denied => "denied",
            Self::InvalidSettings => "invalid-settings",
            Self::NotFound => "not-found",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::Conflict => "conflict",
            Self::Throttled => "throttled",
            Self::TimedOut => "timed-out",
            Self::Cancelled => "cancelled",
            Self::Unavailable => "unavailable",
            Self::EngineFailure => "engine-failure",
            Self::Unsupported => "unsupported",
            Self::Other(kind) => kind,
        })
    }
}

/// A failed capability call, as a guest and its user see it. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[error("{message}")]
pub struct CapabilityError {
    /// What went wrong.
    pub kind: ErrorKind,
    /// One or more sentences for a person.
    pub message: String,
    /// What the person can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Whether the same call may succeed when it is made again later.
    #[serde(default)]
    pub retryable: bool,
}

impl CapabilityError {
    /// An error of `kind`. Throttling, time-outs and unavailability count as retryable.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let retryable = matches!(
            kind,
            ErrorKind::Throttled | ErrorKind::TimedOut | ErrorKind::Unavailable
        );
        Self {
            kind,
            message: message.into(),
            hint: None,
            retryable,
        }
    }

    /// The same error with what the person can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// [`ErrorKind::InvalidSettings`].
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidSettings, message)
    }

    /// [`ErrorKind::NotFound`].
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// [`ErrorKind::Unavailable`].
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }

    /// [`ErrorKind::Unsupported`].
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }
}
