//! A folder in OCI image layout, whose blobs are read and written by their digests.

use std::{
    io::{self, Read, Seek, SeekFrom, Write},
    time::SystemTime,
};

use cap_std::fs::{Dir, File, OpenOptions};
use sha2::{Digest as _, Sha256};

use crate::random::random_identifier;

const BLOBS: &str = "blobs/sha256";
/// Where containerd's own store keeps what is not whole yet.
const INGEST: &str = "ingest";

/// Why a blob cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// It is not `sha256:` and 64 lower-case hexadecimal digits.
    #[error("{0:?} is no SHA-256 digest")]
    InvalidDigest(String),
    /// The store has no such blob.
    #[error("the store has no blob {0}")]
    NotFound(String),
    /// A reader or writer asks for a place where nothing is.
    #[error("offset {asked} is not possible, the content ends at {end}")]
    OutOfRange {
        /// The place.
        asked: i64,
        /// The end.
        end: u64,
    },
    /// What was written is not what was announced.
    #[error("the content has {what} {found}, {expected} was announced")]
    Mismatch {
        /// `size` or `digest`
        what: &'static str,
        /// What it is.
        found: String,
        /// What it was to be.
        expected: String,
    },
    /// The cache is only read from.
    #[error("the store is not written to")]
    ReadOnly,
    /// The file system refused.
    #[error("the store cannot {action}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The cause.
        source: io::Error,
    },
}

fn io_error(action: &'static str) -> impl Fn(io::Error) -> StoreError {
    move |source| StoreError::Io { action, source }
}

/// The digest of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlobDigest(String);

impl BlobDigest {
    /// # Errors
    /// [`StoreError::InvalidDigest`].
    pub(crate) fn parse(text: &str) -> Result<Self, StoreError> {
        let is_hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        match text.strip_prefix("sha256:") {
            Some(digits) if digits.len() == 64 && digits.bytes().all(is_hexadecimal) => {
                Ok(Self(digits.to_owned()))
            }
            _ => Err(StoreError::InvalidDigest(text.chars().take(100).collect())),
        }
    }

    fn of(hash: Sha256) -> Self {
        let digits = hash.finalize();
        Self(digits.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn path(&self) -> String {
        format!("{BLOBS}/{}", self.0)
    }
}

impl std::fmt::Display for BlobDigest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "sha256:{}", self.0)
    }
}

/// A folder in OCI image layout. Links that lead out of it are never followed.
#[derive(Debug)]
pub(crate) struct Store {
    directory: Dir,
    is_writable: bool,
}

/// What the store knows of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BlobInformation {
    /// In bytes.
    pub(crate) size: u64,
    /// When it was written.
    pub(crate) modified: Option<SystemTime>,
}

impl Store {
    pub(crate) fn new(directory: Dir) -> Self {
        Self {
            directory,
            is_writable: true,
        }
    }

    /// A store whose blobs are only read.
    pub(crate) fn read_only(directory: Dir) -> Self {
        Self {
            directory,
            is_writable: false,
        }
    }

    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Io`].
    pub(crate) fn information(&self, digest: &BlobDigest) -> Result<BlobInformation, StoreError> {
        let metadata = self
            .directory
            .metadata(digest.path())
            .map_err(|source| on_blob(digest, source))?;
        Ok(BlobInformation {
            size: metadata.len(),
            modified: metadata.modified().ok().map(|time| time.into_std()),
        })
    }

    /// The bytes of a blob from `offset` on, `size` of them or to its end for 0.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::OutOfRange`], [`StoreError::Io`].
    pub(crate) fn read(
        &self,
        digest: &BlobDigest,
        offset: i64,
        size: i64,
    ) -> Result<impl Read + use<>, StoreError> {
        let end = self.information(digest)?.size;
        let start = u64::try_from(offset).unwrap_or(0);
        if start > end {
            return Err(StoreError::OutOfRange { asked: offset, end });
        }
        let size = match u64::try_from(size) {
            Ok(0) | Err(_) => u64::MAX,
            Ok(size) => size,
        };
        let mut file = self
            .directory
            .open(digest.path())
            .map_err(|source| on_blob(digest, source))?;
        file.seek(SeekFrom::Start(start))
            .map_err(io_error("read a blob"))?;
        Ok(file.take(size))
    }

    /// Begins a blob.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], [`StoreError::Io`].
    pub(crate) fn write(&self) -> Result<BlobWriter, StoreError> {
        if !self.is_writable {
            return Err(StoreError::ReadOnly);
        }
        let begin = || {
            self.directory.create_dir_all(INGEST)?;
            self.directory.create_dir_all(BLOBS)?;
            let path = format!(
                "{INGEST}/{}",
                random_identifier().map_err(io::Error::other)?
            );
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            let file = self.directory.open_with(&path, &options)?;
            Ok(BlobWriter {
                file,
                hash: Sha256::new(),
                size: 0,
                partial: PartialBlob {
                    directory: self.directory.try_clone()?,
                    path,
                },
            })
        };
        begin().map_err(io_error("begin a blob"))
    }
}

fn on_blob(digest: &BlobDigest, source: io::Error) -> StoreError {
    match source.kind() {
        io::ErrorKind::NotFound => StoreError::NotFound(digest.to_string()),
        _ => io_error("read a blob")(source),
    }
}

/// A blob that is being written; nothing is left of it where it is not committed.
pub(crate) struct BlobWriter {
    file: File,
    hash: Sha256,
    size: u64,
    partial: PartialBlob,
}

struct PartialBlob {
    directory: Dir,
    path: String,
}

