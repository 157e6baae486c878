//! The context of a build, for every engine.

use stepyard_build_context::{BuildContext, ContextError};

use super::Build;
use crate::capability::{CapabilityError, ErrorKind};

/// Opens the context of a build and reads its Dockerfile.
///
/// # Errors
/// As `build.build` in the contract says of both.
pub(crate) async fn open_context(call: &Build) -> Result<BuildContext, CapabilityError> {
    let workspace = call.workspace.clone();
    let context = call.request.context.clone();
    let dockerfile = call.request.dockerfile.clone();
    let opened = tokio::task::spawn_blocking(move || {
        BuildContext::open(workspace.directory(), &context, dockerfile.as_deref())
    })
    .await;
    match opened {
        Ok(opened) => opened.map_err(|error| context_error(&error)),
        Err(_) => Err(CapabilityError::new(
            ErrorKind::Cancelled,
            "the build was cancelled",
        )),
    }
}

/// What is wrong with a context, for a person.
pub(in crate::build) fn context_error(error: &ContextError) -> CapabilityError {
    let kind = match error {
        ContextError::NotFound { .. } => ErrorKind::NotFound,
        ContextError::Io { .. } | ContextError::Changed { .. } => ErrorKind::Unavailable,
        _ => ErrorKind::InvalidSettings,
    };
    let told = CapabilityError::new(kind, error.to_string());
    match error {
        ContextError::NotFound { .. } => told.with_hint(
            "check the settings context and dockerfile: both are relative to the workspace",
        ),
        _ => told,
    }
}
