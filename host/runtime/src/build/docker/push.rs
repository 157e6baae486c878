//! A push (Docker Engine API, `POST /images/NAME/push`).

use std::sync::Arc;

use http::{Method, StatusCode};
use stepyard_grammar::Digest;

use super::client::{Client, EngineError, no_body, with_query};
use super::failure::request_error;
use super::message::Message;
use super::name::{self, ImageName};
use super::{pull, registry_auth};
use crate::build::Push;
use crate::build::failed_push::FailedAttempt;
use crate::build::registry_failure::is_throttled;
use crate::capability::{CapabilityError, ErrorKind};
use crate::event::Reporter;
use crate::patience::Patience;
use crate::policy::Authorized;
use crate::registry::Endpoints;

/// How often a push is made again that lost its image's name to another one.
const LOST_NAMES: usize = 5;

/// Pushes, and returns the digest that the registry has the manifest under. Another run that pushes
/// under the same name, from the same engine, may take the name away: then the image gets it again.
///
/// # Errors
/// As `image.push` in the contract says.
pub(super) async fn push(
    client: &Arc<Client>,
    endpoints: &Endpoints,
    patience: &Patience,
    call: &Authorized<Push>,
    reporter: &Reporter,
) -> Result<Digest, CapabilityError> {
    for _ in 0..LOST_NAMES {
        match push_once(client, endpoints, patience, call, reporter).await {
            Err(error) if error.kind == ErrorKind::Conflict && error.retryable => {}
            result => return result,
        }
    }
    push_once(client, endpoints, patience, call, reporter).await
}

async fn push_once(
    client: &Arc<Client>,
    endpoints: &Endpoints,
    patience: &Patience,
    call: &Authorized<Push>,
    reporter: &Reporter,
) -> Result<Digest, CapabilityError> {
    let image = ImageName::new(&call.call().destination, endpoints);
    let id = call.call().image.id.as_str();
    let engine_error = |error: EngineError| match error {
        EngineError::Answered {
            status: StatusCode::NOT_FOUND,
            ..
        } => CapabilityError::not_found(format!(
            "the Docker Engine does not hold the image {id} any more"
        ))
        .with_hint("build it again; something on the engine's machine removes images"),
        error => request_error(client, &error),
    };
    // The logical name first: an image loses its last name only together with itself.
    name::tag(client, id, &image.logical_repository(), image.tag())
        .await
        .map_err(engine_error)?;
    let mut temporary = None;
    if image.differs() {
        name::tag(client, id, &image.repository(), image.tag())
            .await
            .map_err(engine_error)?;
        temporary = Some(TemporaryName {
            client: client.clone(),
            name: Some(image.physical()),
        });
    }
    let result = push_named(client, &image, endpoints, patience, call, reporter).await;
    if let Some(temporary) = temporary {
        temporary.remove().await;
    }
    match result {
        Ok(digest) => Ok(digest),
        Err(failed) => Err(failed.explained(Some(call.questions()), endpoints).await),
    }
}

/// Pushes an image that has its physical name.
async fn push_named(
    client: &Client,
    image: &ImageName<'_>,
    endpoints: &Endpoints,
    patience: &Patience,
    call: &Authorized<Push>,
    reporter: &Reporter,
) -> Result<Digest, FailedAttempt> {
    let result = push_patiently(client, image, endpoints, patience, call, reporter).await;
    // The engine pushes by name only, and another process may have given the name away meanwhile:
    // then neither a success nor a refusal is about this image.
    match pull::image_id(client, &image.physical()).await {
        Ok(pushed) if pushed.trim_start_matches("sha256:") == call.call().image.id.hex() => result,
        Ok(_)
        | Err(EngineError::Answered {
            status: StatusCode::NOT_FOUND,
            ..
        }) => Err(lost_name(image).into()),
        Err(error) => result.and(Err(request_error(client, &error).into())),
    }
}

/// Pushes by name, again where a failure may pass.
async fn push_patiently(
    client: &Client,
    image: &ImageName<'_>,
    endpoints: &Endpoints,
    patience: &Patience,
    call: &Authorized<Push>,
    reporter: &Reporter,
) -> Result<Digest, FailedAttempt> {
    let what = format!("the push of {}", image.logical());
    let mut attempts = patience.begin(&what);
    loop {
        match attempt(client, image, call.call(), reporter).await {
            Ok(digest) => return Ok(digest),
            Err(failed) => {
                let failed = failed.or_accepted(call.questions(), endpoints).await;
                attempts.pause_after(failed).await?;
            }
        }
    }
}

fn lost_name(image: &ImageName<'_>) -> CapabilityError {
    let mut error = CapabilityError::new(
        ErrorKind::Conflict,
        format!(
            "another build on the same Docker Engine took the name {} during the push",
            image.logical()
        ),
    );
    error.retryable = true;
    error
}

