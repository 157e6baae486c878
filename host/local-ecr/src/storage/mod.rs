//! What survives a restart: repositories, images and blobs, as files in the data folder.
//!
//! ```text
//! lock                 held while a server uses the folder
//! key                  what tokens and temporary credentials are signed with
//! temporary/           uploads under way and files being written; emptied at the start
//! registries/ACCOUNT/NAME.RANDOM/    one repository
//! ```

mod blobs;
mod error;
pub(crate) mod files;
mod image;
mod manifest;
mod records;
mod repositories;
mod repository;
mod scans;
mod uploads;

pub(crate) use error::StorageError;
pub(crate) use image::{Image, ImageReference, TaggedImage};
pub(crate) use repositories::Repositories;
pub(crate) use repository::{Repository, Settings};
pub(crate) use uploads::{Upload, Uploads};

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The data folder of one server.
#[derive(Debug)]
pub(crate) struct Storage {
    pub(crate) repositories: Repositories,
    pub(crate) uploads: Uploads,
    /// Unlocked when closed.
    _lock: File,
}

impl Storage {
    /// Opens the data folder, which is made if need be. Blocks.
    ///
    /// # Errors
    /// [`StorageError::FolderInUse`] while another server has it open; I/O and damaged files.
    pub(crate) fn open(folder: &Path) -> Result<Self, StorageError> {
        files::create_folder(folder)?;
        let path = folder.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(StorageError::io("open", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(StorageError::FolderInUse {
                    path: folder.to_owned(),
                });
            }
            Err(fs::TryLockError::Error(error)) => {
                return Err(StorageError::io("lock", &path)(error));
            }
        }
        let temporary = folder.join("temporary");
        if temporary.exists() {
            fs::remove_dir_all(&temporary).map_err(StorageError::io("empty", &temporary))?;
        }
        files::create_folder(&temporary)?;
        Ok(Self {
            repositories: Repositories::load(folder.join("registries"), temporary.clone())?,
            uploads: Uploads::new(temporary),
            _lock: lock,
        })
    }
}

/// Runs `work`, which may block, aside. It runs to its end even if the caller is dropped, so that
/// disk and memory always agree.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| StorageError::Stopped(error.to_string()))?
}
