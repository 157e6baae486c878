//! A push that an engine has failed: whether it is tried again, and what the registry says of it
//! where the engine does not repeat it.

use std::time::Duration;

use stepyard_grammar::{Digest, ImageReference};

use super::registry_failure::push_error;
use crate::capability::{CapabilityError, ErrorKind};
use crate::patience::MayPass;
use crate::policy::{Authorized, DestinationQuestions};
use crate::registry::{Descriptor, Endpoints, OciRegistry, ProbePush, Registry, Resolve};

/// How long the registry is asked for its reason.
const PATIENCE: Duration = Duration::from_secs(20);
/// How Docker begins a registry's own words: with the error's code (OCI distribution
/// specification, "Error Codes"), in lower case and with spaces.
const CODES: [&str; 7] = [
    "denied: ",
    "manifest invalid: ",
    "name unknown: ",
    "tag invalid: ",
    "toomanyrequests: ",
    "unauthorized: ",
    "unsupported: ",
];

/// A failure of an engine's build or push.
#[derive(Debug)]
pub(super) struct FailedAttempt {
    pub(super) error: CapabilityError,
    /// Where it is one of a push, the engine's words.
    push: Option<String>,
}

impl FailedAttempt {
    /// A push to `destination` that the registry, or the way to it, has failed.
    pub(super) fn of_push(text: &str, destination: &ImageReference) -> Self {
        let mut error = push_error(text, destination);
        if is_refused_manifest(text) {
            error.kind = ErrorKind::Conflict;
            error.message.push_str(": the registry refuses the tag");
            error = error.with_hint(
                "most likely the tag exists and the repository's tags are immutable: push another \
                 tag",
            );
        }
        Self {
            error,
            push: Some(text.to_owned()),
        }
    }
}

/// Any other failure.
impl From<CapabilityError> for FailedAttempt {
    fn from(error: CapabilityError) -> Self {
        Self { error, push: None }
    }
}

impl std::fmt::Display for FailedAttempt {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(formatter)
    }
}

/// A push can be made again: what the registry has already is not sent a second time. Nothing is
/// known of other failures.
impl MayPass for FailedAttempt {
    fn is_transient(&self) -> bool {
        self.push.is_some() && self.error.retryable
    }
}

impl FailedAttempt {
    /// The same, to be tried again where the registry accepts the credential all the same: a Docker
    /// Engine that was not told how to log in, because that answer failed, goes on without a login.
    pub(super) async fn or_accepted(
        mut self,
        questions: DestinationQuestions,
        endpoints: &Endpoints,
    ) -> Self {
        if self.push.is_some() && self.error.kind == ErrorKind::Unauthenticated {
            let accepted = async {
                let registry = OciRegistry::new(endpoints.clone())?;
                registry.probe_push(questions.probe).await
            };
            let accepted = tokio::time::timeout(PATIENCE, accepted).await;
            self.error.retryable = matches!(accepted, Ok(Ok(probe)) if probe.refusal().is_none());
        }
        self
    }

    /// The error for a person. Where a push was refused and the engine tells the status alone, the
    /// registry is asked for its reason.
    pub(super) async fn explained(
        self,
        questions: Option<DestinationQuestions>,
        endpoints: &Endpoints,
    ) -> CapabilityError {
        let (Some(text), Some(questions)) = (&self.push, questions) else {
            return self.error;
        };
        if self.error.retryable || CODES.iter().any(|code| text.contains(code)) {
            return self.error;
        }
        let DestinationQuestions {
            destination,
            probe,
            resolve,
        } = questions;
        let reason = async {
            let registry = OciRegistry::new(endpoints.clone()).ok()?;
            if is_refused_manifest(text)
                && let Some(conflict) = conflict(&registry, resolve, &destination, text).await
            {
                return Some(conflict);
            }
            refusal(&registry, probe, &destination).await
        };
        let reason = tokio::time::timeout(PATIENCE, reason).await;
        reason.ok().flatten().unwrap_or(self.error)
    }
}

/// The conflict with the image that the tag names already, where it names another one.
async fn conflict(
    registry: &OciRegistry,
    resolve: Authorized<Resolve>,
    destination: &ImageReference,
    text: &str,
) -> Option<CapabilityError> {
    let tag = destination.tag()?;
    let Descriptor { digest, .. } = registry.resolve(resolve).await.ok()??;
    if refused_digest(text).is_some_and(|refused| refused == digest) {
        return None;
    }
    let error = CapabilityError::new(
        ErrorKind::Conflict,
        format!(
            "{destination}: the tag {tag} already names {digest}, and the registry does not let it name another image"
        ),
    );
    Some(
        error.with_hint("the tag exists and the repository's tags are immutable: push another tag"),
    )
}

/// What the registry refuses of a push to the repository, if it does.
async fn refusal(
    registry: &OciRegistry,
    probe: Authorized<ProbePush>,
    destination: &ImageReference,
) -> Option<CapabilityError> {
    let probed = registry.probe_push(probe).await.ok()?;
    let refusal = probed.refusal()?;
    // The hints of a push name what the identity needs for all of it.
    let hint = push_error(&refusal.message, destination).hint;
    Some(CapabilityError {
        hint: refusal.hint.clone().or(hint),
        ..refusal.clone()
    })
}

/// Whether the registry has the layers and takes the manifest for a bad request: so Amazon ECR
/// answers where an immutable tag names another image.
fn is_refused_manifest(text: &str) -> bool {
    text.contains("/manifests/")
        && (text.contains("400 Bad Request") || text.contains("409 Conflict"))
}

/// The digest in `failed commit on ref "manifest-sha256:…"`, as containerd says it.
fn refused_digest(text: &str) -> Option<Digest> {
    let (_, rest) = text
        .split_once("manifest-sha256:")
        .or_else(|| text.split_once("index-sha256:"))?;
    Digest::parse(&format!("sha256:{}", rest.get(..64)?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination() -> ImageReference {
        ImageReference::parse("registry.example.com/a/b:c").unwrap()
    }

    #[test]
    fn only_pushes_that_may_succeed_are_tried_again() {
        for (text, transient) in [
            ("toomanyrequests: Rate exceeded", true),
            (
                "unexpected status from PUT request to x: 429 Too Many Requests",
                true,
            ),
            (
                "received unexpected HTTP status: 503 Service Unavailable",
                true,
            ),
            (
                "error parsing HTTP 429 response body: unexpected end of JSON input: \"\"",
                true,
            ),
            ("Put \"http://x/v2/\": read: connection reset by peer", true),
            ("unexpected EOF", true),
            (
                "Put \"http://x/v2/\": net/http: HTTP/1.x transport connection broken: malformed",
                true,
            ),
            ("denied: not authorized", false),
            ("http: server gave HTTP response to HTTPS client", false),
            (
                "tls: failed to verify certificate: x509: certificate signed by unknown authority",
                false,
            ),
        ] {
            let failure = FailedAttempt::of_push(text, &destination());
            assert_eq!(failure.is_transient(), transient, "{text}");
        }
        let failure = FailedAttempt::from(CapabilityError::unavailable("no engine"));
        assert!(!failure.is_transient());
    }

    #[test]
    fn the_refused_digest_is_read() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let text = format!("failed commit on ref \"manifest-{digest}\": unexpected status");
        assert_eq!(refused_digest(&text).unwrap().as_str(), digest);
        assert_eq!(
            refused_digest("failed commit on ref \"manifest-sha256:1\""),
            None
        );
    }
}