impl BlobWriter {
    /// How many bytes were written.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Appends; an offset of 0 begins anew.
    ///
    /// # Errors
    /// [`StoreError::OutOfRange`], [`StoreError::Io`].
    pub(crate) fn write(&mut self, offset: i64, data: &[u8]) -> Result<(), StoreError> {
        let failed = io_error("write a blob");
        if offset <= 0 && self.size > 0 {
            self.file.set_len(0).map_err(&failed)?;
            self.file.rewind().map_err(&failed)?;
            self.hash = Sha256::new();
            self.size = 0;
        } else if u64::try_from(offset).unwrap_or(0) != self.size {
            return Err(StoreError::OutOfRange {
                asked: offset,
                end: self.size,
            });
        }
        self.file.write_all(data).map_err(&failed)?;
        self.hash.update(data);
        self.size += u64::try_from(data.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    /// Keeps the blob under its digest, if it is what was announced: `total` bytes, unless 0, with
    /// the digest `expected`, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Mismatch`], [`StoreError::Io`].
    pub(crate) fn commit(
        self,
        total: i64,
        expected: Option<&BlobDigest>,
    ) -> Result<BlobDigest, StoreError> {
        if total > 0 && u64::try_from(total) != Ok(self.size) {
            return Err(StoreError::Mismatch {
                what: "size",
                found: self.size.to_string(),
                expected: total.to_string(),
            });
        }
        let digest = BlobDigest::of(self.hash);
        if let Some(expected) = expected.filter(|expected| **expected != digest) {
            return Err(StoreError::Mismatch {
                what: "digest",
                found: digest.to_string(),
                expected: expected.to_string(),
            });
        }
        let PartialBlob { directory, path } = &self.partial;
        directory
            .rename(path, directory, digest.path())
            .map_err(io_error("keep a blob"))?;
        Ok(digest)
    }
}

impl Drop for PartialBlob {
    fn drop(&mut self) {
        // After a commit nothing is there any more.
        let _ = self.directory.remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;

    use super::*;

    const HELLO: &str = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let directory = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        (folder, Store::new(directory))
    }

    fn digest(text: &str) -> BlobDigest {
        BlobDigest::parse(text).unwrap()
    }

    fn read(store: &Store, offset: i64, size: i64) -> Result<String, StoreError> {
        let mut text = String::new();
        let mut content = store.read(&digest(HELLO), offset, size)?;
        content.read_to_string(&mut text).unwrap();
        Ok(text)
    }

    #[test]
    fn a_blob_is_there_when_it_is_whole() {
        let (folder, store) = store();
        let missing = store.information(&digest(HELLO)).unwrap_err();
        assert!(matches!(missing, StoreError::NotFound(_)), "{missing}");
        let mut writer = store.write().unwrap();
        writer.write(0, b"wrong").unwrap();
        // The writer begins anew.
        writer.write(0, b"hel").unwrap();
        writer.write(3, b"lo").unwrap();
        let error = writer.write(3, b"lo").unwrap_err();
        assert_eq!(
            error.to_string(),
            "offset 3 is not possible, the content ends at 5"
        );
        assert!(store.information(&digest(HELLO)).is_err());
        let written = writer.commit(5, Some(&digest(HELLO))).unwrap();
        assert_eq!(written.to_string(), HELLO);
        assert_eq!(store.information(&written).unwrap().size, 5);
        let at = folder.path().join(written.path());
        assert_eq!(std::fs::read_to_string(at).unwrap(), "hello");
        for (offset, size, expected) in [
            (0, 0, "hello"),
            (-1, 0, "hello"),
            (1, 3, "ell"),
            (3, 100, "lo"),
            (5, 0, ""),
        ] {
            assert_eq!(read(&store, offset, size).unwrap(), expected);
        }
        let error = read(&store, 6, 1).unwrap_err();
        assert!(matches!(error, StoreError::OutOfRange { .. }), "{error}");
    }

    #[test]
    fn a_cache_that_is_read_is_not_written() {
        let (folder, store) = store();
        let store = Store::read_only(store.directory);
        assert!(matches!(store.write(), Err(StoreError::ReadOnly)));
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
    }

    #[test]
    fn what_is_not_as_announced_is_not_kept() {
        let other = digest(&format!("sha256:{}", "0".repeat(64)));
        for (total, expected, problem) in [
            (4, None, "the content has size 5, 4 was announced"),
            (5, Some(&other), "the content has digest sha256:2cf2"),
            (0, None, ""),
        ] {
            let (folder, store) = store();
            let mut writer = store.write().unwrap();
            writer.write(0, b"hello").unwrap();
            match writer.commit(total, expected) {
                Ok(_) => assert_eq!(problem, ""),
                Err(error) => {
                    assert!(error.to_string().starts_with(problem), "{error}");
                    let mut blobs = std::fs::read_dir(folder.path().join(BLOBS)).unwrap();
                    assert!(blobs.next().is_none());
                }
            }
            let mut partial = std::fs::read_dir(folder.path().join(INGEST)).unwrap();
            assert!(partial.next().is_none());
        }
    }

    #[test]
    fn only_digests_lead_to_files() {
        for text in [
            "",
            "sha256:",
            "sha256:../../../etc/passwd",
            "sha512:00",
            &HELLO.to_uppercase(),
            &HELLO[..70],
            &format!("{HELLO}0"),
        ] {
            assert!(BlobDigest::parse(text).is_err(), "{text}");
        }
        let (folder, store) = store();
        std::fs::create_dir_all(folder.path().join(BLOBS)).unwrap();
        let outside = folder.path().join(digest(HELLO).path());
        std::os::unix::fs::symlink("/etc/passwd", outside).unwrap();
        let error = read(&store, 0, 0).unwrap_err();
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
    }
}
