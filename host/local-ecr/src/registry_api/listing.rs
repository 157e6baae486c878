use super::error::RegistryError;
use super::{Call, route};
use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LINK};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;

const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The descriptor of an artifact that refers to an image.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Referrer {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<BTreeMap<String, String>>,
}

/// `tags/list`, in order, with `n` and `last`.
pub(super) fn tags(call: &Call) -> Result<Response, RegistryError> {
    let mut tags = call.repository()?.tags()?;
    if let Some(last) = call.query.get("last") {
        tags.retain(|tag| tag > last);
    }
    let mut next = None;
    if let Some(count) = call.query.get("n") {
        let count = count.parse::<usize>().map_err(|_| {
            RegistryError::invalid(
                "PAGINATION_NUMBER_INVALID",
                format!("n is '{count}', expected a number"),
            )
        })?;
        if count < tags.len() {
            tags.truncate(count);
            next = tags.last().map(|last| {
                format!(
                    "</v2/{}/tags/list?n={count}&last={last}>; rel=\"next\"",
                    call.name
                )
            });
        }
    }
    let mut response = Json(json!({"name": call.name, "tags": tags})).into_response();
    if let Some(next) = next.and_then(|next| HeaderValue::try_from(next).ok()) {
        response.headers_mut().insert(LINK, next);
    }
    Ok(response)
}

/// The images whose subject is `digest`, as an image index.
pub(super) fn referrers(call: &Call, digest: &str) -> Result<Response, RegistryError> {
    route::check_digest(digest)?;
    let wanted = call.query.get("artifactType");
    let images = call
        .repository()?
        .images()?
        .into_iter()
        .map(|tagged| tagged.image);
    let descriptors: Vec<Referrer> = images
        .filter(|image| image.subject.as_deref() == Some(digest))
        .filter(|image| wanted.is_none() || image.artifact_type.as_ref() == wanted)
        .map(|image| Referrer {
            media_type: image.media_type,
            digest: image.digest,
            size: image.manifest_size,
            artifact_type: image.artifact_type,
            annotations: image.annotations,
        })
        .collect();
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": descriptors});
    let mut response = ([(CONTENT_TYPE, INDEX)], index.to_string()).into_response();
    if wanted.is_some() {
        response
            .headers_mut()
            .insert(FILTERS_APPLIED, HeaderValue::from_static("artifactType"));
    }
    Ok(response)
}
