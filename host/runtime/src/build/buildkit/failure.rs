//! From BuildKit's failures to errors that a person can act on.

use stepyard_build_context::Dockerfile;
use stepyard_buildkit as buildkit;
use stepyard_grammar::ImageReference;

use super::request::physical;
use super::source_rules::denied_source;
use crate::build::BuildRequest;
use crate::build::context::context_error;
use crate::build::failed_push::FailedAttempt;
use crate::build::registry_failure::{base_image_error, no_space, registry_kind};
use crate::build::rules::{denied_address, denied_image};
use crate::capability::{CapabilityError, ErrorKind};
use crate::event::printable;
use crate::registry::Endpoints;

/// What BuildKit's layers put before the cause, each for itself.
const PREFIXES: [&str; 4] = [
    "failed to solve with frontend dockerfile.v0: ",
    "failed to solve: ",
    "failed to create LLB definition: ",
    "rpc error: code = Unknown desc = ",
];
const METADATA: &str = "[internal] load metadata for ";

/// An error of BuildKit, which is called `engine` in messages.
pub(super) fn build_error(
    error: buildkit::Error,
    request: &BuildRequest,
    dockerfile: &Dockerfile,
    engine: &str,
    endpoints: &Endpoints,
) -> FailedAttempt {
    let error = match error {
        buildkit::Error::Failed(failure) => {
            let failure = in_logical_terms(*failure, request, endpoints);
            let destination = request
                .destination
                .as_ref()
                .map(|destination| &destination.reference);
            return failed(
                &failure,
                &dockerfile.path_in_workspace,
                &dockerfile.text,
                destination,
            );
        }
        buildkit::Error::Context(error) => context_error(&error),
        error @ buildkit::Error::Secret { .. } => {
            CapabilityError::new(ErrorKind::NotFound, error.to_string())
        }
        error @ buildkit::Error::Credential { .. } => {
            CapabilityError::new(ErrorKind::Unauthenticated, error.to_string())
        }
        buildkit::Error::Invalid(message) => CapabilityError::invalid(message),
        buildkit::Error::Daemon {
            message,
            unavailable: false,
            ..
        } => CapabilityError::new(
            ErrorKind::EngineFailure,
            format!("{engine} refuses the build: {}", printable(&message)),
        ),
        error => {
            CapabilityError::unavailable(format!("{engine}: {}", printable(&error.to_string())))
        }
    };
    error.into()
}

/// The daemon knows registries by where it reaches them; users know them by their names.
fn in_logical_terms(
    mut failure: buildkit::Failure,
    request: &BuildRequest,
    endpoints: &Endpoints,
) -> buildkit::Failure {
    let caches = request.cache_exports.iter().chain(&request.cache_imports);
    let images = request
        .destination
        .iter()
        .chain(caches.filter_map(|cache| match &cache.place {
            crate::build::CachePlace::Registry(image) => Some(image),
            _ => None,
        }));
    for image in images {
        let reached = physical(&image.reference.clone().without_tag(), endpoints);
        let reached = reached.trim_end_matches(":latest");
        let known = format!(
            "{}/{}",
            image.reference.registry(),
            image.reference.repository()
        );
        failure.message = failure.message.replace(reached, &known);
        // As URLs have it.
        let path = |host| format!("//{host}/v2/{}/", image.reference.repository());
        let registry = image.reference.registry();
        failure.message = failure
            .message
            .replace(&path(&endpoints.of(registry).host), &path(registry));
    }
    failure
}

fn failed(
    failure: &buildkit::Failure,
    file: &str,
    dockerfile: &str,
    destination: Option<&ImageReference>,
) -> FailedAttempt {
    let text = without_prefixes(&printable(failure.message.trim())).to_owned();
    if text.contains("no space left on device") {
        return no_space().into();
    }
    if let Some(source) = denied_source(&text) {
        return match source.strip_prefix("docker-image://") {
            Some(image) => denied_image(image).into(),
            None => denied_address(source).into(),
        };
    }
    let vertex = printable(failure.vertex.as_deref().unwrap_or_default());
    match destination {
        Some(destination)
            if vertex.starts_with("exporting ") || text.starts_with("failed to push ") =>
        {
            FailedAttempt::of_push(&text, destination)
        }
        _ => of_build(&text, failure, file, dockerfile).into(),
    }
}

