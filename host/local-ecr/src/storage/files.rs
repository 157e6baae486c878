//! Files and folders that only their owner can read, written whole or not at all.

use super::StorageError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use tempfile::NamedTempFile;

/// Makes `folder` and its parents with mode 0700; one that exists is left as it is.
pub(crate) fn create_folder(folder: &Path) -> Result<(), StorageError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(StorageError::io("create the folder", folder))
}

/// Moves a temporary file to `target` so that it survives a crash: content first, then the name.
pub(crate) fn persist(file: NamedTempFile, target: &Path) -> Result<(), StorageError> {
    file.as_file()
        .sync_all()
        .map_err(StorageError::io("write", target))?;
    file.persist(target)
        .map_err(|error| StorageError::io("rename the temporary file to", target)(error.error))?;
    if let Some(folder) = target.parent() {
        sync_folder(folder)?;
    }
    Ok(())
}

/// Flushes a folder's entries to disk.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), StorageError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(StorageError::io("flush the folder", folder))
}

/// Writes `content` to `target` by way of a file in the folder `temporary`. Mode 0600.
pub(crate) fn write(temporary: &Path, target: &Path, content: &[u8]) -> Result<(), StorageError> {
    let mut file = NamedTempFile::new_in(temporary)
        .map_err(StorageError::io("create a file in", temporary))?;
    file.write_all(content)
        .map_err(StorageError::io("write", target))?;
    persist(file, target)
}

/// Writes `value` to `target` as JSON; see [`write()`].
pub(crate) fn write_json(
    temporary: &Path,
    target: &Path,
    value: &impl Serialize,
) -> Result<(), StorageError> {
    let content = serde_json::to_vec_pretty(value).map_err(|error| StorageError::Corrupt {
        path: target.to_owned(),
        reason: error.to_string(),
    })?;
    write(temporary, target, &content)
}

/// Reads what [`write_json`] wrote.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, StorageError> {
    let content = fs::read(path).map_err(StorageError::io("read", path))?;
    serde_json::from_slice(&content).map_err(|error| StorageError::Corrupt {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

/// The names in a folder.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>, StorageError> {
    let failed = |error| StorageError::io("list", folder)(error);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry
            .map_err(|error| StorageError::io("list", folder)(error))?
            .file_name();
        names.push(name.to_string_lossy().into_owned());
    }
    Ok(names)
}
