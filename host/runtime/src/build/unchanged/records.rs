//! Which image was pushed for a key, on disk.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};
use stepyard_grammar::Digest;

use super::key::{Key, hex};
use crate::private_folder::{self, PrivateFolderError};

/// How many records, and how many stat indexes, are kept; the oldest go first.
const MOST_FILES: usize = 1_000;
/// The longest record in bytes: a digest and a line end.
const LONGEST_RECORD: u64 = 256;
/// The end of a record's name.
const RECORD: &str = "pushed";
/// The end of a stat index's name.
const STAT_INDEX: &str = "files";

/// A folder that cannot hold records.
#[derive(Debug, thiserror::Error)]
#[error("the folder for records of pushed images: {0}")]
pub struct PushRecordsError(#[from] PrivateFolderError);

/// What was pushed for which build, one small file each, beside the stat indexes of the contexts.
///
/// A record is trusted: who can write one can let a build end with any image of the same
/// repository. So the folder must be closed to other users.
#[derive(Clone, Debug)]
pub struct PushRecords {
    folder: PathBuf,
}

impl PushRecords {
    /// Uses the folder at `path`, which is made (for its user only) where it does not exist.
    ///
    /// # Errors
    /// Where it cannot be made, or others could write to it.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, PushRecordsError> {
        let folder = path.into();
        private_folder::make(&folder)?;
        Ok(Self { folder })
    }

    /// The image that was pushed for `key`.
    pub(super) async fn find(&self, key: &Key) -> Option<Digest> {
        let path = self.path(key.as_str(), RECORD);
        let read = tokio::task::spawn_blocking(move || {
            let mut text = String::new();
            let file = fs::File::open(path)?;
            file.take(LONGEST_RECORD).read_to_string(&mut text)?;
            io::Result::Ok(text)
        });
        Digest::parse(read.await.ok()?.ok()?.trim_end()).ok()
    }

    /// Notes that `digest` was pushed for `key`, in one step.
    pub(super) async fn keep(&self, key: &Key, digest: Digest) -> Result<(), String> {
        let (records, path) = (self.clone(), self.path(key.as_str(), RECORD));
        let kept = tokio::task::spawn_blocking(move || {
            let mut file = tempfile::NamedTempFile::new_in(&records.folder)?;
            writeln!(file, "{digest}")?;
            file.persist(path)?;
            records.drop_oldest(RECORD)?;
            records.drop_oldest(STAT_INDEX)
        });
        match kept.await {
            Ok(kept) => kept.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The file of the stat index for the folder that `parts` name within a workspace.
    pub(super) fn stat_index(&self, workspace: &Path, parts: &[&str]) -> PathBuf {
        let mut name = Sha256::new_with_prefix(workspace.as_os_str().as_encoded_bytes());
        for part in parts {
            name.update([0]);
            name.update(part);
        }
        self.path(&hex(&name.finalize()), STAT_INDEX)
    }

    fn path(&self, name: &str, extension: &str) -> PathBuf {
        self.folder.join(name).with_extension(extension)
    }

    fn drop_oldest(&self, extension: &str) -> io::Result<()> {
        let mut files: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|own| own == extension) {
                // Another run may drop it at the same time.
                if let Ok(metadata) = fs::metadata(&path) {
                    files.push((metadata.modified()?, path));
                }
            }
        }
        files.sort();
        let surplus = files.len().saturating_sub(MOST_FILES);
        for (_, path) in files.into_iter().take(surplus) {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}
