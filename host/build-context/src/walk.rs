//! Walking a build context in a fixed order.

use std::{
    collections::VecDeque,
    ffi::{OsStr, OsString},
    io, vec,
};

use cap_std::fs::{Dir, File, FileTypeExt, Metadata, MetadataExt, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

use crate::{ContextError, IgnoreRules, IgnoreState};

/// One file, directory or link of a context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The path relative to the context, with `/`.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
    /// Last change of the content, in seconds since 1970.
    pub modified_seconds: i64,
    /// The nanoseconds beyond them.
    pub modified_nanoseconds: i64,
    /// Last change of the inode (content, mode, owner, names), in seconds since 1970.
    pub changed_seconds: i64,
    /// The nanoseconds beyond them.
    pub changed_nanoseconds: i64,
    /// Size of a regular file in bytes when it was seen.
    pub size: u64,
    /// How many names the file has.
    pub links: u64,
    /// Device and number of the file, its identity.
    pub identity: (u64, u64),
}

/// What an [`Entry`] is. Sockets are left out of contexts, as Docker's CLI does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link with the text of its target, which is never followed.
    Symlink {
        /// The text, wherever it leads.
        target: String,
    },
    /// A named pipe.
    Fifo,
    /// A device.
    Device {
        /// Whether it is a block device and not a character device.
        block: bool,
        /// The device's major number.
        major: u32,
        /// The device's minor number.
        minor: u32,
    },
}

impl Entry {
    /// Opens a regular file to read it.
    ///
    /// # Errors
    /// If it is no longer the file that the walk has seen.
    pub fn open(&self, root: &Dir) -> Result<File, ContextError> {
        let failed = |source| ContextError::on_entry("open", &self.path, source);
        let file = root.open_with(&self.path, &nonblocking()).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() || (metadata.dev(), metadata.ino()) != self.identity {
            return Err(ContextError::Changed {
                path: self.path.clone(),
                change: "was replaced",
            });
        }
        Ok(file)
    }
}

/// Options to read a path that may have become a named pipe, which would block for ever.
pub(crate) fn nonblocking() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    options
}

/// Yields what a context holds and the rules do not ignore, a directory before its entries, the
/// entries of a directory in the order of their names' bytes. An ignored directory is walked only
/// if an exception could keep something in it, and yielded only if one does.
pub struct Walk {
    root: Dir,
    rules: IgnoreRules,
    levels: Vec<Level>,
    ready: VecDeque<Entry>,
}

struct Level {
    path: String,
    names: vec::IntoIter<OsString>,
    state: IgnoreState,
    /// The directory's own entry, where it is ignored and nothing in it was kept so far.
    withheld: Option<Entry>,
}

impl Walk {
    /// A walk of all below `root`, which is itself not yielded.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn new(root: Dir, rules: IgnoreRules) -> Result<Self, ContextError> {
        let names = sorted_names(&root, "")?;
        let level = Level {
            path: String::new(),
            names,
            state: IgnoreState::default(),
            withheld: None,
        };
        Ok(Self {
            root,
            rules,
            levels: vec![level],
            ready: VecDeque::new(),
        })
    }

    /// The directory that is walked.
    pub fn root(&self) -> &Dir {
        &self.root
    }

    /// Takes one name into `ready`, or goes one level up; false at the end.
    fn step(&mut self) -> Result<bool, ContextError> {
        let Some(level) = self.levels.last_mut() else {
            return Ok(false);
        };
        let Some(name) = level.names.next() else {
            self.levels.pop();
            return Ok(true);
        };
        let path = join(&level.path, &name.to_string_lossy());
        let (ignored, state) = self.rules.decide(&path, &level.state);
        let name_is_text = name.to_str().is_some();
        if !name_is_text {
            return if ignored {
                Ok(true)
            } else {
                Err(ContextError::NameNotText {
                    what: "the name",
                    path,
                })
            };
        }
        let failed = |source| ContextError::on_entry("read", &path, source);
        let metadata = self.root.symlink_metadata(&path).map_err(failed)?;
        let is_directory = metadata.is_dir();
        if ignored && !(is_directory && self.rules.may_keep_below(&path)) {
            return Ok(true);
        }
        let Some(entry) = entry(&self.root, path, &metadata)? else {
            return Ok(true);
        };
        let mut below = None;
        if is_directory {
            let names = sorted_names(&self.root, &entry.path)?;
            below = Some(Level {
                path: entry.path.clone(),
                names,
                state,
                withheld: None,
            });
        }
        if ignored {
            if let Some(level) = &mut below {
                level.withheld = Some(entry);
            }
        } else {
            self.ready.extend(
                self.levels
                    .iter_mut()
                    .filter_map(|level| level.withheld.take()),
            );
            self.ready.push_back(entry);
        }
        self.levels.extend(below);
        Ok(true)
    }
}

impl Iterator for Walk {
    type Item = Result<Entry, ContextError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Some(Ok(entry));
            }
            match self.step() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.levels.clear();
                    return Some(Err(error));
                }
            }
        }
    }
}

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() {
        name.to_owned()
    } else {
        format!("{directory}/{name}")
    }
}

/// The names in a directory, in the order of their bytes.
fn sorted_names(root: &Dir, path: &str) -> Result<vec::IntoIter<OsString>, ContextError> {
    let failed = |source| ContextError::on_entry("list", path, source);
    let entries = if path.is_empty() {
        root.entries()
    } else {
        root.read_dir(path)
    };
    let names: io::Result<Vec<OsString>> = entries
        .map_err(failed)?
        .map(|entry| Ok(entry?.file_name()))
        .collect();
    let mut names = names.map_err(failed)?;
    names.sort_unstable_by(|left, right| {
        OsStr::as_encoded_bytes(left).cmp(OsStr::as_encoded_bytes(right))
    });
    Ok(names.into_iter())
}

fn entry(root: &Dir, path: String, metadata: &Metadata) -> Result<Option<Entry>, ContextError> {
    let file_type = metadata.file_type();
    let kind = if file_type.is_dir() {
        EntryKind::Directory
    } else if file_type.is_file() {
        EntryKind::File
    } else if file_type.is_symlink() {
        let target = root
            .read_link_contents(&path)
            .map_err(|source| ContextError::on_entry("read", &path, source))?;
        match target.into_os_string().into_string() {
            Ok(target) => EntryKind::Symlink { target },
            Err(_) => {
                return Err(ContextError::NameNotText {
                    what: "the link's target",
                    path,
                });
            }
        }
    } else if file_type.is_fifo() {
        EntryKind::Fifo
    } else if file_type.is_block_device() || file_type.is_char_device() {
        let (major, minor) = (
            rustix::fs::major(metadata.rdev()),
            rustix::fs::minor(metadata.rdev()),
        );
        EntryKind::Device {
            block: file_type.is_block_device(),
            major,
            minor,
        }
    } else {
        return Ok(None);
    };
    Ok(Some(Entry {
        path,
        kind,
        mode: metadata.mode() & 0o7777,
        modified_seconds: metadata.mtime(),
        modified_nanoseconds: metadata.mtime_nsec(),
        changed_seconds: metadata.ctime(),
        changed_nanoseconds: metadata.ctime_nsec(),
        size: if file_type.is_file() {
            metadata.size()
        } else {
            0
        },
        links: metadata.nlink(),
        identity: (metadata.dev(), metadata.ino()),
    }))
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
