//! From the engine's words to an error that a person can act on.
//!
//! The engine reports most failures as text only. What is matched here are the codes of the
//! registry API (OCI distribution specification, "Error Codes"), which Docker writes in lower case
//! with spaces, and the words of Go's network library.

use http::StatusCode;
use stepyard_grammar::{EcrRegistry, ImageReference};

use super::client::{Client, EngineError};
use super::message::Failure;
use super::output::BuildOutput;
use crate::capability::{CapabilityError, ErrorKind};
use crate::event::printable;

/// What the words of a failure that involves a registry mean, if they are known.
pub(super) fn registry_kind(text: &str) -> Option<ErrorKind> {
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
    } else if has(&["denied", "403 forbidden"]) {
        ErrorKind::Forbidden
    } else if has(&[
        "connection refused",
        "connection reset",
        "no such host",
        "network is unreachable",
        "no route to host",
        "server misbehaving",
        "timeout",
        "deadline exceeded",
        "eof",
        "http status: 5",
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
pub(super) fn is_throttled(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["toomanyrequests", "too many requests", "rate exceeded"]
        .iter()
        .any(|needle| text.contains(needle))
}

/// A request that did not reach the stage of a build or push.
pub(super) fn request_error(client: &Client, error: &EngineError) -> CapabilityError {
    let address = client.address();
    match error {
        EngineError::Answered { message, .. } if message.contains("no space left on device") => {
            no_space()
        }
        EngineError::Answered {
            status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE | StatusCode::URI_TOO_LONG,
            ..
        }
        | EngineError::Request(_) => CapabilityError::invalid(
            "the build arguments and labels are longer than the Docker Engine takes (some 60 kB)",
        ),
        EngineError::Answered { status, message } if status.is_server_error() => {
            CapabilityError::new(
                ErrorKind::EngineFailure,
                format!(
                    "the Docker Engine at {address} reports: {}",
                    printable(message)
                ),
            )
        }
        EngineError::Answered { message, .. } => CapabilityError::new(
            ErrorKind::EngineFailure,
            format!(
                "the Docker Engine at {address} refuses the request: {}",
                printable(message)
            ),
        ),
        error => CapabilityError::unavailable(format!("the Docker Engine at {address}: {error}")),
    }
}

/// A build that the engine ended with `failure`.
pub(super) fn build_error(
    failure: &Failure,
    output: &BuildOutput<'_>,
    dockerfile: &str,
) -> CapabilityError {
    let text = printable(failure.text.trim());
    if text.contains("no space left on device") {
        return no_space();
    }
    if let Some(problem) = text.strip_prefix("dockerfile parse error ") {
        return CapabilityError::new(
            ErrorKind::EngineFailure,
            format!("{dockerfile} has a syntax error in {problem}"),
        );
    }
    if let Some(stage) = text
        .strip_prefix("failed to reach build target ")
        .and_then(|rest| rest.strip_suffix(" in Dockerfile"))
    {
        return CapabilityError::invalid(format!("target: {dockerfile} has no stage {stage}"))
            .with_hint("name a stage that the Dockerfile begins with FROM … AS NAME");
    }
    let Some(instruction) = output.instruction() else {
        return CapabilityError::new(
            ErrorKind::EngineFailure,
            format!("the build of {dockerfile} failed: {text}"),
        );
    };
    let place = format!(
        "step {} of {} in {dockerfile}",
        instruction.number, instruction.count
    );
    let words: Vec<&str> = instruction.text.split_whitespace().collect();
    if words
        .first()
        .is_some_and(|word| word.eq_ignore_ascii_case("FROM"))
        && let Some(kind) = registry_kind(&text)
    {
        let image = words
            .iter()
            .skip(1)
            .find(|word| !word.starts_with("--"))
            .copied()
            .unwrap_or_default();
        return base_image_error(kind, image, &place, &text);
    }
    let problem = match failure.exit_code {
        Some(code) => format!("`{}` ended with exit code {code}", instruction.text),
        None => format!("`{}`: {text}", instruction.text),
    };
    let mut message = format!("{place} failed: {problem}");
    let mut recent = output.recent().peekable();
    if recent.peek().is_some() {
        message.push_str("; its last output:");
    }
    for line in recent {
        message.push_str("\n  ");
        message.push_str(line);
    }
    CapabilityError::new(ErrorKind::EngineFailure, message)
}

fn base_image_error(kind: ErrorKind, image: &str, place: &str, text: &str) -> CapabilityError {
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
        _ => "check that the Docker Engine can reach the image's registry",
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
pub(super) fn push_error(text: &str, destination: &ImageReference) -> CapabilityError {
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
            Some("check that the Docker Engine can reach the registry".to_owned())
        }
        _ => None,
    };
    let error = CapabilityError::new(kind, format!("{destination}: {text}"));
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

fn no_space() -> CapabilityError {
    CapabilityError::new(
        ErrorKind::EngineFailure,
        "the disk of the Docker Engine is full",
    )
    .with_hint("free space there, for example with `docker system prune`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{NoEvents, Reporter};
    use std::sync::Arc;

    fn failed(output: &str, text: &str, exit_code: Option<i64>) -> CapabilityError {
        let reporter = Reporter::new(Arc::new(NoEvents), "step");
        let mut lines = BuildOutput::new(&reporter);
        lines.write(output);
        let failure = Failure {
            text: text.to_owned(),
            exit_code,
        };
        build_error(&failure, &lines, "app/Dockerfile")
    }

    #[test]
    fn a_failing_command_is_shown_with_its_output() {
        let error = failed(
            "Step 1/2 : FROM a\n ---> 1\nStep 2/2 : RUN make toomanyrequests\n ---> Running in 2\n\u{1b}[31mno rule\n",
            "The command '/bin/sh -c make toomanyrequests' returned a non-zero code: 2",
            Some(2),
        );
        assert_eq!(error.kind, ErrorKind::EngineFailure);
        assert_eq!(
            error.message,
            "step 2 of 2 in app/Dockerfile failed: `RUN make toomanyrequests` ended with exit code \
             2; its last output:\n  no rule"
        );
    }

    #[test]
    fn a_failing_copy_is_shown_with_the_engines_words() {
        let error = failed(
            "Step 1/1 : COPY a b\n",
            "COPY failed: file not found in build context or excluded by .dockerignore: stat a: file does not exist",
            None,
        );
        assert!(
            error.message.starts_with(
                "step 1 of 1 in app/Dockerfile failed: `COPY a b`: COPY failed: file not found"
            ),
            "{error}"
        );
    }

    #[test]
    fn base_images() {
        let from = "Step 1/1 : FROM --platform=linux/amd64 busybox AS x\n";
        for (text, kind, hint) in [
            (
                "toomanyrequests: You have reached your pull rate limit.",
                ErrorKind::Throttled,
                "baseImageConnectorRefs",
            ),
            (
                "pull access denied for busybox, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
                ErrorKind::NotFound,
                "baseImageConnectorRefs",
            ),
            (
                "manifest for busybox:x not found: manifest unknown: manifest unknown",
                ErrorKind::NotFound,
                "name and tag",
            ),
            (
                "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host",
                ErrorKind::Unavailable,
                "reach",
            ),
        ] {
            let error = failed(from, text, None);
            assert_eq!(error.kind, kind, "{text}");
            assert!(
                error.message.contains("the base image busybox: "),
                "{error}"
            );
            assert!(error.hint.unwrap().contains(hint));
        }
    }

    #[test]
    fn the_dockerfile_itself() {
        let error = failed(
            "",
            "dockerfile parse error line 3: unknown instruction: RUM",
            None,
        );
        assert_eq!(
            error.message,
            "app/Dockerfile has a syntax error in line 3: unknown instruction: RUM"
        );
        let error = failed("", "failed to reach build target nope in Dockerfile", None);
        assert_eq!(error.kind, ErrorKind::InvalidSettings);
        assert_eq!(error.message, "target: app/Dockerfile has no stage nope");
        let error = failed(
            "Step 1/1 : RUN x\n",
            "write /x: no space left on device",
            None,
        );
        assert_eq!(error.message, "the disk of the Docker Engine is full");
    }

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
