//! Compiled code on disk, so that a component is compiled once and not at every start.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use stepyard_grammar::Digest;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::private_folder::{self, PrivateFolderError, is_private};

/// How many compiled components are kept; the oldest go first.
const MOST_ENTRIES: usize = 200;

/// A folder that cannot hold compiled code.
#[derive(Debug, thiserror::Error)]
pub enum CodeCacheError {
    /// It cannot be made or read.
    #[error("the folder {path} for compiled components cannot be used: {source}")]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others than the user who runs the host could put code into it.
    #[error(
        "the folder {path} for compiled components must belong to the user who runs Stepyard and \
         be closed to others, because what is in it is run as native code; run: chmod 700 {path}, \
         or choose another folder"
    )]
    Exposed {
        /// The folder.
        path: PathBuf,
    },
}

/// A folder of compiled components. Only the user who runs the host may be able to write to it:
/// its files are native code.
#[derive(Clone, Debug)]
pub struct CodeCache {
    folder: PathBuf,
}

impl CodeCache {
    /// Uses the folder at `path`, which is made (for its user only) where it does not exist.
    ///
    /// # Errors
    /// Where it cannot be made, or others could write to it.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, CodeCacheError> {
        let folder = path.into();
        match private_folder::make(&folder) {
            Ok(()) => Ok(Self { folder }),
            Err(PrivateFolderError::Unusable { path, source }) => {
                Err(CodeCacheError::Unusable { path, source })
            }
            Err(PrivateFolderError::Exposed { path }) => Err(CodeCacheError::Exposed { path }),
        }
    }

    /// The compiled form of the component with this digest, where there is one for this engine.
    pub(super) fn load(&self, engine: &Engine, digest: &Digest) -> Option<Component> {
        let path = self.entry(engine, digest);
        if !fs::symlink_metadata(&path).is_ok_and(|file| file.is_file() && is_private(&file)) {
            return None;
        }
        // SAFETY: `deserialize_file` runs what the file says as native code, so the file has to be
        // what `store` wrote. The folder belongs to the user who runs this process and nobody else
        // may write to it (checked when it was opened), so nobody else can put a file there or
        // change one between the check above and this call; `store` writes only what this
        // engine's compiler made, and puts it in place whole by a rename after a sync. The name
        // holds the engine's compatibility hash, and wasmtime checks its own version and settings
        // in the file's header again.
        #[allow(unsafe_code)]
        let component = unsafe { Component::deserialize_file(engine, &path) };
        component.ok()
    }

    /// Keeps a compiled component. A failure is no failure of the run.
    pub(super) fn store(&self, engine: &Engine, digest: &Digest, component: &Component) {
        let stored = component
            .serialize()
            .map_err(std::io::Error::other)
            .and_then(|code| {
                let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
                file.write_all(&code)?;
                file.as_file().sync_data()?;
                file.persist(self.entry(engine, digest))?;
                self.drop_oldest()
            });
        if let Err(error) = stored {
            tracing::warn!(folder = %self.folder.display(), %error, "compiled code was not kept");
        }
    }

    fn entry(&self, engine: &Engine, digest: &Digest) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        self.folder
            .join(format!("{}-{:016x}.cwasm", digest.hex(), hasher.finish()))
    }

    fn drop_oldest(&self) -> std::io::Result<()> {
        let mut entries: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "cwasm")
            {
                entries.push((modified(&path)?, path));
            }
        }
        entries.sort();
        let surplus = entries.len().saturating_sub(MOST_ENTRIES);
        for (_, path) in entries.into_iter().take(surplus) {
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

fn modified(path: &Path) -> std::io::Result<SystemTime> {
    fs::metadata(path)?.modified()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_that_others_can_write_to_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o770)).unwrap();
        assert!(matches!(
            CodeCache::open(folder.path()),
            Err(CodeCacheError::Exposed { .. })
        ));
    }

    #[test]
    fn a_new_folder_is_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        CodeCache::open(&path).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }
}
