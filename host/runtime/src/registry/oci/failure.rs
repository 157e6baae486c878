//! What goes wrong between the host and a registry, and what a step is told of it.

use std::time::{Duration, SystemTime};

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use stepyard_grammar::{EcrRegistry, RegistryHost, RepositoryName};

use crate::capability::{CapabilityError, ErrorKind};
use crate::event::printable;
use crate::patience::MayPass;

/// What goes wrong between the host and a registry.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Failure {
    /// No connection, or a broken one.
    #[error("{address} cannot be reached: {cause}")]
    Unreachable {
        /// The physical address.
        address: String,
        /// The innermost cause.
        cause: String,
    },
    /// The registry's certificate is not accepted, which no further attempt mends.
    #[error("the certificate of {address} is not trusted: {cause}")]
    Untrusted {
        /// The physical address.
        address: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Not a byte moved for too long.
    #[error("{address} has been silent for {} s", idle.as_secs())]
    Silent {
        /// The physical address.
        address: String,
        /// The limit that was reached.
        idle: Duration,
    },
    /// An answer with an error status.
    #[error("{0}")]
    Refused(Refusal),
    /// Content that is not what its digest or size says, which a further attempt may mend.
    #[error("{0}")]
    Corrupt(String),
    /// An answer that is against the specification, or over a limit of this host.
    #[error("{0}")]
    Malformed(String),
    /// A file of this machine that cannot be read or written.
    #[error("{0}")]
    Local(String),
    /// There is no credential to answer with.
    #[error("{0}")]
    Credential(CapabilityError),
}

/// An answer with an error status.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    /// The HTTP status.
    pub(super) status: StatusCode,
    /// The first error code of the body (OCI distribution specification, "Error Codes"), or
    /// nothing.
    pub(super) code: String,
    /// Its message, bounded and printable.
    pub(super) message: String,
    retry_after: Option<Duration>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "the registry answers {}", self.status.as_u16())?;
        if !self.code.is_empty() {
            write!(formatter, " {}", self.code)?;
        }
        if !self.message.is_empty() {
            write!(formatter, ": {}", self.message)?;
        }
        Ok(())
    }
}

#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    errors: Vec<BodyError>,
}

#[derive(Deserialize)]
struct BodyError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Refusal {
    /// The largest error body that is read, in bytes.
    pub(super) const LARGEST_BODY: usize = 64 << 10;
    const LONGEST_TEXT: usize = 500;

    /// Reads an error answer.
    pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let body: Body = serde_json::from_slice(body).unwrap_or_default();
        let bounded = |text: String| -> String {
            let text = printable(&text).replace(['\n', '\t'], " ");
            text.chars().take(Self::LONGEST_TEXT).collect()
        };
        let (code, message) = body
            .errors
            .into_iter()
            .next()
            .map(|error| (bounded(error.code), bounded(error.message)))
            .unwrap_or_default();
        Self {
            status,
            code,
            message,
            retry_after: headers
                .get(RETRY_AFTER)
                .and_then(|value| retry_after(value.to_str().ok()?)),
        }
    }

    /// Whether the content of the request is refused, not the one who sends it.
    pub(super) fn is_of_content(&self) -> bool {
        matches!(self.status.as_u16(), 400 | 409 | 413 | 415 | 422)
    }

    fn is_throttling(&self) -> bool {
        self.status == StatusCode::TOO_MANY_REQUESTS || self.code == "TOOMANYREQUESTS"
    }
}

/// RFC 9110, section 10.2.3: seconds or a date.
fn retry_after(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

impl MayPass for Failure {
    fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } | Self::Corrupt(_) => true,
            Self::Refused(refusal) => {
                refusal.is_throttling()
                    || matches!(refusal.status.as_u16(), 408 | 500 | 502 | 503 | 504)
            }
            Self::Untrusted { .. } | Self::Malformed(_) | Self::Local(_) | Self::Credential(_) => {
                false
            }
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            _ => None,
        }
    }
}

