//! Failures of transfers between an engine and a registry, for a person.
//!
//! Engines report them as text only. What is matched here are the codes of the registry API (OCI
//! distribution specification, "Error Codes"), which Docker writes in lower case with spaces, and
//! the words of Go's network library.

use stepyard_grammar::{EcrRegistry, ImageReference};

use crate::capability::{CapabilityError, ErrorKind};
use crate::event::printable;

/// What makes a registry unavailable and does not pass.
const NEVER_PASSES: [&str; 2] = ["x509:", "HTTP response to HTTPS client"];

/// What the words of a failure that involves a registry mean, if they are known.
pub(crate) fn registry_kind(text: &str) -> Option<ErrorKind> {
    let text = text.to_ascii_lowercase();
    let has = |needles: &[&str]| needles.iter().any(|needle| text.contains(needle));
    Some(if is_throttled(&text) {
        ErrorKind::Throttled
    } else if has(&[
        "name unknown",
        "name_unknown",
        "manifest unknown",
        "repository does not exist",
        "repository name not known",
        "does not exist in the registry",
        "no such image",
    ]) {
        ErrorKind::NotFound
    } else if has(&["tag invalid", "tag_invalid", "immutable"]) {
        ErrorKind::Conflict
    } else if has(&[
        "authorization token has expired",
        "unauthorized",
        "authentication required",
        "no basic auth credentials",
    ]) {
        ErrorKind::Unauthenticated
    } else if has(&["denied", "403 forbidden", "http 403 response"]) {
        ErrorKind::Forbidden
    } else if has(&[
        "connection refused",
        "connection reset",
        "broken pipe",
        "server closed idle connection",
        "use of closed network connection",
        "transport connection broken",
        "no such host",
        "network is unreachable",
        "no route to host",
        "server misbehaving",
        "timeout",
        "deadline exceeded",
        "eof",
        "http status: 5",
        // Docker, of an answer without a body.
        "error parsing http 5",
        "500 internal server error",
        "502 bad gateway",
        "503 service unavailable",
        "504 gateway",
        "x509:",
        "http response to https client",
    ]) {
        ErrorKind::Unavailable
    } else {
        return None;
    })
}

/// Whether the words ask for fewer requests.
pub(crate) fn is_throttled(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    [
        "toomanyrequests",
        "too many requests",
        "rate exceeded",
        "http 429 response",
    ]
    .iter()
    .any(|needle| text.contains(needle))
}

/// A base image that cannot be had, which the instruction at `place` names.
pub(crate) fn base_image_error(
    kind: ErrorKind,
    image: &str,
    place: &str,
    text: &str,
) -> CapabilityError {
    let hint = match kind {
        ErrorKind::Throttled => {
            "the registry limits pulls without an account: name a connector for it in \
             baseImageConnectorRefs"
        }
        ErrorKind::NotFound => {
            "check the image's name and tag; a private image needs a connector for its registry in \
             baseImageConnectorRefs"
        }
        ErrorKind::Unauthenticated | ErrorKind::Forbidden => {
            "name a connector that may pull the image in baseImageConnectorRefs"
        }
        _ => "check that the build engine can reach the image's registry",
    };
    let problem = match kind {
        ErrorKind::Throttled => "the registry limits the rate of pulls",
        ErrorKind::NotFound => "it does not exist, or not for this account",
        ErrorKind::Unauthenticated => "its registry does not accept the credential",
        ErrorKind::Forbidden => "its registry forbids to pull it",
        _ => "it cannot be pulled",
    };
    CapabilityError::new(
        kind,
        format!("{place}: the base image {image}: {problem} ({text})"),
    )
    .with_hint(hint)
}

