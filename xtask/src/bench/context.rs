//! A build context: large files that compress to about a third, the same on every machine, and one
//! small file that changes.
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::error::{Doing, Result};

/// Layers of the image besides the base image's.
const LAYERS: u64 = 6;
const MEBIBYTE: u64 = 1024 * 1024;
const BLOCK: usize = 4096;
/// Of a block, the part that does not compress.
const RANDOM: usize = BLOCK / 3;

/// Writes a Dockerfile, one file for each layer but the last, and a last one of 1 MiB.
pub(crate) fn write(folder: &Path, base_image: &str, mebibytes: u64) -> Result<()> {
    fs::create_dir_all(folder).doing(|| format!("making {}", folder.display()))?;
    let mut dockerfile = format!("FROM {base_image}\n");
    let large = (mebibytes.saturating_sub(1) / (LAYERS - 1)).max(1);
    for layer in 1..LAYERS {
        let name = format!("part{layer}");
        write_file(&folder.join(&name), layer, large * MEBIBYTE)?;
        dockerfile.push_str(&format!("COPY {name} /data/{name}\n"));
    }
    dockerfile.push_str("COPY changing /data/changing\n");
    change(folder, 0)?;
    fs::write(folder.join("Dockerfile"), dockerfile).doing(|| "writing the Dockerfile".into())
}

/// Writes the last layer's file anew; another `version` has other bytes.
pub(crate) fn change(folder: &Path, version: u64) -> Result<()> {
    write_file(&folder.join("changing"), 1000 + version, MEBIBYTE)
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
    fn a_context_is_the_same_each_time_and_changes_in_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
        write(folder.path(), "base:1", 11).unwrap();
        assert_eq!(read("part1").len(), 2 * 1024 * 1024);
        assert_eq!(read("changing").len(), 1024 * 1024);
        assert_ne!(read("part1"), read("part2"));
        let (part, changing) = (read("part1"), read("changing"));
        write(folder.path(), "base:1", 11).unwrap();
        assert_eq!(
            (read("part1"), read("changing")),
            (part.clone(), changing.clone())
        );
        change(folder.path(), 1).unwrap();
        assert_eq!(read("part1"), part);
        assert_ne!(read("changing"), changing);
    }
}
