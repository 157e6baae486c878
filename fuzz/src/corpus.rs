//! Seeds, and inputs that once found a fault.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Target;

/// The largest file that is a seed, in bytes.
const LARGEST: u64 = 8 << 10;

/// The target's own seeds, `fuzz/corpus/NAME`, and those of the case folders.
///
/// # Panics
/// Where they cannot be read.
pub fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let mut files = files(&own().join("corpus").join(target.name));
    for (group, suffix) in target.cases {
        let of_group = self::files(&own().join("../tests/cases").join(group));
        let fits = |file: &PathBuf| file.to_string_lossy().ends_with(suffix);
        files.extend(of_group.into_iter().filter(fits));
    }
    files.iter().filter_map(|file| read(file)).collect()
}

/// The files of `fuzz/regressions/NAME`, each with its content.
///
/// # Panics
/// Where they cannot be read.
pub fn regressions(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let files = files(&own().join("regressions").join(target.name));
    let with_content = |file: PathBuf| Some((file.clone(), read(&file)?));
    files.into_iter().filter_map(with_content).collect()
}

fn own() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &Path) -> Option<Vec<u8>> {
    let is_small = fs::metadata(file).is_ok_and(|metadata| metadata.len() <= LARGEST);
    is_small.then(|| fs::read(file).unwrap_or_default())
}

/// All files in a folder and in those within it, in order; none where there is no such folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let of = |path: PathBuf| {
        if path.is_dir() {
            files(&path)
        } else {
            vec![path]
        }
    };
    paths.into_iter().flat_map(of).collect()
}
