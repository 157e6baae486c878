//! Build contexts: files that compress to about a third, the same on every machine, of which one
//! changes.
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::error::{Doing, Result};

/// Layers of the image of large files.
const LAYERS: u64 = 6;
const MEBIBYTE: u64 = 1024 * 1024;
const BLOCK: usize = 4096;
/// Of a block, the part that does not compress.
const RANDOM: usize = BLOCK / 3;
const SMALL_FILES_IN_A_FOLDER: u64 = 100;
/// Of each small file, in bytes.
const SMALL: u64 = BLOCK as u64;

/// What is in a context, besides a Dockerfile that copies all of it onto nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A layer for each of several equal files, and a last one of 1 MiB, which is the one that changes.
    Large { mebibytes: u64 },
    /// Files of 4 KiB in folders of 100, in one layer; one of them changes.
    Small { files: u64 },
}

impl Content {
    /// What it is, for a title.
    pub(crate) fn title(self) -> String {
        match self {
            Self::Large { mebibytes } => format!("{mebibytes} MiB in {LAYERS} layers"),
            Self::Small { files } => format!("{files} files of {} KiB", SMALL / 1024),
        }
    }

    /// A context of the same kind, `divisor` times smaller.
    pub(crate) fn part(self, divisor: u64) -> Self {
        match self {
            Self::Large { mebibytes } => Self::Large {
                mebibytes: mebibytes / divisor,
            },
            Self::Small { files } => Self::Small {
                files: files / divisor,
            },
        }
    }

    /// What [`Content::change`] changes.
    pub(crate) fn changed(self) -> &'static str {
        match self {
            Self::Large { .. } => "1 MiB changed",
            Self::Small { .. } => "1 file changed",
        }
    }

    /// Writes the context into a new folder.
    pub(crate) fn write(self, folder: &Path) -> Result<()> {
        make(folder)?;
        let mut dockerfile = "FROM scratch\n".to_owned();
        match self {
            Self::Large { mebibytes } => {
                let large = (mebibytes.saturating_sub(1) / (LAYERS - 1)).max(1);
                for layer in 1..LAYERS {
                    let name = format!("part{layer}");
                    write_file(&folder.join(&name), layer, large * MEBIBYTE)?;
                    dockerfile.push_str(&format!("COPY {name} /data/{name}\n"));
                }
                dockerfile.push_str("COPY changing /data/changing\n");
            }
            Self::Small { files } => {
                for number in 0..files {
                    let place = folder.join(format!("files/{}", number / SMALL_FILES_IN_A_FOLDER));
                    if number % SMALL_FILES_IN_A_FOLDER == 0 {
                        make(&place)?;
                    }
                    write_file(&place.join(format!("{number}.txt")), number, SMALL)?;
                }
                dockerfile.push_str("COPY files /data\n");
            }
        }
        self.change(folder, 0)?;
        fs::write(folder.join("Dockerfile"), dockerfile).doing(|| "writing the Dockerfile".into())
    }

    /// Writes the one file anew; another `version` has other bytes.
    pub(crate) fn change(self, folder: &Path, version: u64) -> Result<()> {
        let seed = u64::from(u32::MAX) + version;
        match self {
            Self::Large { .. } => write_file(&folder.join("changing"), seed, MEBIBYTE),
            Self::Small { .. } => write_file(&folder.join("files/0/0.txt"), seed, SMALL),
        }
    }
}

fn make(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).doing(|| format!("making {}", folder.display()))
}

fn write_file(path: &Path, seed: u64, length: u64) -> Result<()> {
    let doing = || format!("writing {}", path.display());
    let mut file = BufWriter::new(File::create(path).doing(doing)?);
    let mut numbers = Numbers::new(seed);
    let mut block = [b'.'; BLOCK];
    for _ in 0..length / BLOCK as u64 {
        for bytes in block.chunks_mut(8).take(RANDOM / 8) {
            bytes.copy_from_slice(&numbers.next().to_le_bytes());
        }
        file.write_all(&block).doing(doing)?;
    }
    file.flush().doing(doing)
}

/// Marsaglia's xorshift64: fast, and the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn new(seed: u64) -> Self {
        // The state must not be zero, and near seeds should not start alike.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_files_are_the_same_each_time_and_one_changes() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
        let content = Content::Large { mebibytes: 11 };
        content.write(folder.path()).unwrap();
        assert_eq!(read("part1").len(), 2 * 1024 * 1024);
        assert_eq!(read("changing").len(), 1024 * 1024);
        assert_ne!(read("part1"), read("part2"));
        let (part, changing) = (read("part1"), read("changing"));
        content.write(folder.path()).unwrap();
        assert_eq!(
            (read("part1"), read("changing")),
            (part.clone(), changing.clone())
        );
        content.change(folder.path(), 1).unwrap();
        assert_eq!(read("part1"), part);
        assert_ne!(read("changing"), changing);
    }

    #[test]
    fn small_files_differ_and_one_changes() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str| fs::read(folder.path().join("files").join(name)).unwrap();
        let content = Content::Small { files: 101 };
        content.write(folder.path()).unwrap();
        assert_eq!(read("1/100.txt").len(), 4096);
        assert_ne!(read("0/1.txt"), read("0/2.txt"));
        let (changing, other) = (read("0/0.txt"), read("0/1.txt"));
        content.change(folder.path(), 1).unwrap();
        assert_ne!(read("0/0.txt"), changing);
        assert_eq!(read("0/1.txt"), other);
    }
}
