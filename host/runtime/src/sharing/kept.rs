//! What was fetched, on disk, so that a registry is asked once for what a digest pins.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};
use stepyard_grammar::{Digest, ImageReference};
use tempfile::NamedTempFile;

use crate::private_folder::{self, PrivateFolderError};
use crate::registry::has_digest;

/// How much is kept, in bytes; what was fetched first goes first.
const MOST_BYTES: u64 = 2 << 30;
/// How long a fetch may take before its unfinished file counts as left behind.
const UNFINISHED: Duration = Duration::from_secs(24 * 60 * 60);
const COMPONENT: &str = "wasm";
const MANIFEST: &str = "json";
const PARTIAL: &str = "partial";

/// A folder of fetched components.
///
/// A manifest is kept for each repository that it was fetched from: that a digest is known says
/// nothing about another repository. Its bytes are held against the digest again when it is used, and
/// so are the component's when it is loaded.
#[derive(Clone, Debug)]
pub(super) struct KeptComponents {
    folder: PathBuf,
}

impl KeptComponents {
    /// Uses this folder, which is made where it does not exist.
    pub(super) fn open(folder: &Path) -> Result<Self, PrivateFolderError> {
        private_folder::make(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// The manifest that a reference pins, where it was fetched from there before.
    pub(super) fn manifest(&self, reference: &ImageReference, digest: &Digest) -> Option<Vec<u8>> {
        let content = fs::read(self.manifest_path(reference, digest)).ok()?;
        has_digest(&content, digest).then_some(content)
    }

    /// The file of a component, where it is there.
    pub(super) fn component(&self, digest: &Digest) -> Option<PathBuf> {
        let path = self.component_path(digest);
        path.is_file().then_some(path)
    }

    /// A file to fetch into, which goes unless it is [kept](Self::keep).
    pub(super) fn begin(&self) -> std::io::Result<NamedTempFile> {
        tempfile::Builder::new()
            .suffix(&format!(".{PARTIAL}"))
            .tempfile_in(&self.folder)
    }

    /// Keeps a component whose digest was verified.
    pub(super) fn keep(&self, file: NamedTempFile, digest: &Digest) -> std::io::Result<PathBuf> {
        file.as_file().sync_data()?;
        let path = self.component_path(digest);
        file.persist(&path)?;
        if let Err(error) = self.drop_oldest(&path) {
            tracing::warn!(folder = %self.folder.display(), %error, "old components were not dropped");
        }
        Ok(path)
    }

    /// Keeps the manifest that a reference pins.
    pub(super) fn keep_manifest(
        &self,
        (reference, digest): (&ImageReference, &Digest),
        content: &[u8],
    ) -> std::io::Result<()> {
        let mut file = self.begin()?;
        file.write_all(content)?;
        file.persist(self.manifest_path(reference, digest))?;
        Ok(())
    }

    /// Drops a component that turned out to be damaged.
    pub(super) fn forget(&self, digest: &Digest) -> std::io::Result<()> {
        fs::remove_file(self.component_path(digest))
    }

    fn component_path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{}.{COMPONENT}", digest.hex()))
    }

    fn manifest_path(&self, reference: &ImageReference, digest: &Digest) -> PathBuf {
        let repository = format!("{}/{}", reference.registry(), reference.repository());
        let repository = Digest::from_sha256(Sha256::digest(repository).into());
        let repository = repository.hex().get(..32).unwrap_or_default();
        self.folder
            .join(format!("{}-{repository}.{MANIFEST}", digest.hex()))
    }

    /// Drops what is too much, but never `newest`, and what was left behind.
    fn drop_oldest(&self, newest: &Path) -> std::io::Result<()> {
        let mut kept: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            // Somebody else may have dropped it meanwhile.
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            let (path, modified) = (entry.path(), metadata.modified()?);
            let extension = path.extension().and_then(std::ffi::OsStr::to_str);
            match extension {
                Some(COMPONENT | MANIFEST) if path != newest => {
                    kept.push((modified, metadata.len(), path));
                }
                Some(PARTIAL) if modified.elapsed().is_ok_and(|age| age > UNFINISHED) => {
                    fs::remove_file(path)?;
                }
                _ => {}
            }
        }
        kept.sort();
        let own = fs::metadata(newest)?.len();
        let mut total = kept.iter().map(|(_, size, _)| size).sum::<u64>() + own;
        for (_, size, path) in kept {
            if total <= MOST_BYTES {
                break;
            }
            fs::remove_file(path)?;
            total -= size;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest_of(content: &[u8]) -> Digest {
        Digest::from_sha256(Sha256::digest(content).into())
    }

    #[test]
    fn a_manifest_is_kept_for_its_own_repository() {
        let folder = tempfile::tempdir().unwrap();
        let kept = KeptComponents::open(&folder.path().join("fetched")).unwrap();
        let reference = |text: &str| ImageReference::parse(text).unwrap();
        let own = reference("r.example.com/team/a:1");
        let digest = digest_of(b"{}");
        assert_eq!(kept.manifest(&own, &digest), None);
        kept.keep_manifest((&own, &digest), b"{}").unwrap();
        assert_eq!(kept.manifest(&own, &digest).as_deref(), Some(&b"{}"[..]));
        for other in ["r.example.com/team/b", "other.example.com/team/a"] {
            assert_eq!(kept.manifest(&reference(other), &digest), None);
        }
        // Other bytes than those that were kept are none.
        fs::write(kept.manifest_path(&own, &digest), b"{ }").unwrap();
        assert_eq!(kept.manifest(&own, &digest), None);
    }

    #[test]
    fn the_first_to_come_are_the_first_to_go() {
        let folder = tempfile::tempdir().unwrap();
        let kept = KeptComponents::open(&folder.path().join("fetched")).unwrap();
        let mut paths = Vec::new();
        for (index, content) in [b"a", b"b", b"c"].into_iter().enumerate() {
            let file = kept.begin().unwrap();
            // Sparse: it has a size, and takes no room.
            file.as_file().set_len(MOST_BYTES / 2).unwrap();
            let age = Duration::from_secs(60 - index as u64);
            file.as_file()
                .set_modified(SystemTime::now() - age)
                .unwrap();
            paths.push(kept.keep(file, &digest_of(content)).unwrap());
        }
        let there: Vec<bool> = paths.iter().map(|path| path.exists()).collect();
        assert_eq!(there, [false, true, true]);
    }
}
