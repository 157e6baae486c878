//! From the engine's words to an error that a person can act on.
//!
//! The engine reports most failures as text only.

use super::client::{Client, EngineError};
use super::message::Failure;
use super::output::BuildOutput;
use crate::build::registry_failure::{base_image_error, no_space, registry_kind};
use crate::capability::{CapabilityError, ErrorKind};
use crate::event::printable;
use http::StatusCode;

/// A request that did not reach the stage of a build or push.
pub(super) fn request_error(client: &Client, error: &EngineError) -> CapabilityError {
    let address = client.transport();
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
        assert_eq!(error.message, "the disk of the build engine is full");
    }
}