/// A push of `destination`, or a pull, that the engine ended with `text`, in which the registry
/// has its logical name.
pub(crate) fn push_error(text: &str, destination: &ImageReference) -> CapabilityError {
    let text = printable(text.trim());
    if text.contains("no space left on device") {
        return no_space();
    }
    let kind = registry_kind(&text).unwrap_or(ErrorKind::EngineFailure);
    let repository = destination.repository();
    let registry = destination.registry();
    let ecr = EcrRegistry::from_host(registry);
    let hint = match kind {
        ErrorKind::NotFound => Some(match &ecr {
            Some(ecr) => format!(
                "create it with `aws ecr create-repository --repository-name {repository} \
                 --region {}`",
                ecr.region()
            ),
            None => format!("create the repository {repository} at {registry}"),
        }),
        ErrorKind::Conflict => Some(
            "the tag exists and the repository's tags are immutable: push another tag".to_owned(),
        ),
        ErrorKind::Unauthenticated => Some(
            "check the connector's credential: it is wrong, expired, or for another registry"
                .to_owned(),
        ),
        ErrorKind::Forbidden => Some(match &ecr {
            Some(_) => "the identity needs ecr:BatchCheckLayerAvailability, \
                 ecr:InitiateLayerUpload, ecr:UploadLayerPart, ecr:CompleteLayerUpload and \
                 ecr:PutImage on the repository; a repository of another account also needs a \
                 repository policy"
                .to_owned(),
            None => format!("the connector's account may not write {repository}"),
        }),
        ErrorKind::Unavailable if text.contains("HTTP response to HTTPS client") => Some(
            "the registry speaks plain HTTP: add it to insecure-registries in the engine's \
             daemon.json"
                .to_owned(),
        ),
        ErrorKind::Unavailable => {
            Some("check that the build engine can reach the registry".to_owned())
        }
        _ => None,
    };
    let mut error = CapabilityError::new(kind, format!("{destination}: {text}"));
    // Certificates and protocols stay as they are.
    error.retryable &= !NEVER_PASSES.iter().any(|words| text.contains(words));
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// The engine cannot write any more.
pub(crate) fn no_space() -> CapabilityError {
    CapabilityError::new(
        ErrorKind::EngineFailure,
        "the disk of the build engine is full",
    )
    .with_hint("free space there, for example with `docker system prune`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushes() {
        let ecr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:1";
        for (text, kind, hint) in [
            (
                "name unknown: The repository with name 'team/app' does not exist in the registry with id '123456789012'",
                ErrorKind::NotFound,
                "aws ecr create-repository --repository-name team/app --region eu-west-1",
            ),
            (
                "tag invalid: The image tag '1' already exists in the 'team/app' repository and cannot be overwritten because the tag is immutable.",
                ErrorKind::Conflict,
                "another tag",
            ),
            (
                "denied: Your authorization token has expired. Reauthenticate and try again.",
                ErrorKind::Unauthenticated,
                "expired",
            ),
            (
                "no basic auth credentials",
                ErrorKind::Unauthenticated,
                "credential",
            ),
            (
                "denied: User: arn:aws:iam::1:user/a is not authorized to perform: ecr:InitiateLayerUpload",
                ErrorKind::Forbidden,
                "ecr:PutImage",
            ),
            (
                "Get \"https://x/v2/\": dial tcp 127.0.0.1:1: connect: connection refused",
                ErrorKind::Unavailable,
                "reach",
            ),
            (
                "Get \"https://x/v2/\": http: server gave HTTP response to HTTPS client",
                ErrorKind::Unavailable,
                "insecure-registries",
            ),
        ] {
            let error = push_error(text, &ImageReference::parse(ecr).unwrap());
            assert_eq!(error.kind, kind, "{text}");
            assert!(error.message.starts_with(ecr));
            assert!(error.hint.unwrap().contains(hint), "{text}");
        }
        let error = push_error(
            "toomanyrequests: Rate exceeded",
            &ImageReference::parse(ecr).unwrap(),
        );
        assert!(error.kind == ErrorKind::Throttled && error.retryable);
    }
}
