use std::io;
use std::path::{Path, PathBuf};

/// Why the storage refused or failed. The texts are the ones ECR answers with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StorageError {
    #[error("The repository with name '{name}' does not exist in the registry with id '{account}'")]
    RepositoryNotFound { account: String, name: String },
    #[error("The repository with name '{name}' already exists in the registry with id '{account}'")]
    RepositoryAlreadyExists { account: String, name: String },
    #[error(
        "The repository with name '{name}' in registry with id '{account}' cannot be deleted because it still contains images"
    )]
    RepositoryNotEmpty { account: String, name: String },
    #[error(
        "The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within the repository with name '{name}' in the registry with id '{account}'"
    )]
    ImageNotFound {
        account: String,
        name: String,
        digest: String,
        tag: String,
    },
    #[error(
        "The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because the tag is immutable."
    )]
    TagImmutable { name: String, tag: String },
    #[error("The image {digest} is referenced by the image index {parent}; delete that first")]
    ImageReferenced { digest: String, parent: String },
    #[error(
        "Image scan does not exist for the image with '{{imageDigest:'{digest}', imageTag:'{tag}'}}' in the repository with name '{name}' in the registry with id '{account}'"
    )]
    ScanNotFound {
        account: String,
        name: String,
        digest: String,
        tag: String,
    },
    #[error("The scan quota per image has been exceeded. Wait and try again.")]
    ScannedAlready,
    #[error("The operation is not supported for images of the type '{media_type}'")]
    NotScannable { media_type: String },
    #[error("The layer '{digest}' does not exist in the repository '{name}'")]
    BlobNotFound { name: String, digest: String },
    #[error("The image manifest references {digest}, which is not in the repository '{name}'")]
    ReferenceNotFound {
        name: String,
        digest: String,
        is_manifest: bool,
    },
    #[error("The digest given is {expected}, but the content has {actual}")]
    DigestMismatch { expected: String, actual: String },
    #[error("Invalid image manifest: {0}")]
    ManifestInvalid(String),
    #[error("The upload '{0}' does not exist or has been completed")]
    UploadNotFound(String),
    #[error("The upload '{0}' is being written to by another request")]
    UploadBusy(String),
    #[error("The request body ended early: {0}")]
    BodyInterrupted(String),
    #[error("{path} is in use by another server: stop it, or choose another data folder")]
    FolderInUse { path: PathBuf },
    #[error("{path} holds no valid metadata: {reason}")]
    Corrupt { path: PathBuf, reason: String },
    #[error("cannot {action} {path}: {source}")]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("a storage task was stopped: {0}")]
    Stopped(String),
}

impl StorageError {
    /// Makes the function that turns an I/O error into a [`StorageError`], for `map_err`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
