//! A digest of all that a build context holds, without reading again what has not changed.
//!
//! The digest covers, in the order of the walk, each entry's path, kind and mode, the text of
//! links, the numbers of devices, which names are one file, and the content of files with their
//! extended attributes. Times and owners are left out, as BuildKit leaves them out of the keys of
//! its cache.
//!
//! A *stat index* beside it remembers the content's digest of each file with what `lstat` said of
//! it: device, inode, size, mode, and the times of the last change of its content and of its inode
//! to the nanosecond. Where all of that is the same, the file is not read. A file that changed
//! less than [`RACY`] before the walk began is not remembered: it could change once more without
//! a new time, as file systems count in ticks (git calls such an entry "racily clean").

mod index;

use std::{
    collections::HashMap,
    io::{self, Read},
    num::NonZero,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use cap_std::fs::Dir;
use sha2::{Digest, Sha256};

use self::index::StatIndex;
use crate::{ContextError, Entry, EntryKind, IgnoreRules, Walk, directory::extended_attributes};

/// How old a file's last change must be to be remembered. The coarsest times in use, those of FAT,
/// are two seconds apart.
const RACY: Duration = Duration::from_secs(2);
/// Bytes of a file that are read at once.
const BUFFER: usize = 256 * 1024;
/// The most threads that read files.
const MOST_THREADS: usize = 8;

/// SHA-256 of a file's extended attributes and content.
type ContentDigest = [u8; 32];

/// The digest of a build context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeDigest {
    /// SHA-256 over the entries.
    pub digest: [u8; 32],
    /// How many entries there are.
    pub entries: usize,
    /// Bytes of all files.
    pub bytes: u64,
    /// How many files had to be read.
    pub files_read: usize,
}

/// What `lstat` says of a file: while it is the same, so is the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    mode: u32,
    modified: (i64, u32),
    changed: (i64, u32),
}

impl Stamp {
    fn of(entry: &Entry) -> Self {
        Self {
            device: entry.identity.0,
            inode: entry.identity.1,
            size: entry.size,
            mode: entry.mode,
            modified: (entry.modified_seconds, entry.modified_nanoseconds),
            changed: (entry.changed_seconds, entry.changed_nanoseconds),
        }
    }

    /// Whether the last change was long enough before `begin`.
    fn is_settled(&self, begin: SystemTime) -> bool {
        let limit = begin
            .checked_sub(RACY)
            .and_then(|limit| limit.duration_since(UNIX_EPOCH).ok())
            .and_then(|limit| i64::try_from(limit.as_secs()).ok());
        limit.is_some_and(|limit| self.modified.0.max(self.changed.0) < limit)
    }
}

impl TreeDigest {
    /// Digests all below `root` that the rules do not ignore.
    ///
    /// `index` is the file of the stat index, in a folder that only the user of this process may
    /// write to; it is replaced as a whole. One that is missing, damaged or of another version
    /// counts as empty, and one that cannot be written is no failure. It belongs to one context
    /// with its rules: another one's costs time, and is never wrong.
    ///
    /// Files are read on several threads, which end soon after `cancelled` becomes true.
    ///
    /// # Errors
    /// If the context cannot be read, changes meanwhile, or on cancellation
    /// ([`ContextError::Cancelled`]).
    pub fn of(
        root: &Dir,
        rules: IgnoreRules,
        index: Option<&Path>,
        cancelled: &AtomicBool,
    ) -> Result<Self, ContextError> {
        let begin = SystemTime::now();
        let known = index.map(StatIndex::read).unwrap_or_default();
        let root_again = root
            .try_clone()
            .map_err(|source| ContextError::on_entry("list", "", source))?;
        let mut entries = Vec::new();
        for entry in Walk::new(root_again, rules)? {
            if cancelled.load(Ordering::Relaxed) {
                return Err(ContextError::Cancelled);
            }
            entries.push(entry?);
        }
        let first_names = first_names(&entries);
        let mut contents: Vec<Option<ContentDigest>> = Vec::with_capacity(entries.len());
        let mut unknown = Vec::new();
        for (position, entry) in entries.iter().enumerate() {
            let is_content = entry.kind == EntryKind::File && !first_names.contains_key(&position);
            let content = is_content
                .then(|| known.content(&entry.path, &Stamp::of(entry)))
                .flatten();
            if is_content && content.is_none() {
                unknown.push((position, entry));
            }
            contents.push(content);
        }
        for (position, content) in read_contents(root, &unknown, cancelled)? {
            if let Some(place) = contents.get_mut(position) {
                *place = Some(content);
            }
        }
        let digest = digest(&entries, &contents, &first_names);
        if let Some(path) = index {
            let settled = || {
                entries
                    .iter()
                    .zip(&contents)
                    .filter_map(|(entry, content)| {
                        let stamp = Stamp::of(entry);
                        let content = content.filter(|_| stamp.is_settled(begin))?;
                        Some((entry.path.as_str(), stamp, content))
                    })
            };
            if !unknown.is_empty() || known.len() != settled().count() {
                // Without it the next run reads more; this one has all that it needs.
                let _ = index::write(path, settled());
            }
        }
        Ok(Self {
            digest,
            entries: entries.len(),
            bytes: entries
                .iter()
                .filter(|entry| entry.kind == EntryKind::File)
                .map(|entry| entry.size)
                .sum(),
            files_read: unknown.len(),
        })
    }
}

