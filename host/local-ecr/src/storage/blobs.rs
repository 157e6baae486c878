use super::{Repository, StorageError, files};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::PathBuf;
use tempfile::NamedTempFile;

impl Repository {
    pub(super) fn blob_path(&self, digest: &str) -> PathBuf {
        self.folder
            .join("blobs")
            .join(digest.trim_start_matches("sha256:"))
    }

    /// The size of a blob in bytes.
    pub(crate) fn blob_size(&self, digest: &str) -> Result<u64, StorageError> {
        let path = self.blob_path(digest);
        self.while_present(|| {
            fs::metadata(&path)
                .map(|metadata| metadata.len())
                .map_err(|error| self.blob_error(digest, error))
        })
    }

    /// A blob, open for reading. It stays readable if the repository is deleted meanwhile.
    pub(crate) fn open_blob(&self, digest: &str) -> Result<File, StorageError> {
        let path = self.blob_path(digest);
        self.while_present(|| File::open(&path).map_err(|error| self.blob_error(digest, error)))
    }

    /// Takes a written, verified temporary file in as the blob `digest`.
    pub(super) fn adopt_blob(&self, file: NamedTempFile, digest: &str) -> Result<(), StorageError> {
        // Flushed before the repository is locked: gigabytes may take seconds.
        file.as_file()
            .sync_all()
            .map_err(StorageError::io("write", file.path()))?;
        self.while_present(|| files::persist(file, &self.blob_path(digest)))
    }

    /// Takes the blob `digest` over from another repository, as a hard link.
    ///
    /// # Errors
    /// [`StorageError::BlobNotFound`] where the other repository lacks it.
    pub(crate) fn mount_blob(&self, from: &Self, digest: &str) -> Result<(), StorageError> {
        let target = self.blob_path(digest);
        self.while_present(|| match fs::hard_link(from.blob_path(digest), &target) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(from.blob_error(digest, error)),
            Ok(()) => files::sync_folder(&self.folder.join("blobs")),
        })
    }

    fn blob_error(&self, digest: &str, error: std::io::Error) -> StorageError {
        if error.kind() == ErrorKind::NotFound {
            StorageError::BlobNotFound {
                name: self.name.clone(),
                digest: digest.to_owned(),
            }
        } else {
            StorageError::io("read", &self.blob_path(digest))(error)
        }
    }
}
