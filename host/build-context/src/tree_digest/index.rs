//! The file of the stat index.
//!
//! A header with the version; per file the length of its path, the path, its [`Stamp`] and its
//! [`ContentDigest`], all numbers in little endian; at the end the SHA-256 of what precedes it.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read, Write},
    path::Path,
};

use sha2::{Digest, Sha256};

use super::{ContentDigest, Stamp};

const HEADER: &[u8] = b"stepyard stat index 1\n";
/// The largest index that is read or written, in bytes: that of some 500,000 files.
const LARGEST: usize = 64 << 20;

/// What was remembered of a context.
#[derive(Default)]
pub(super) struct StatIndex {
    known: HashMap<Box<str>, (Stamp, ContentDigest)>,
}

impl StatIndex {
    /// Reads the file; one that cannot be used is empty.
    pub(super) fn read(path: &Path) -> Self {
        let Ok(content) = read_bounded(path) else {
            return Self::default();
        };
        let known = checked(&content).and_then(entries);
        Self {
            known: known.unwrap_or_default(),
        }
    }

    /// The content of the file at `path`, where it is still the one that was remembered.
    pub(super) fn content(&self, path: &str, stamp: &Stamp) -> Option<ContentDigest> {
        let (known, content) = self.known.get(path)?;
        (known == stamp).then_some(*content)
    }

    /// How many files are remembered.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }
}

/// Replaces the file. Whoever reads it meanwhile sees the old one or the new one.
pub(super) fn write<'entry>(
    path: &Path,
    entries: impl Iterator<Item = (&'entry str, Stamp, ContentDigest)>,
) -> io::Result<()> {
    let mut content = HEADER.to_vec();
    for (path, stamp, digest) in entries {
        let length = u32::try_from(path.len()).map_err(io::Error::other)?;
        content.extend(length.to_le_bytes());
        content.extend(path.as_bytes());
        content.extend(stamp.device.to_le_bytes());
        content.extend(stamp.inode.to_le_bytes());
        content.extend(stamp.size.to_le_bytes());
        content.extend(u64::from(stamp.mode).to_le_bytes());
        for (seconds, nanoseconds) in [stamp.modified, stamp.changed] {
            content.extend(seconds.to_le_bytes());
            content.extend(nanoseconds.to_le_bytes());
        }
        content.extend(digest);
        if content.len() > LARGEST {
            return Err(io::Error::other("the index would be too large"));
        }
    }
    content.extend(Sha256::digest(&content));
    let folder = path.parent().unwrap_or(Path::new("."));
    // Made for its user only.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&content)?;
    file.persist(path)?;
    Ok(())
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut content = Vec::new();
    file.take(LARGEST as u64 + 1).read_to_end(&mut content)?;
    Ok(content)
}

/// What is between the header and the checksum, where both are right.
fn checked(content: &[u8]) -> Option<&[u8]> {
    let (covered, checksum) = content.split_last_chunk::<32>()?;
    let entries = covered.strip_prefix(HEADER)?;
    (Sha256::digest(covered).as_slice() == checksum).then_some(entries)
}

fn entries(mut content: &[u8]) -> Option<HashMap<Box<str>, (Stamp, ContentDigest)>> {
    let mut known = HashMap::new();
    while !content.is_empty() {
        let length = u32::from_le_bytes(take(&mut content)?);
        let (path, rest) = content.split_at_checked(usize::try_from(length).ok()?)?;
        content = rest;
        let stamp = Stamp {
            device: u64::from_le_bytes(take(&mut content)?),
            inode: u64::from_le_bytes(take(&mut content)?),
            size: u64::from_le_bytes(take(&mut content)?),
            mode: u32::try_from(u64::from_le_bytes(take(&mut content)?)).ok()?,
            modified: time(&mut content)?,
            changed: time(&mut content)?,
        };
        known.insert(
            std::str::from_utf8(path).ok()?.into(),
            (stamp, take(&mut content)?),
        );
    }
    Some(known)
}

fn time(content: &mut &[u8]) -> Option<(i64, u32)> {
    let seconds = i64::from_le_bytes(take(content)?);
    Some((seconds, u32::from_le_bytes(take(content)?)))
}

fn take<const LENGTH: usize>(content: &mut &[u8]) -> Option<[u8; LENGTH]> {
    let (taken, rest) = content.split_first_chunk::<LENGTH>()?;
    *content = rest;
    Some(*taken)
}