/// A build that failed before its image was complete.
fn of_build(
    text: &str,
    failure: &buildkit::Failure,
    file: &str,
    dockerfile: &str,
) -> CapabilityError {
    let vertex = printable(failure.vertex.as_deref().unwrap_or_default());
    let vertex = vertex.as_str();
    if let Some(problem) = text.strip_prefix("dockerfile parse error ") {
        let problem = problem.strip_prefix("on ").unwrap_or(problem);
        return CapabilityError::new(
            ErrorKind::EngineFailure,
            format!("{file} has a syntax error in {problem}"),
        );
    }
    if let Some(stage) = text
        .strip_prefix("target stage ")
        .and_then(|rest| rest.strip_suffix(" could not be found"))
    {
        let stage = stage.trim_matches('"');
        return CapabilityError::invalid(format!("target: {file} has no stage {stage}"))
            .with_hint("name a stage that the Dockerfile begins with FROM … AS NAME");
    }
    let told = instruction(vertex);
    let line = match &failure.source {
        Some(source) => Some(source.first_line),
        None => told.and_then(|instruction| line_of(instruction, dockerfile)),
    };
    let place = match line {
        Some(line) => format!("{file}, line {line}"),
        None => file.to_owned(),
    };
    if let Some(image) = vertex.strip_prefix(METADATA) {
        let absent = text.ends_with(": not found").then_some(ErrorKind::NotFound);
        let kind = absent.or_else(|| registry_kind(text));
        return base_image_error(kind.unwrap_or(ErrorKind::Unavailable), image, &place, text);
    }
    let Some(instruction) = told else {
        return CapabilityError::new(
            ErrorKind::EngineFailure,
            format!("the build of {file} failed: {text}"),
        );
    };
    if let Some(path) = missing_source(text) {
        return CapabilityError::new(
            ErrorKind::EngineFailure,
            format!(
                "{place}: `{instruction}`: {path} is not there, or the ignore file excludes it"
            ),
        )
        .with_hint("paths of COPY and ADD start at the build context, or at the image of --from");
    }
    let problem = match failure.exit_code {
        Some(code) => format!("`{instruction}` ended with exit code {code}"),
        None => format!("`{instruction}`: {text}"),
    };
    let mut message = format!("{place}: {problem}");
    if failure.exit_code.is_some() && !failure.output.is_empty() {
        message.push_str("; its last output:");
        for line in &failure.output {
            message.push_str("\n  ");
            message.push_str(&printable(line));
        }
    }
    CapabilityError::new(ErrorKind::EngineFailure, message)
}

fn without_prefixes(text: &str) -> &str {
    let stripped = PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix));
    stripped.map_or(text, without_prefixes)
}

/// `RUN make` of `[builder 2/4] RUN make`.
fn instruction(vertex: &str) -> Option<&str> {
    let (place, instruction) = vertex.strip_prefix('[')?.split_once("] ")?;
    place.contains('/').then_some(instruction)
}

/// The line of an instruction, for daemons that do not tell it, where only one line fits.
fn line_of(instruction: &str, dockerfile: &str) -> Option<usize> {
    let mut fitting = dockerfile.lines().enumerate().filter(|(_, line)| {
        let line = line.trim().trim_end_matches(['\\', '`']).trim_end();
        line.contains(' ') && instruction.starts_with(line)
    });
    let (index, _) = fitting.next()?;
    fitting.next().is_none().then_some(index + 1)
}