/// Whether the engine says that no image has the name that is to be pushed.
fn says_lost_name(text: &str) -> bool {
    text.contains("does not exist locally") || text.starts_with("tag does not exist")
}

/// Where a push is asked for.
fn push_path(image: &ImageName<'_>) -> String {
    with_query(
        &format!("/images/{}/push", image.repository()),
        // Docker decides by its own list of insecure registries and passes over `tlsVerify`;
        // Podman goes by it.
        [("tag", image.tag())]
            .into_iter()
            .chain(image.plain_http().then_some(("tlsVerify", "false"))),
    )
}

async fn attempt(
    client: &Client,
    image: &ImageName<'_>,
    call: &Push,
    reporter: &Reporter,
) -> Result<Digest, FailedAttempt> {
    let failed =
        |text: &str| FailedAttempt::of_push(&image.in_logical_terms(text), image.logical());
    let path = push_path(image);
    // Fetched for each attempt, because a registry's token may expire between two.
    let auth = registry_auth::for_one(Some(&call.credential), image.host()).await?;
    let mut reply = match client.send(Method::POST, &path, &[auth], no_body()).await {
        Ok(reply) => reply,
        Err(EngineError::Answered { message, .. }) if is_throttled(&message) => {
            return Err(failed(&message));
        }
        Err(error) => return Err(request_error(client, &error).into()),
    };
    let mut digest = None;
    while let Some(message) = reply
        .next::<Message>()
        .await
        .map_err(|error| request_error(client, &error))?
    {
        message.report_layer(reporter);
        if let Some(failure) = message.failure() {
            if says_lost_name(&failure.text) {
                return Err(lost_name(image).into());
            }
            return Err(failed(&failure.text));
        }
        digest = reported_digest(&message, image.tag()).or(digest);
    }
    digest.ok_or_else(|| failed("the Docker Engine ended the push without a digest"))
}

/// The digest in `aux`, or in the line `TAG: digest: DIGEST size: BYTES`.
fn reported_digest(message: &Message, tag: &str) -> Option<Digest> {
    let of_aux = message.aux.as_ref().and_then(|aux| aux.digest.as_deref());
    let of_line = || {
        let rest = message.status.as_deref()?.strip_prefix(tag)?;
        rest.strip_prefix(": digest: ")?.split(' ').next()
    };
    Digest::parse(of_aux.or_else(of_line)?).ok()
}

/// A name that an image has for the time of a push, also where the push is dropped.
struct TemporaryName {
    client: Arc<Client>,
    name: Option<String>,
}

impl TemporaryName {
    async fn remove(mut self) {
        if let Some(name) = self.name.take() {
            remove(&self.client, &name).await;
        }
    }
}

impl Drop for TemporaryName {
    fn drop(&mut self) {
        if let (Some(name), Ok(runtime)) = (self.name.take(), tokio::runtime::Handle::try_current())
        {
            let client = self.client.clone();
            runtime.spawn(async move { remove(&client, &name).await });
        }
    }
}

async fn remove(client: &Client, name: &str) {
    // The image keeps its logical name, so that nothing is lost with this one.
    if let Err(error) = name::untag(client, name).await {
        tracing::debug!(name, %error, "a temporary name of an image was not removed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Endpoint;

    #[test]
    fn digests_are_read_from_both_places() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        for (line, found) in [
            (
                format!(r#"{{"status":"1.0: digest: {digest} size: 527"}}"#),
                true,
            ),
            (
                format!(
                    r#"{{"progressDetail":{{}},"aux":{{"Tag":"1.0","Digest":"{digest}","Size":527}}}}"#
                ),
                true,
            ),
            (
                format!(r#"{{"status":"2.0: digest: {digest} size: 527"}}"#),
                false,
            ),
            (
                r#"{"status":"1.0: digest: sha256:12 size: 527"}"#.to_owned(),
                false,
            ),
        ] {
            let message = serde_json::from_str(&line).unwrap();
            let read = reported_digest(&message, "1.0").map(|digest| digest.to_string());
            assert_eq!(read, found.then(|| digest.clone()), "{line}");
        }
    }

    #[test]
    fn tls_is_waived_only_where_the_operator_says_plain_http() {
        let image = stepyard_grammar::ImageReference::parse("registry.example.com/app:1").unwrap();
        let mut endpoints = Endpoints::new();
        let path = push_path(&ImageName::new(&image, &endpoints));
        assert_eq!(path, "/images/registry.example.com/app/push?tag=1");
        let plain = Endpoint::parse("http://10.0.0.7:5000").unwrap();
        endpoints.map(image.registry().clone(), plain);
        let path = push_path(&ImageName::new(&image, &endpoints));
        assert_eq!(path, "/images/10.0.0.7:5000/app/push?tag=1&tlsVerify=false");
    }
}
