//! A component's bytes: in memory, or in a file that is read whole only where it must be compiled.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use stepyard_grammar::Digest;

use crate::sharing::Fetched;

/// How much of a file is read at once.
const CHUNK: usize = 128 << 10;

/// A component's bytes.
pub(super) enum Content {
    /// Part of this program.
    Static(&'static [u8]),
    /// Held by somebody.
    Held(Vec<u8>),
    /// In this file.
    File(PathBuf),
    /// In a file that is there as long as this is.
    Fetched(Fetched),
}

impl Content {
    fn held(&self) -> Option<&[u8]> {
        match self {
            Self::Static(bytes) => Some(bytes),
            Self::Held(bytes) => Some(bytes),
            Self::File(_) | Self::Fetched(_) => None,
        }
    }

    /// The file, where it is in one.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Fetched(fetched) => &fetched.path,
            Self::Static(_) | Self::Held(_) => Path::new(""),
        }
    }

    /// Its SHA-256 digest, and its size in bytes.
    pub(super) fn digest(&self) -> io::Result<(Digest, u64)> {
        if let Some(bytes) = self.held() {
            return Ok((digest_of(bytes), bytes.len() as u64));
        }
        let mut file = File::open(self.path())?;
        let mut hasher = Sha256::new();
        let mut chunk = vec![0; CHUNK];
        let mut size = 0;
        loop {
            let read = file.read(&mut chunk)?;
            let Some(read @ [_, ..]) = chunk.get(..read) else {
                return Ok((Digest::from_sha256(hasher.finalize().into()), size));
            };
            hasher.update(read);
            size += read.len() as u64;
        }
    }

    /// The bytes with this digest, which [`Content::digest`] gave.
    pub(super) fn read(&self, digest: &Digest) -> io::Result<Cow<'_, [u8]>> {
        if let Some(bytes) = self.held() {
            return Ok(Cow::Borrowed(bytes));
        }
        let bytes = std::fs::read(self.path())?;
        match digest_of(&bytes) == *digest {
            true => Ok(Cow::Owned(bytes)),
            false => Err(io::Error::other("it was changed while it was read")),
        }
    }
}

fn digest_of(bytes: &[u8]) -> Digest {
    Digest::from_sha256(Sha256::digest(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_bytes_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wasm");
        for size in [0, 1, CHUNK, 3 * CHUNK + 1] {
            let bytes = vec![7; size];
            std::fs::write(&path, &bytes).unwrap();
            let file = Content::File(path.clone());
            let (digest, found) = file.digest().unwrap();
            assert_eq!((digest.clone(), found), (digest_of(&bytes), size as u64));
            assert_eq!(*file.read(&digest).unwrap(), *bytes);
        }
        let (digest, _) = Content::File(path.clone()).digest().unwrap();
        std::fs::write(&path, "another").unwrap();
        let error = Content::File(path).read(&digest).unwrap_err();
        assert_eq!(error.to_string(), "it was changed while it was read");
    }
}
