//! What a walk yields.

use cap_std::fs::Dir;
use rustix::fs::{FileType, Stat};

use crate::{Content, ContextError, FileVersion, directory::ExtendedAttributes};

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
    pub modified_nanoseconds: u32,
    /// Last change of the inode (content, mode, owner, names), in seconds since 1970.
    pub changed_seconds: i64,
    /// The nanoseconds beyond them.
    pub changed_nanoseconds: u32,
    /// Size in bytes when it was seen: of a regular file, or of a symbolic link's text. 0 for others.
    pub size: u64,
    /// How many names the file has.
    pub links: u64,
    /// Device and number of the file, its identity.
    pub identity: (u64, u64),
    /// Extended attributes of a file or directory, if the walk was asked for them.
    pub extended_attributes: ExtendedAttributes,
}

/// What an [`Entry`] is.
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
    /// A socket.
    Socket,
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
    /// What the file system said of a path; `None` for what no file system of Linux has.
    /// `link_target` is read only where the path is a symbolic link.
    pub(crate) fn new(
        path: String,
        stat: &Stat,
        link_target: impl FnOnce() -> Result<String, ContextError>,
    ) -> Result<Option<Self>, ContextError> {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => EntryKind::Directory,
            FileType::RegularFile => EntryKind::File,
            FileType::Symlink => EntryKind::Symlink {
                target: link_target()?,
            },
            FileType::Fifo => EntryKind::Fifo,
            FileType::Socket => EntryKind::Socket,
            file_type @ (FileType::BlockDevice | FileType::CharacterDevice) => EntryKind::Device {
                block: file_type == FileType::BlockDevice,
                major: rustix::fs::major(stat.st_rdev),
                minor: rustix::fs::minor(stat.st_rdev),
            },
            FileType::Unknown => return Ok(None),
        };
        let version = FileVersion::of(stat);
        Ok(Some(Self {
            path,
            mode: stat.st_mode & 0o7777,
            modified_seconds: version.modified_seconds,
            modified_nanoseconds: version.modified_nanoseconds,
            changed_seconds: stat.st_ctime,
            changed_nanoseconds: u32::try_from(stat.st_ctime_nsec).unwrap_or(0),
            size: match kind {
                EntryKind::File | EntryKind::Symlink { .. } => version.size,
                _ => 0,
            },
            kind,
            // The type differs between architectures.
            #[allow(clippy::useless_conversion)]
            links: stat.st_nlink.into(),
            identity: version.identity,
            extended_attributes: Vec::new(),
        }))
    }

    /// What tells a regular file's content from another.
    pub fn version(&self) -> FileVersion {
        FileVersion {
            identity: self.identity,
            size: self.size,
            modified_seconds: self.modified_seconds,
            modified_nanoseconds: self.modified_nanoseconds,
        }
    }

    /// Opens a regular file to read it.
    ///
    /// # Errors
    /// If it is no longer the file that the walk has seen.
    pub fn open(&self, root: &Dir) -> Result<Content, ContextError> {
        Content::open(root, &self.path, self.version())
    }
}
