use crate::authentication::TokenError;
use crate::restrictions::Refusal;
use crate::storage::StorageError;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HeaderName, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::json;

/// An error of the registry API (OCI distribution specification, "Error Codes").
#[derive(Debug)]
pub(crate) struct RegistryError {
    status: StatusCode,
    code: &'static str,
    message: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl RegistryError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            headers: Vec::new(),
        }
    }

    /// 400 with `code`.
    pub(super) fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 404 with `code`.
    pub(super) fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// Adds a header to the answer; a value that cannot be one is left out.
    pub(super) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers
            .extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
        self
    }

    pub(super) fn unauthorized(error: TokenError, endpoint: &str) -> Self {
        let message = error.to_string();
        match error {
            TokenError::Absent => Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message)
                .with_header(
                    WWW_AUTHENTICATE,
                    &format!("Basic realm=\"{endpoint}/\",service=\"ecr.amazonaws.com\""),
                ),
            TokenError::Invalid | TokenError::Expired => {
                Self::new(StatusCode::FORBIDDEN, "DENIED", message)
            }
        }
    }
}

impl From<StorageError> for RegistryError {
    fn from(error: StorageError) -> Self {
        let message = error.to_string();
        match error {
            StorageError::RepositoryNotFound { .. } => Self::not_found("NAME_UNKNOWN", message),
            StorageError::ImageNotFound { .. } => Self::not_found("MANIFEST_UNKNOWN", message),
            StorageError::BlobNotFound { .. } => Self::not_found("BLOB_UNKNOWN", message),
            StorageError::UploadNotFound(_) => Self::not_found("BLOB_UPLOAD_UNKNOWN", message),
            StorageError::TagImmutable { .. } => Self::invalid("TAG_INVALID", message),
            StorageError::DigestMismatch { .. } => Self::invalid("DIGEST_INVALID", message),
            StorageError::ManifestInvalid(_) => Self::invalid("MANIFEST_INVALID", message),
            StorageError::ReferenceNotFound { .. } => {
                Self::invalid("MANIFEST_BLOB_UNKNOWN", message)
            }
            StorageError::BodyInterrupted(_) => Self::invalid("BLOB_UPLOAD_INVALID", message),
            StorageError::UploadBusy(_) => {
                Self::new(StatusCode::CONFLICT, "BLOB_UPLOAD_INVALID", message)
            }
            StorageError::ImageReferenced { .. } => {
                Self::new(StatusCode::FORBIDDEN, "DENIED", message)
            }
            StorageError::RepositoryAlreadyExists { .. }
            | StorageError::RepositoryNotEmpty { .. }
            | StorageError::ScanNotFound { .. }
            | StorageError::ScannedAlready
            | StorageError::NotScannable { .. }
            | StorageError::FolderInUse { .. }
            | StorageError::Corrupt { .. }
            | StorageError::Io { .. }
            | StorageError::Stopped(_) => {
                tracing::error!(%error, "a registry request failed");
                let message = "The server failed; its log says why";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", message)
            }
        }
    }
}

impl From<(Refusal, String)> for RegistryError {
    fn from((refusal, message): (Refusal, String)) -> Self {
        match refusal {
            Refusal::Denied => Self::new(StatusCode::FORBIDDEN, "DENIED", message),
            Refusal::Throttled => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS", message)
            }
        }
    }
}

impl IntoResponse for RegistryError {
    fn into_response(self) -> Response {
        let body = json!({"errors": [{"code": self.code, "message": self.message}]}).to_string();
        let mut response =
            (self.status, [(CONTENT_TYPE, "application/json")], body).into_response();
        response.headers_mut().extend(self.headers);
        response
    }
}
