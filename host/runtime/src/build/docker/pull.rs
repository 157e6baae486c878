//! Images that the engine must have before a build: those that hold cached layers, because the
//! classic builder takes cached layers from local images only.

use http::Method;
use serde::Deserialize;

use super::client::{Client, EngineError, no_body, with_query};
use super::message::Message;
use super::name::{self, ImageName};
use super::registry_auth;
use crate::build::RegistryImage;
use crate::build::registry_failure::push_error;
use crate::event::{LogLevel, Reporter};
use crate::registry::Endpoints;

/// Pulls the image and returns its identifier. Where that fails, says so and falls back on a local
/// image of the name: a missing cache makes a build slower, not wrong.
pub(super) async fn cache_image(
    client: &Client,
    endpoints: &Endpoints,
    source: &RegistryImage,
    reporter: &Reporter,
) -> Option<String> {
    let image = ImageName::new(&source.reference, endpoints);
    match pull(client, &image, source, reporter).await {
        Ok(id) => Some(id),
        Err(problem) => {
            let local = image_id(client, &source.reference.to_string()).await.ok();
            let instead = match local {
                Some(_) => "the copy that the Docker Engine has is used",
                None => "the build goes on without it",
            };
            reporter.log(
                LogLevel::Warn,
                format!("the cache image cannot be pulled: {problem}; {instead}"),
            );
            local
        }
    }
}

async fn pull(
    client: &Client,
    image: &ImageName<'_>,
    source: &RegistryImage,
    reporter: &Reporter,
) -> Result<String, String> {
    let of_engine = |error: EngineError| {
        push_error(&image.in_logical_terms(&error.to_string()), image.logical()).message
    };
    let digest = source.reference.digest();
    let repository = image.repository();
    let path = with_query(
        "/images/create",
        [
            ("fromImage", repository.as_str()),
            ("tag", digest.map_or(image.tag(), |digest| digest.as_str())),
        ],
    );
    let auth = registry_auth::for_one(source.credential.as_ref(), image.host())
        .await
        .map_err(|error| error.message)?;
    let mut reply = client
        .send(Method::POST, &path, &[auth], no_body())
        .await
        .map_err(of_engine)?;
    while let Some(message) = reply.next::<Message>().await.map_err(of_engine)? {
        message.report_layer(reporter);
        if let Some(failure) = message.failure() {
            let text = image.in_logical_terms(&failure.text);
            return Err(push_error(&text, image.logical()).message);
        }
    }
    let name = match digest {
        Some(digest) => format!("{repository}@{digest}"),
        None => format!("{repository}:{}", image.tag()),
    };
    let id = image_id(client, &name).await.map_err(of_engine)?;
    if image.differs() && digest.is_none() {
        name::tag(client, &id, &image.logical_repository(), image.tag())
            .await
            .map_err(of_engine)?;
        name::untag(client, &name).await.map_err(of_engine)?;
    }
    Ok(id)
}

/// The identifier of the local image with this name.
pub(super) async fn image_id(client: &Client, name: &str) -> Result<String, EngineError> {
    #[derive(Deserialize)]
    struct Image {
        #[serde(rename = "Id")]
        id: String,
    }
    let image: Image = client.get(&format!("/images/{name}/json")).await?;
    Ok(image.id)
}
