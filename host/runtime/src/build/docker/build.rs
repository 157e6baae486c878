//! A build with the classic builder (Docker Engine API, `POST /build` with `version=1`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use http::{HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use stepyard_grammar::Digest;

use super::client::{Client, EngineError, RequestBody, with_query};
use super::failure::{build_error, request_error};
use super::message::{Failure, Message};
use super::output::BuildOutput;
use super::{pull, registry_auth};
use crate::build::context::{context_error, open_context};
use crate::build::{
    Build, BuildRequest, BuiltImage, CachePlace, ExtraHost, Feature, NetworkMode, features,
};
use crate::capability::{CapabilityError, ErrorKind};
use crate::event::Reporter;
use crate::registry::Endpoints;
use stepyard_build_context::{ContextArchive, ContextError};

/// The least time between two reports of how much of the context was sent.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// Whether the classic builder honours `feature`.
pub(super) fn supports(feature: Feature) -> bool {
    matches!(
        feature,
        Feature::Hold
            | Feature::CacheFrom
            | Feature::NetworkMode
            | Feature::ExtraHosts
            | Feature::BuildCache
    )
}

/// Builds, and returns when the engine has the image.
///
/// # Errors
/// As `build.build` in the contract says.
pub(super) async fn build(
    client: &Client,
    endpoints: &Endpoints,
    call: &Build,
    reporter: &Reporter,
) -> Result<BuiltImage, CapabilityError> {
    let request = &call.request;
    let name = "the classic builder of the Docker Engine";
    let ignored_settings = features::check(request, name, supports)?;
    let context = open_context(call).await?;
    let dockerfile = context.dockerfile().clone();

    let mut cache_images = Vec::new();
    if request.build_cache {
        for cache in &request.cache_imports {
            if let CachePlace::Registry(source) = &cache.place {
                cache_images.extend(pull::cache_image(client, endpoints, source, reporter).await);
            }
        }
    }
    let path = with_query(
        "/build",
        options(
            request,
            &dockerfile.path_in_context,
            &cache_images,
            client.is_podman(),
        )?
        .iter()
        .map(|(name, value)| (*name, value.as_str())),
    );
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-tar"),
        ),
        registry_auth::for_several(&request.base_image_credentials).await?,
    ];

    let fault = ContextFault::default();
    let body = body(context.into_archive(), reporter, &fault);
    let reply = client.send(Method::POST, &path, &headers, body).await;
    let mut output = BuildOutput::new(reporter);
    let failed = |failure: &Failure, output: &BuildOutput<'_>| {
        build_error(failure, output, &dockerfile.path_in_workspace)
    };
    let mut reply = match reply {
        Ok(reply) => reply,
        Err(error) => {
            return Err(match (fault.take(), error) {
                (Some(fault), _) => fault,
                // The classic builder checks the Dockerfile before it begins to answer.
                (None, EngineError::Answered { status, message })
                    if status == StatusCode::BAD_REQUEST
                        || status == StatusCode::INTERNAL_SERVER_ERROR =>
                {
                    let failure = Failure {
                        text: message,
                        exit_code: None,
                    };
                    failed(&failure, &output)
                }
                (None, error) => request_error(client, &error),
            });
        }
    };
    let mut image = None;
    while let Some(message) = reply.next::<Message>().await.map_err(|error| {
        fault
            .take()
            .unwrap_or_else(|| request_error(client, &error))
    })? {
        message.report_layer(reporter);
        if let Some(text) = &message.stream {
            output.write(text);
        }
        if let Some(failure) = message.failure() {
            output.finish();
            return Err(failed(&failure, &output));
        }
        if let Some(id) = message.aux.and_then(|auxiliary| auxiliary.id) {
            image = Some(id);
        }
    }
    output.finish();
    let id = match image {
        Some(id) => id,
        None => named_image(client, &output).await?,
    };
    Ok(BuiltImage {
        id: image_digest(&id)?,
        pushed: None,
        unchanged: false,
        ignored_settings,
    })
}

