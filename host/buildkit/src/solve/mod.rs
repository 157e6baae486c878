//! One build, from the request to the result.

mod cache;
mod local_cache;
mod output;
mod request;
mod source_rules;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bollard_buildkit_proto::moby::buildkit::v1::{SolveResponse, StatusRequest};
use futures_util::StreamExt;
use tonic::Status;

pub use cache::CacheEntry;
pub use output::{Compression, CompressionAlgorithm, Output, PushDestination};
pub use request::{
    Context, DockerfileBuild, DockerfileLocation, NamedContext, Network, Provenance,
};
pub use source_rules::SourceRule;

use crate::connect::{Control, Endpoint, PATIENCE};
use crate::error::{Error, LocalFault};
use crate::random::random_identifier;
use crate::session::{Session, Traffic};
use crate::status::{Event, Failure, Tracker};
use crate::transfer::TransferProgress;

/// What a build has made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildResult {
    /// The digest of the image's manifest or index; of a classic Docker image store, of the image's
    /// configuration.
    pub digest: Option<String>,
    /// The digest of the image's configuration, where there is one image.
    pub configuration_digest: Option<String>,
    /// What the registry was given, where the image was pushed.
    pub descriptor: Option<ImageDescriptor>,
    /// Bytes of files that were sent to the daemon.
    pub sent_file_bytes: u64,
    /// Bytes that this side has sent on the session's connection, and those it has received.
    pub session_bytes: (u64, u64),
}

/// An image's manifest or index (OCI image specification, "Content Descriptors").
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageDescriptor {
    /// Such as `application/vnd.oci.image.manifest.v1+json`.
    pub media_type: String,
    /// The digest of its bytes.
    pub digest: String,
    /// In bytes.
    pub size: u64,
}

/// How far a running build is with the client's files.
#[derive(Clone, Default)]
pub struct BuildProgress {
    /// What was sent of the folders.
    pub files: Arc<TransferProgress>,
}

/// Builds; the daemon's work ends where the future is dropped.
///
/// # Errors
/// As [`crate::Client::build`].
pub(crate) async fn solve(
    endpoint: &Endpoint,
    build: DockerfileBuild,
    progress: &BuildProgress,
    on_event: &mut (dyn FnMut(Event) + Send),
) -> Result<BuildResult, Error> {
    let fault = LocalFault::default();
    let control = endpoint.control().await?;
    let reference = random_identifier()?;
    let (request, services, mut finish) = build.into_parts(&reference, progress, &fault)?;
    finish.warnings.drain(..).for_each(&mut *on_event);
    let session = Session::open(
        endpoint,
        &control,
        services,
        &finish.session_name,
        &finish.shared_key,
    );
    let session = endpoint.patiently(session).await?;
    let request = {
        let mut request = request;
        request.session = session.id().to_owned();
        request
    };
    let mut solver = control.client();
    let mut tracker = Tracker::default();
    let solved = {
        let solving = solver.solve(request);
        let status = follow(&control, reference, &mut tracker, on_event);
        tokio::pin!(solving, status);
        // The status ends by itself once the solve has; before that it must not hold it up.
        let mut told = false;
        let solved = loop {
            tokio::select! {
                solved = &mut solving => break solved,
                () = &mut status, if !told => told = true,
            }
        };
        if !told {
            // One that never ends has told what matters.
            let _ = tokio::time::timeout(PATIENCE, status).await;
        }
        solved
    };
    let response = match solved {
        Ok(response) => response.into_inner(),
        Err(status) => return Err(failure(endpoint, &status, tracker, &fault)),
    };
    // A daemon may go on without what this side could not give.
    if let Some(error) = fault.take() {
        return Err(error);
    }
    finish.complete(&response, on_event).await?;
    Ok(result(&response, session.traffic(), progress))
}

/// Hands on what the daemon says until it has no more to say.
async fn follow(
    control: &Control,
    reference: String,
    tracker: &mut Tracker,
    on_event: &mut (dyn FnMut(Event) + Send),
) {
    let request = StatusRequest { r#ref: reference };
    let Ok(messages) = control.client().status(request).await else {
        return;
    };
    let mut messages = messages.into_inner();
    while let Some(Ok(message)) = messages.next().await {
        tracker.take(message, on_event);
    }
}

fn failure(endpoint: &Endpoint, status: &Status, tracker: Tracker, fault: &LocalFault) -> Error {
    if let Some(error) = fault.take() {
        return error;
    }
    let failed = tracker.into_failed();
    if failed.is_none() && is_of_connection(status) {
        return Error::of_call(endpoint, status);
    }
    Error::Failed(Box::new(Failure::new(status, failed)))
}

/// Whether the call itself failed, and not the build.
fn is_of_connection(status: &Status) -> bool {
    std::error::Error::source(status).is_some()
}

fn result(response: &SolveResponse, traffic: &Traffic, progress: &BuildProgress) -> BuildResult {
    let value = |name: &str| response.exporter_response.get(name).cloned();
    BuildResult {
        digest: value("containerimage.digest"),
        configuration_digest: value("containerimage.config.digest"),
        descriptor: value("containerimage.descriptor").and_then(|text| descriptor(&text)),
        sent_file_bytes: progress.files.bytes(),
        session_bytes: (traffic.sent(), traffic.received()),
    }
}

/// Daemons before 0.10 do not tell.
fn descriptor(text: &str) -> Option<ImageDescriptor> {
    serde_json::from_slice(&BASE64.decode(text).ok()?).ok()
}
