use super::error::RegistryError;
use super::range::ByteRange;
use super::{CONTENT_DIGEST, Call, route};
use crate::storage::{StorageError, blocking};
use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use std::io::SeekFrom;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

/// Bytes read from disk at a time.
const READ_BYTES: usize = 256 << 10;

/// HEAD: whether the repository has a blob, and its size.
pub(super) async fn head(call: &Call, digest: &str) -> Result<Response, RegistryError> {
    route::check_digest(digest)?;
    let (repository, wanted) = (call.repository()?, digest.to_owned());
    let size = blocking(move || repository.blob_size(&wanted)).await?;
    response(StatusCode::OK, digest, size, None, Body::empty())
}

/// GET: a blob, or the part of it that `Range` names.
pub(super) async fn get(call: &Call, digest: &str) -> Result<Response, RegistryError> {
    route::check_digest(digest)?;
    let (repository, wanted) = (call.repository()?, digest.to_owned());
    let (file, size) = blocking(move || {
        let file = repository.open_blob(&wanted)?;
        Ok((file, repository.blob_size(&wanted)?))
    })
    .await?;
    let (first, last) = match ByteRange::parse(call.header(RANGE), size) {
        ByteRange::Whole => {
            let body = Body::from_stream(ReaderStream::with_capacity(
                File::from_std(file),
                READ_BYTES,
            ));
            return response(StatusCode::OK, digest, size, None, body);
        }
        ByteRange::Part(first, last) => (first, last),
        ByteRange::Unsatisfiable => {
            let error = RegistryError::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "SIZE_INVALID",
                format!("the blob has {size} bytes"),
            );
            return Err(error.with_header(CONTENT_RANGE, &format!("bytes */{size}")));
        }
    };
    let mut file = File::from_std(file);
    file.seek(SeekFrom::Start(first))
        .await
        .map_err(|source| StorageError::Io {
            action: "read",
            path: digest.into(),
            source,
        })?;
    let length = last - first + 1;
    let body = Body::from_stream(ReaderStream::with_capacity(file.take(length), READ_BYTES));
    let range = format!("bytes {first}-{last}/{size}");
    response(
        StatusCode::PARTIAL_CONTENT,
        digest,
        length,
        Some(range),
        body,
    )
}

fn response(
    status: StatusCode,
    digest: &str,
    length: u64,
    range: Option<String>,
    body: Body,
) -> Result<Response, RegistryError> {
    let mut response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/octet-stream")
        .header(CONTENT_LENGTH, length)
        .header(ACCEPT_RANGES, "bytes")
        .header(CONTENT_DIGEST, digest);
    if let Some(range) = range {
        response = response.header(CONTENT_RANGE, range);
    }
    response
        .body(body)
        .map_err(|error| StorageError::Stopped(error.to_string()).into())
}