/// The file that `COPY` or `ADD` does not find: `…: "/absent": not found`.
fn missing_source(text: &str) -> Option<&str> {
    let is_of_copy = text.starts_with("failed to compute cache key: ")
        || text.starts_with("failed to calculate checksum of ref ");
    let (_, quoted) = text.split_once('"').filter(|_| is_of_copy)?;
    let (path, rest) = quoted.split_once('"')?;
    rest.ends_with("not found")
        .then(|| path.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(vertex: &str, message: &str, line: Option<usize>) -> CapabilityError {
        let dockerfile = "FROM a\nRUN make \\\n  all\nCOPY b c\n";
        let failure = buildkit::Failure {
            message: message.to_owned(),
            vertex: Some(vertex.to_owned()),
            exit_code: message.ends_with("exit code: 2").then_some(2),
            source: line.map(|line| buildkit::SourceExcerpt {
                file: "Dockerfile".to_owned(),
                first_line: line,
                last_line: line,
                text: String::new(),
            }),
            output: vec!["\u{1b}[31mno rule".to_owned()],
        };
        let destination = ImageReference::parse("registry.test/a/b:c").unwrap();
        failed(&failure, "app/Dockerfile", dockerfile, Some(&destination)).error
    }

    #[test]
    fn failures_are_told_with_their_place() {
        for (vertex, message, line, expected) in [
            (
                "[first 2/3] RUN make all",
                "failed to solve: process \"/bin/sh -c make all\" did not complete successfully: exit code: 2",
                Some(2),
                "app/Dockerfile, line 2: `RUN make all` ended with exit code 2; its last output:\n  no rule",
            ),
            (
                "[2/3] RUN make   all",
                "executor failed running [/bin/sh -c make   all]: exit code: 2",
                None,
                "app/Dockerfile, line 2: `RUN make   all` ended with exit code 2; its last output:\n  no rule",
            ),
            (
                "[3/3] COPY b c",
                "failed to compute cache key: \"/b\" not found: not found",
                None,
                "app/Dockerfile, line 4: `COPY b c`: b is not there, or the ignore file excludes it",
            ),
            (
                "[3/3] COPY b c",
                "failed to calculate checksum of ref x::y: \"/b\": not found",
                Some(4),
                "app/Dockerfile, line 4: `COPY b c`: b is not there, or the ignore file excludes it",
            ),
            (
                "[internal] load metadata for registry.test/x:1",
                "registry.test/x:1: not found",
                Some(1),
                "app/Dockerfile, line 1: the base image registry.test/x:1: it does not exist, or not for this account (registry.test/x:1: not found)",
            ),
            (
                "[internal] load build definition from Dockerfile",
                "failed to solve with frontend dockerfile.v0: failed to create LLB definition: dockerfile parse error line 1: unknown instruction: FORM",
                None,
                "app/Dockerfile has a syntax error in line 1: unknown instruction: FORM",
            ),
            (
                "",
                "target stage \"x\" could not be found",
                None,
                "target: app/Dockerfile has no stage x",
            ),
            (
                "exporting to image",
                "failed to push registry.test/a/b:c: server message: insufficient_scope: authorization failed: denied",
                None,
                "registry.test/a/b:c: failed to push registry.test/a/b:c: server message: insufficient_scope: authorization failed: denied",
            ),
        ] {
            assert_eq!(told(vertex, message, line).message, expected, "{message}");
        }
        let refused = "failed to push x: failed commit on ref \"manifest-sha256:1\": unexpected status from PUT request to https://x/v2/a/b/manifests/c: 400 Bad Request";
        let taken = told("exporting to image", refused, None);
        assert_eq!(taken.kind, ErrorKind::Conflict);
        let full = told("[2/3] RUN a", "write /x: no space left on device", None);
        assert!(full.hint.unwrap().contains("prune"));
        let denied = told(
            "exporting to image",
            "failed to push x: 403 Forbidden",
            None,
        );
        assert_eq!(denied.kind, ErrorKind::Forbidden);
    }
}
