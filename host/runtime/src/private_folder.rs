//! Folders that only the user who runs the host may write to.

use std::fs;
use std::path::{Path, PathBuf};

/// A folder that is not private.
#[derive(Debug, thiserror::Error)]
pub enum PrivateFolderError {
    /// It cannot be made or read.
    #[error("{path} cannot be used: {source}")]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others than the user who runs the host could put files into it.
    #[error(
        "{path} must belong to the user who runs Stepyard and be closed to others; run: chmod 700 \
         {path}, or choose another folder"
    )]
    Exposed {
        /// The folder.
        path: PathBuf,
    },
}

/// Makes the folder (for its user only) where it does not exist, and checks that nobody else may
/// write to it.
///
/// # Errors
/// Where it cannot be made, or others could write to it.
pub(crate) fn make(folder: &Path) -> Result<(), PrivateFolderError> {
    let unusable = |source| PrivateFolderError::Unusable {
        path: folder.to_owned(),
        source,
    };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(unusable)?;
    if is_private(&fs::metadata(folder).map_err(unusable)?) {
        Ok(())
    } else {
        Err(PrivateFolderError::Exposed {
            path: folder.to_owned(),
        })
    }
}

/// Whether only the user of this process may write.
#[cfg(unix)]
pub(crate) fn is_private(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    metadata.uid() == rustix::process::geteuid().as_raw()
        && metadata.permissions().mode() & 0o022 == 0
}
