//! The folder whose files a step may read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A workspace, opened once, so that what a step reads is below it even where somebody replaces a
/// folder of its path afterwards.
#[derive(Clone, Debug)]
pub struct Workspace {
    path: PathBuf,
    directory: Arc<cap_std::fs::Dir>,
}

impl Workspace {
    /// Opens the folder at `path`.
    ///
    /// # Errors
    /// Where it does not exist, is no folder, or cannot be read.
    pub fn open(path: impl Into<PathBuf>) -> std::io::Result<Self> {
        let path = std::path::absolute(path.into())?;
        let directory = cap_std::fs::Dir::open_ambient_dir(&path, cap_std::ambient_authority())?;
        Ok(Self {
            path,
            directory: Arc::new(directory),
        })
    }

    /// Where it is, as an absolute path: for messages and for keys, not for reading files.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The opened folder. Paths below it never lead out, symbolic links included.
    pub fn directory(&self) -> &cap_std::fs::Dir {
        &self.directory
    }
}
