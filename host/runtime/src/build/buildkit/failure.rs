//! From BuildKit's failures to errors that a person can act on.

use stepyard_build_context::Dockerfile;
use stepyard_buildkit as buildkit;
use stepyard_grammar::ImageReference;

use super::request::physical;
use crate::build::BuildRequest;
use crate::build::context::context_error;
use crate::build::registry_failure::{base_image_error, no_space, push_error, registry_kind};
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
) -> CapabilityError {
    match error {
        buildkit::Error::Failed(failure) => {
            let failure = in_logical_terms(*failure, request, endpoints);
            let destination = request
                .destination
                .as_ref()
                .map(|destination| &destination.reference);
            failed(&failure, &dockerfile.path_in_workspace, destination)
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
    }
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
    }
    failure
}

fn failed(
    failure: &buildkit::Failure,
    dockerfile: &str,
    destination: Option<&ImageReference>,
) -> CapabilityError {
    let text = without_prefixes(&printable(failure.message.trim())).to_owned();
    if text.contains("no space left on device") {
        return no_space();
    }
    let vertex = failure.vertex.as_deref().unwrap_or_default();
    if let Some(destination) = destination
        && (vertex.starts_with("exporting ") || text.starts_with("failed to push "))
    {
        return push_error(&text, destination);
    }
    if let Some(problem) = text.strip_prefix("dockerfile parse error ") {
        let problem = problem.strip_prefix("on ").unwrap_or(problem);
        return CapabilityError::new(
            ErrorKind::EngineFailure,
            format!("{dockerfile} has a syntax error in {problem}"),
        );
    }
    if let Some(stage) = text
        .strip_prefix("target stage ")
        .and_then(|rest| rest.strip_suffix(" could not be found"))
    {
        let stage = stage.trim_matches('"');
        return CapabilityError::invalid(format!("target: {dockerfile} has no stage {stage}"))
            .with_hint("name a stage that the Dockerfile begins with FROM … AS NAME");
    }
    let place = match &failure.source {
        Some(source) => format!("{dockerfile}, line {}", source.first_line),
        None => dockerfile.to_owned(),
    };
    if let Some(image) = vertex.strip_prefix(METADATA) {
        let kind = registry_kind(&text).unwrap_or(ErrorKind::Unavailable);
        return base_image_error(kind, image, &place, &text);
    }
    let Some(instruction) = instruction(vertex) else {
        return CapabilityError::new(
            ErrorKind::EngineFailure,
            format!("the build of {dockerfile} failed: {text}"),
        );
    };
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
