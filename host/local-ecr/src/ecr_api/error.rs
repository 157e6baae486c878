use crate::authentication::AuthenticationError;
use crate::restrictions::Refusal;
use crate::storage::StorageError;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::json;

/// The media type of AWS JSON 1.1.
pub(super) const AWS_JSON: &str = "application/x-amz-json-1.1";

/// An error of the ECR API: its name and a sentence.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    name: &'static str,
    message: String,
}

impl ApiError {
    pub(super) fn new(name: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            name,
            message: message.into(),
        }
    }

    /// `InvalidParameterException` about one member of a request.
    pub(super) fn invalid(member: &str, constraint: &str) -> Self {
        Self::new(
            "InvalidParameterException",
            format!("Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'"),
        )
    }

    /// `ServerException`: the fault is here. The client learns no details, the log does.
    pub(super) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "an ECR API call failed");
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            name: "ServerException",
            message: "The server failed; its log says why".into(),
        }
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        let name = match &error {
            StorageError::RepositoryNotFound { .. } => "RepositoryNotFoundException",
            StorageError::RepositoryAlreadyExists { .. } => "RepositoryAlreadyExistsException",
            StorageError::RepositoryNotEmpty { .. } => "RepositoryNotEmptyException",
            StorageError::ImageNotFound { .. } => "ImageNotFoundException",
            StorageError::TagImmutable { .. } => "ImageTagAlreadyExistsException",
            StorageError::ScanNotFound { .. } => "ScanNotFoundException",
            StorageError::ScannedAlready => "LimitExceededException",
            StorageError::NotScannable { .. } => "UnsupportedImageTypeException",
            StorageError::BlobNotFound { .. } => "LayersNotFoundException",
            StorageError::ReferenceNotFound {
                is_manifest: true, ..
            } => "ReferencedImagesNotFoundException",
            StorageError::ReferenceNotFound { .. } => "LayersNotFoundException",
            StorageError::DigestMismatch { .. } => "ImageDigestDoesNotMatchException",
            StorageError::UploadNotFound(_) => "UploadNotFoundException",
            StorageError::ManifestInvalid(_) | StorageError::ImageReferenced { .. } => {
                "InvalidParameterException"
            }
            StorageError::UploadBusy(_)
            | StorageError::BodyInterrupted(_)
            | StorageError::FolderInUse { .. }
            | StorageError::Corrupt { .. }
            | StorageError::Io { .. }
            | StorageError::Stopped(_) => return Self::internal(&error),
        };
        Self::new(name, error.to_string())
    }
}

impl From<(Refusal, String)> for ApiError {
    fn from((refusal, message): (Refusal, String)) -> Self {
        match refusal {
            Refusal::Denied => Self::new("AccessDeniedException", message),
            Refusal::Throttled => Self::new("ThrottlingException", message),
        }
    }
}

impl From<AuthenticationError> for ApiError {
    fn from(error: AuthenticationError) -> Self {
        let name = match error {
            AuthenticationError::Missing => "MissingAuthenticationTokenException",
            AuthenticationError::Unrecognized => "UnrecognizedClientException",
            AuthenticationError::Expired => "ExpiredTokenException",
            AuthenticationError::Signature(_) => "InvalidSignatureException",
        };
        Self::new(name, error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"__type": self.name, "message": self.message}).to_string();
        let headers = [
            (CONTENT_TYPE.as_str(), AWS_JSON),
            ("x-amzn-errortype", self.name),
        ];
        (self.status, headers, body).into_response()
    }
}