impl Failure {
    /// Whether the answer is 404.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.status == StatusCode::NOT_FOUND)
    }

    /// Whether the answer is that the repository does not exist.
    pub(super) fn is_unknown_repository(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == "NAME_UNKNOWN")
    }

    /// Whether the answer is that a tag cannot be written.
    pub(super) fn is_tag_conflict(&self) -> bool {
        matches!(self, Self::Refused(refusal)
            if refusal.code == "TAG_INVALID" || refusal.status == StatusCode::CONFLICT)
    }

    /// What a step is told. `what` says what was tried, such as `reading r/a:1`.
    pub(super) fn told(
        self,
        what: &str,
        registry: &RegistryHost,
        repository: &RepositoryName,
    ) -> CapabilityError {
        let message = format!("{what}: {self}");
        match self {
            Self::Unreachable { .. } => CapabilityError::unavailable(message).with_hint(
                "check the network of this machine, and the registry's endpoint in stepyard.toml \
                 if it is set",
            ),
            Self::Untrusted { .. } => {
                let mut error = CapabilityError::new(ErrorKind::Unavailable, message);
                error.retryable = false;
                error.with_hint(
                    "add the authority that signed it to the ones that this machine trusts \
                     (update-ca-certificates, or its file in SSL_CERT_FILE), and reach the registry \
                     by a name that the certificate has",
                )
            }
            Self::Corrupt(_) => CapabilityError::unavailable(message),
            Self::Silent { .. } => CapabilityError::new(ErrorKind::TimedOut, message),
            Self::Malformed(_) => CapabilityError::unsupported(message),
            Self::Local(_) => {
                CapabilityError::new(ErrorKind::Other("local-file".to_owned()), message)
            }
            Self::Credential(error) => error,
            Self::Refused(refusal) => refusal.told(message, registry, repository),
        }
    }
}

impl Refusal {
    fn told(
        &self,
        message: String,
        registry: &RegistryHost,
        repository: &RepositoryName,
    ) -> CapabilityError {
        let error = |kind| CapabilityError::new(kind, message.clone());
        if self.is_throttling() {
            return error(ErrorKind::Throttled);
        }
        if matches!(self.code.as_str(), "DENIED" | "UNAUTHORIZED")
            && self.message.contains("expired")
        {
            return error(ErrorKind::Unauthenticated).with_hint("log in again");
        }
        match (self.code.as_str(), self.status.as_u16()) {
            ("NAME_UNKNOWN", _) => {
                let error = CapabilityError::not_found(format!(
                    "{message} (the repository {repository} does not exist in the registry {registry})"
                ));
                match EcrRegistry::from_host(registry) {
                    Some(ecr) => error.with_hint(format!(
                        "aws ecr create-repository --repository-name {repository} --region {}",
                        ecr.region()
                    )),
                    None => error,
                }
            }
            ("TAG_INVALID", _) | (_, 409) => error(ErrorKind::Conflict),
            ("MANIFEST_INVALID" | "NAME_INVALID" | "SIZE_INVALID" | "DIGEST_INVALID", _) => {
                error(ErrorKind::InvalidSettings)
            }
            ("UNSUPPORTED", _) | (_, 405) => error(ErrorKind::Unsupported),
            (_, 401) => error(ErrorKind::Unauthenticated).with_hint(format!(
                "check that the connector is for {registry} and that its user name and password \
                 are right"
            )),
            ("", 403) => error(ErrorKind::Forbidden).with_hint(forbidden_hint(registry)),
            (_, 403) | ("DENIED", _) => error(ErrorKind::Forbidden),
            (_, 404) => error(ErrorKind::NotFound),
            (_, 500..) => error(ErrorKind::Unavailable),
            (code, status) => error(ErrorKind::Other(if code.is_empty() {
                format!("http-{status}")
            } else {
                code.to_ascii_lowercase().replace('_', "-")
            })),
        }
    }
}

