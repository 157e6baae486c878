//! Types that the interfaces share, written as a recording has them.

use serde::{Deserialize, Serialize, Serializer};

/// What went wrong, for a program to act on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The state of the other side forbids it.
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

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    pub kind: ErrorKind,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    #[serde(default)]
    pub retryable: bool,
}

/// Names one blob or manifest by content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Descriptor {
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// Such as `application/vnd.oci.image.manifest.v1+json`.
    pub media_type: String,
    /// In bytes.
    pub size: u64,
}

/// Permission to use one registry, as a handle.
#[derive(Debug, Deserialize)]
pub struct Credential {
    registry: String,
}

impl Credential {
    pub(crate) fn of(registry: impl Into<String>) -> Self {
        Self {
            registry: registry.into(),
        }
    }
}

/// As an argument it is the registry that it is for.
impl Serialize for Credential {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.registry)
    }
}