/// The identifier of the image that the output names, for engines that report no other way.
async fn named_image(client: &Client, output: &BuildOutput<'_>) -> Result<String, CapabilityError> {
    let name = output.image().ok_or_else(|| {
        CapabilityError::new(
            ErrorKind::EngineFailure,
            "the Docker Engine ended the build without an image and without an error",
        )
    })?;
    pull::image_id(client, name)
        .await
        .map_err(|error| request_error(client, &error))
}

fn image_digest(id: &str) -> Result<Digest, CapabilityError> {
    // Podman leaves the algorithm out.
    let text = if id.contains(':') {
        id.to_owned()
    } else {
        format!("sha256:{id}")
    };
    Digest::parse(&text).map_err(|error| {
        CapabilityError::new(
            ErrorKind::EngineFailure,
            format!("the Docker Engine's name for the image is not understood: {error}"),
        )
    })
}

/// The query of `POST /build`.
fn options(
    request: &BuildRequest,
    dockerfile: &str,
    cache_images: &[String],
    is_podman: bool,
) -> Result<Vec<(&'static str, String)>, CapabilityError> {
    let flag = |value: bool| if value { "1" } else { "0" }.to_owned();
    let pairs = |pairs: &[(String, String)]| -> BTreeMap<String, String> {
        pairs.iter().cloned().collect()
    };
    let mut options = vec![
        ("version", "1".to_owned()),
        ("dockerfile", dockerfile.to_owned()),
        ("rm", flag(true)),
        ("forcerm", flag(true)),
        ("nocache", flag(!request.build_cache)),
        ("pull", flag(request.pull)),
        ("buildargs", json(&pairs(&request.build_arguments))?),
        ("labels", json(&pairs(&request.labels))?),
    ];
    if let Some(target) = &request.target {
        options.push(("target", target.clone()));
    }
    if let [platform] = request.platforms.as_slice() {
        options.push(("platform", platform.clone()));
    }
    let extra_hosts: Vec<String> = request.extra_hosts.iter().map(extra_host).collect();
    if is_podman && !extra_hosts.is_empty() {
        options.push(("extrahosts", json(&extra_hosts)?));
    } else {
        options.extend(extra_hosts.into_iter().map(|host| ("extrahosts", host)));
    }
    if !cache_images.is_empty() {
        options.push(("cachefrom", json(&cache_images)?));
    }
    match request.network_mode {
        NetworkMode::Default => {}
        NetworkMode::None => options.push(("networkmode", "none".to_owned())),
        NetworkMode::Host => options.push(("networkmode", "host".to_owned())),
    }
    Ok(options)
}

/// An extra host as the docker command writes it.
fn extra_host(host: &ExtraHost) -> String {
    match host.address {
        Some(address) => format!("{}:{address}", host.name),
        None => format!("{}:host-gateway", host.name),
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, CapabilityError> {
    serde_json::to_string(value).map_err(|error| CapabilityError::invalid(error.to_string()))
}

/// Why the context could not be sent, kept aside because the connection's error does not have it.
#[derive(Clone, Default)]
struct ContextFault(Arc<Mutex<Option<CapabilityError>>>);

impl ContextFault {
    fn set(&self, error: &std::io::Error) {
        let fault = match error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<ContextError>())
        {
            Some(error) => context_error(error),
            None => CapabilityError::unavailable(format!("the build context: {error}")),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
    }

    fn take(&self) -> Option<CapabilityError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The context as a request's body, which reports how far it is.
fn body(archive: ContextArchive, reporter: &Reporter, fault: &ContextFault) -> RequestBody {
    let progress = archive.progress();
    let (reporter, fault) = (reporter.clone(), fault.clone());
    let report = move |complete| {
        reporter.context(progress.files(), progress.bytes(), complete);
    };
    let mut reported = Instant::now();
    let at_end = report.clone();
    let frames = archive
        .into_stream()
        .inspect(move |item| match item {
            Ok(_) if reported.elapsed() >= PROGRESS_INTERVAL => {
                reported = Instant::now();
                report(false);
            }
            Ok(_) => {}
            Err(error) => fault.set(error),
        })
        .map(|item| item.map(Frame::data));
    // After an error the stream is not read on, so that this end is not reached.
    let end = stream::once(async move { at_end(true) }).filter_map(|()| async { None });
    StreamBody::new(frames.chain(end)).boxed_unsync()
}