/// A 403 without a word: the causes that it can have.
fn forbidden_hint(registry: &RegistryHost) -> String {
    if EcrRegistry::from_host(registry).is_none() {
        return "check that the user may read and write this repository".to_owned();
    }
    "possible causes: the identity lacks ecr:BatchGetImage or ecr:GetDownloadUrlForLayer (needed \
     to read a manifest) or one of ecr:BatchCheckLayerAvailability, ecr:InitiateLayerUpload, \
     ecr:UploadLayerPart, ecr:CompleteLayerUpload, ecr:PutImage (needed to push); the credentials \
     are stale; the repository is another account's and has no repository policy for this one; \
     the quota of images per repository is used up"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, body: &str, registry: &str) -> CapabilityError {
        let refusal = Refusal::read(
            StatusCode::from_u16(status).unwrap(),
            &HeaderMap::new(),
            body.as_bytes(),
        );
        Failure::Refused(refusal).told(
            "reading x",
            &RegistryHost::parse(registry).unwrap(),
            &RepositoryName::parse("team/app").unwrap(),
        )
    }

    const ECR: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

    #[test]
    fn answers_become_kinds() {
        let body = |code: &str, message: &str| {
            format!(r#"{{"errors":[{{"code":"{code}","message":"{message}"}}]}}"#)
        };
        for (status, body, kind) in [
            (401, String::new(), ErrorKind::Unauthenticated),
            (403, String::new(), ErrorKind::Forbidden),
            (403, body("DENIED", "not authorized"), ErrorKind::Forbidden),
            (
                403,
                body("DENIED", "Your authorization token has expired."),
                ErrorKind::Unauthenticated,
            ),
            (404, String::new(), ErrorKind::NotFound),
            (400, body("TAG_INVALID", "taken"), ErrorKind::Conflict),
            (429, String::new(), ErrorKind::Throttled),
            (503, "<html>".to_owned(), ErrorKind::Unavailable),
            (405, body("UNSUPPORTED", "x"), ErrorKind::Unsupported),
            (
                400,
                body("MANIFEST_INVALID", "x"),
                ErrorKind::InvalidSettings,
            ),
            (418, String::new(), ErrorKind::Other("http-418".to_owned())),
        ] {
            assert_eq!(told(status, &body, ECR).kind, kind, "{status} {body}");
        }
    }

    #[test]
    fn a_missing_repository_comes_with_the_command_that_makes_it() {
        let body =
            r#"{"errors":[{"code":"NAME_UNKNOWN","message":"The repository does not exist"}]}"#;
        let error = told(404, body, ECR);
        assert_eq!(error.kind, ErrorKind::NotFound);
        assert_eq!(
            error.hint.as_deref(),
            Some("aws ecr create-repository --repository-name team/app --region eu-west-1")
        );
        assert_eq!(told(404, body, "registry.example.com").hint, None);
    }

    #[test]
    fn a_bare_403_names_the_possible_causes() {
        let hint = told(403, "", ECR).hint.unwrap();
        assert!(hint.contains("ecr:BatchGetImage"), "{hint}");
        assert!(hint.contains("repository policy"), "{hint}");
    }

    #[test]
    fn texts_of_a_registry_are_printable_and_bounded() {
        let long = "\\u001b[31m".to_owned() + &"x".repeat(10_000);
        let body = format!(r#"{{"errors":[{{"code":"DENIED","message":"{long}"}}]}}"#);
        let error = told(403, &body, ECR);
        assert!(!error.message.contains('\u{1b}'));
        assert!(error.message.len() < 700);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry_after("3"), Some(Duration::from_secs(3)));
        assert_eq!(
            retry_after("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(Duration::ZERO)
        );
        assert_eq!(retry_after("soon"), None);
    }
}