/// For each further name of a file, by position, the name that came first.
fn first_names(entries: &[Entry]) -> HashMap<usize, &str> {
    let mut first: HashMap<(u64, u64), &str> = HashMap::new();
    let mut further = HashMap::new();
    for (position, entry) in entries.iter().enumerate() {
        if entry.kind == EntryKind::File && entry.links > 1 {
            match first.get(&entry.identity) {
                Some(name) => {
                    further.insert(position, *name);
                }
                None => {
                    first.insert(entry.identity, &entry.path);
                }
            }
        }
    }
    further
}

fn digest(
    entries: &[Entry],
    contents: &[Option<ContentDigest>],
    first_names: &HashMap<usize, &str>,
) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for (position, (entry, content)) in entries.iter().zip(contents).enumerate() {
        text(&mut hasher, &entry.path);
        hasher.update(entry.mode.to_le_bytes());
        match (&entry.kind, content, first_names.get(&position)) {
            (EntryKind::Directory, ..) => hasher.update([b'd']),
            (EntryKind::File, _, Some(first)) => {
                hasher.update([b'h']);
                text(&mut hasher, first);
            }
            (EntryKind::File, content, None) => {
                hasher.update([b'f']);
                hasher.update(content.unwrap_or_default());
            }
            (EntryKind::Symlink { target }, ..) => {
                hasher.update([b'l']);
                text(&mut hasher, target);
            }
            (EntryKind::Fifo, ..) => hasher.update([b'p']),
            (EntryKind::Socket, ..) => hasher.update([b's']),
            (
                EntryKind::Device {
                    block,
                    major,
                    minor,
                },
                ..,
            ) => {
                hasher.update([if *block { b'b' } else { b'c' }]);
                hasher.update(major.to_le_bytes());
                hasher.update(minor.to_le_bytes());
            }
        }
    }
    hasher.finalize().into()
}

/// A text with its length before it, so that no two lists of texts give the same bytes.
fn text(hasher: &mut Sha256, text: &str) {
    hasher.update((text.len() as u64).to_le_bytes());
    hasher.update(text);
}

/// Reads the files at these positions, each thread the next one that is left.
fn read_contents(
    root: &Dir,
    files: &[(usize, &Entry)],
    cancelled: &AtomicBool,
) -> Result<Vec<(usize, ContentDigest)>, ContextError> {
    let threads = thread::available_parallelism()
        .map_or(1, NonZero::get)
        .clamp(1, MOST_THREADS)
        .min(files.len());
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let work = || {
        let mut buffer = vec![0; BUFFER];
        let mut read = Vec::new();
        while let Some((position, entry)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let stop = || cancelled.load(Ordering::Relaxed) || failed.load(Ordering::Relaxed);
            match content(root, entry, &mut buffer, stop) {
                Ok(content) => read.push((*position, content)),
                Err(error) => {
                    failed.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
        Ok(read)
    };
    let results: Vec<_> = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        let joined = others
            .into_iter()
            .map(|thread| thread.join().unwrap_or(Err(ContextError::Cancelled)));
        std::iter::once(own).chain(joined).collect()
    });
    let mut contents = Vec::with_capacity(files.len());
    let mut stopped = None;
    for result in results {
        match result {
            Ok(read) => contents.extend(read),
            // What stopped the others is told, not that they were stopped.
            Err(ContextError::Cancelled) => stopped = stopped.or(Some(ContextError::Cancelled)),
            Err(error) => stopped = Some(error),
        }
    }
    match stopped {
        Some(error) => Err(error),
        None => Ok(contents),
    }
}

/// The digest of one file, which must be the same before and after.
fn content(
    root: &Dir,
    entry: &Entry,
    buffer: &mut [u8],
    stop: impl Fn() -> bool,
) -> Result<ContentDigest, ContextError> {
    let failed = |source| ContextError::on_entry("read", &entry.path, source);
    let mut content = entry.open(root)?;
    let mut hasher = Sha256::new();
    let mut attributes = extended_attributes(content.file()).map_err(failed)?;
    attributes.retain(|(name, _)| reaches_images(name));
    attributes.sort();
    hasher.update((attributes.len() as u64).to_le_bytes());
    for (name, value) in attributes {
        text(&mut hasher, &name);
        hasher.update(Sha256::digest(value));
    }
    loop {
        if stop() {
            return Err(ContextError::Cancelled);
        }
        match content.read(buffer) {
            Ok(0) => break,
            Ok(length) => hasher.update(buffer.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.downcast().unwrap_or_else(failed)),
        }
    }
    let after = rustix::fs::fstat(content.file()).map_err(|error| failed(error.into()))?;
    // A time of modification can be set back, this one cannot.
    if after.st_ctime != entry.changed_seconds
        || u32::try_from(after.st_ctime_nsec) != Ok(entry.changed_nanoseconds)
    {
        return Err(ContextError::Changed {
            path: entry.path.clone(),
            change: "was written to",
        });
    }
    Ok(hasher.finalize().into())
}

/// Whether BuildKit's content hash has an extended attribute.
fn reaches_images(name: &str) -> bool {
    name == "security.capability" || !(name.starts_with("security.") || name.starts_with("system."))
}

#[cfg(test)]
mod tests;
