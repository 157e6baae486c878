use super::error::RegistryError;
use super::{CONTENT_DIGEST, Call, route};
use crate::names::digest_of;
use crate::storage::{Image, ImageReference, StorageError, blocking};
use axum::body::{Body, to_bytes};
use axum::response::{IntoResponse as _, Response};
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, LOCATION};
use http::{Method, StatusCode};

/// ECR's limit, and the specification's.
const MANIFEST_BYTES: usize = 4 << 20;
const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// GET and HEAD: a manifest as it is stored, if the client accepts its media type.
pub(super) async fn get(call: &Call, reference: &str) -> Result<Response, RegistryError> {
    let reference = route::image_reference(reference)?;
    let repository = call.repository()?;
    let image = repository.image(&reference)?.image;
    check_accepted(call, &image)?;
    let body = if call.request.method == Method::HEAD {
        Body::empty()
    } else {
        let digest = image.digest.clone();
        Body::from(blocking(move || repository.manifest(&digest)).await?)
    };
    Response::builder()
        .header(CONTENT_TYPE, image.media_type)
        .header(CONTENT_LENGTH, image.manifest_size)
        .header(CONTENT_DIGEST, image.digest)
        .body(body)
        .map_err(|error| StorageError::Stopped(error.to_string()).into())
}

fn check_accepted(call: &Call, image: &Image) -> Result<(), RegistryError> {
    let mut accepted = call
        .request
        .headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|media_type| media_type.split(';').next().unwrap_or_default().trim())
        .peekable();
    let any = |media_type: &str| {
        media_type == image.media_type || media_type == "*/*" || media_type == "application/*"
    };
    if accepted.peek().is_none() || accepted.any(any) {
        return Ok(());
    }
    Err(RegistryError::not_found(
        "MANIFEST_UNKNOWN",
        format!(
            "the manifest is of type {}, which the Accept header does not name",
            image.media_type
        ),
    ))
}

/// PUT: stores a manifest under a tag or its digest.
pub(super) async fn put(
    call: &Call,
    reference: &str,
    body: Body,
) -> Result<Response, RegistryError> {
    let reference = route::image_reference(reference)?;
    let content = to_bytes(body, MANIFEST_BYTES).await.map_err(|error| {
        RegistryError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "SIZE_INVALID",
            format!("a manifest may have {MANIFEST_BYTES} bytes: {error}"),
        )
    })?;
    let tag = match reference {
        ImageReference::Tag(tag) => Some(tag),
        ImageReference::Digest(expected) => {
            let actual = digest_of(&content);
            if expected != actual {
                return Err(StorageError::DigestMismatch { expected, actual }.into());
            }
            None
        }
    };
    let repository = call.repository_for_push().await?;
    let content_type = call.header(CONTENT_TYPE).map(str::to_owned);
    let pushed =
        blocking(move || repository.put_image(&content, content_type.as_deref(), tag.as_deref()))
            .await?;
    let mut response = Response::builder()
        .status(StatusCode::CREATED)
        .header(
            LOCATION,
            format!("/v2/{}/manifests/{}", call.name, pushed.digest),
        )
        .header(CONTENT_DIGEST, pushed.digest);
    if let Some(subject) = pushed.subject {
        response = response.header(SUBJECT, subject);
    }
    response
        .body(Body::empty())
        .map_err(|error| StorageError::Stopped(error.to_string()).into())
}

/// DELETE: removes a tag, and with the last one its image; or an image with all its tags.
pub(super) async fn delete(call: &Call, reference: &str) -> Result<Response, RegistryError> {
    let reference = route::image_reference(reference)?;
    let repository = call.repository()?;
    blocking(move || repository.delete_image(&reference)).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
