use super::Call;
use super::error::RegistryError;
use super::range::content_range;
use super::{CONTENT_DIGEST, route};
use crate::storage::{Repository, StorageError, Upload, blocking};
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderName, LOCATION, RANGE};
use http::{HeaderMap, HeaderValue, StatusCode};
use std::sync::Arc;

const UPLOAD_ID: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// POST: starts an upload; mounts a blob, or takes a whole one in, where the query says so.
pub(super) async fn start(call: &Call, body: Body) -> Result<Response, RegistryError> {
    let repository = call.repository_for_push().await?;
    if let Some(digest) = call
        .query
        .get("mount")
        .filter(|_| call.service.blob_mounting)
    {
        route::check_digest(digest)?;
        if mount(call, &repository, digest).await? {
            return Ok(created(call, digest));
        }
    }
    let uploads = &call.service.storage.uploads;
    let id = uploads.start(repository.clone()).await?;
    let upload = uploads.hold(&repository, &id)?;
    match call.query.get("digest") {
        Some(digest) => complete(call, upload, digest, body).await,
        None => Ok((StatusCode::ACCEPTED, progress(call, &id, 0)).into_response()),
    }
}

/// Whether the blob could be taken from the repository that the query names.
async fn mount(
    call: &Call,
    repository: &Arc<Repository>,
    digest: &str,
) -> Result<bool, RegistryError> {
    let Some(from) = call.query.get("from") else {
        return Ok(false);
    };
    let Ok(from) = call.service.storage.repositories.find(&call.account, from) else {
        return Ok(false);
    };
    let (repository, digest) = (repository.clone(), digest.to_owned());
    match blocking(move || repository.mount_blob(&from, &digest)).await {
        Ok(()) => Ok(true),
        Err(StorageError::BlobNotFound { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn hold(call: &Call, id: &str) -> Result<Upload, RegistryError> {
    Ok(call.service.storage.uploads.hold(&call.repository()?, id)?)
}

/// GET: how much has arrived.
pub(super) fn status(call: &Call, id: &str) -> Result<Response, RegistryError> {
    let upload = hold(call, id)?;
    Ok((StatusCode::NO_CONTENT, progress(call, id, upload.length())).into_response())
}

/// PATCH: appends a chunk. ECR answers 201 where the specification has 202.
pub(super) async fn append(call: &Call, id: &str, body: Body) -> Result<Response, RegistryError> {
    let upload = hold(call, id)?;
    check_range(call, &upload)?;
    let upload = upload.append(body.into_data_stream()).await?;
    Ok((StatusCode::CREATED, progress(call, id, upload.length())).into_response())
}

/// PUT: appends the last chunk, if there is one, and stores the blob.
pub(super) async fn finish(call: &Call, id: &str, body: Body) -> Result<Response, RegistryError> {
    let upload = hold(call, id)?;
    check_range(call, &upload)?;
    let digest = call.query.get("digest").ok_or_else(|| {
        RegistryError::invalid(
            "DIGEST_INVALID",
            "the query has no digest; add ?digest=sha256:...",
        )
    })?;
    complete(call, upload, digest, body).await
}

async fn complete(
    call: &Call,
    upload: Upload,
    digest: &str,
    body: Body,
) -> Result<Response, RegistryError> {
    route::check_digest(digest)?;
    let upload = upload.append(body.into_data_stream()).await?;
    call.service
        .storage
        .uploads
        .finish(upload, digest.to_owned())
        .await?;
    Ok(created(call, digest))
}

/// DELETE: gives an upload up.
pub(super) fn cancel(call: &Call, id: &str) -> Result<Response, RegistryError> {
    let upload = hold(call, id)?;
    call.service.storage.uploads.cancel(&upload);
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A `Content-Range`, where given, must go on exactly where the upload stands.
fn check_range(call: &Call, upload: &Upload) -> Result<(), RegistryError> {
    let Some(value) = call.header(CONTENT_RANGE) else {
        return Ok(());
    };
    let (first, last) = content_range(value).ok_or_else(|| {
        RegistryError::invalid(
            "BLOB_UPLOAD_INVALID",
            format!("Content-Range is '{value}', expected the first and last byte such as 0-99"),
        )
    })?;
    let declared = call
        .header(CONTENT_LENGTH)
        .and_then(|length| length.parse::<u64>().ok());
    if declared.is_some_and(|length| last.checked_sub(first) != length.checked_sub(1)) {
        return Err(RegistryError::invalid(
            "SIZE_INVALID",
            format!("Content-Range {value} does not agree with the Content-Length"),
        ));
    }
    if first == upload.length() {
        return Ok(());
    }
    let error = RegistryError::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        "BLOB_UPLOAD_INVALID",
        format!(
            "the chunk starts at {first}, but {} bytes have arrived",
            upload.length()
        ),
    );
    Err(error
        .with_header(LOCATION, &location(call, upload.id()))
        .with_header(RANGE, &arrived(upload.length())))
}

fn location(call: &Call, id: &str) -> String {
    format!("/v2/{}/blobs/uploads/{id}", call.name)
}

fn arrived(length: u64) -> String {
    format!("0-{}", length.saturating_sub(1))
}

fn progress(call: &Call, id: &str, length: u64) -> HeaderMap {
    headers([
        (LOCATION, location(call, id)),
        (RANGE, arrived(length)),
        (UPLOAD_ID, id.to_owned()),
    ])
}

fn created(call: &Call, digest: &str) -> Response {
    let location = format!("/v2/{}/blobs/{digest}", call.name);
    let headers = headers([(LOCATION, location), (CONTENT_DIGEST, digest.to_owned())]);
    (StatusCode::CREATED, headers).into_response()
}

fn headers<const N: usize>(values: [(HeaderName, String); N]) -> HeaderMap {
    let value =
        |(name, value): (HeaderName, String)| Some((name, HeaderValue::try_from(value).ok()?));
    values.into_iter().filter_map(value).collect()
}
