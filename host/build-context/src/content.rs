//! Reading a file of a context that others may be writing to.

use std::io::{self, Read};

use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt};
use rustix::fs::{FileType, OFlags, Stat};

use crate::ContextError;

/// What tells a regular file's content from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileVersion {
    /// Device and number of the file.
    pub identity: (u64, u64),
    /// Size in bytes.
    pub size: u64,
    /// Last change of the content, in seconds since 1970.
    pub modified_seconds: i64,
    /// The nanoseconds beyond them.
    pub modified_nanoseconds: u32,
}

impl FileVersion {
    pub(crate) fn of(stat: &Stat) -> Self {
        Self {
            identity: (stat.st_dev, stat.st_ino),
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified_seconds: stat.st_mtime,
            modified_nanoseconds: u32::try_from(stat.st_mtime_nsec).unwrap_or(0),
        }
    }

    /// What happened to a file that is `now`; `None` if nothing did.
    fn change(&self, now: &Self) -> Option<&'static str> {
        if now.identity != self.identity {
            Some("was replaced")
        } else if now.size > self.size {
            Some("grew")
        } else if now.size < self.size {
            Some("shrank")
        } else if now != self {
            Some("was written to")
        } else {
            None
        }
    }
}

/// The content of a regular file, exactly as long as it was when the walk has seen it. Reading comes
/// to its end only if nothing has changed the file until then.
///
/// As [`Read`] its errors are a [`ContextError`] within an [`io::Error`].
#[derive(Debug)]
pub struct Content {
    file: File,
    path: String,
    version: FileVersion,
    left: u64,
}

impl Content {
    /// Opens the file below `root`, wherever links within it lead, if it is of this version.
    ///
    /// # Errors
    /// If it is another file by now, has changed, or may not be read.
    pub fn open(root: &Dir, path: &str, version: FileVersion) -> Result<Self, ContextError> {
        let file = root
            .open_with(path, &nonblocking())
            .map_err(|source| ContextError::on_entry("open", path, source))?;
        let content = Self {
            file,
            path: path.to_owned(),
            version,
            left: version.size,
        };
        content.check_unchanged()?;
        Ok(content)
    }

    /// The size that the content will have.
    pub fn size(&self) -> u64 {
        self.version.size
    }

    /// The next bytes, up to `limit` of them; none at the end.
    ///
    /// # Errors
    /// If the file changed or cannot be read.
    pub fn next_chunk(&mut self, limit: usize) -> Result<Vec<u8>, ContextError> {
        if self.left == 0 {
            self.check_unchanged()?;
            return Ok(Vec::new());
        }
        let wanted = usize::try_from(self.left).map_or(limit, |left| left.min(limit));
        let mut chunk = Vec::with_capacity(wanted);
        match self
            .take(u64::try_from(wanted).unwrap_or(u64::MAX))
            .read_to_end(&mut chunk)
        {
            Ok(_) => Ok(chunk),
            Err(error) => Err(error
                .downcast()
                .unwrap_or_else(|source| ContextError::on_entry("read", &self.path, source))),
        }
    }

    /// The open file.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    fn check_unchanged(&self) -> Result<(), ContextError> {
        let stat = rustix::fs::fstat(&self.file)
            .map_err(|source| ContextError::on_entry("read", &self.path, source.into()))?;
        let change = if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
            self.version.change(&FileVersion::of(&stat))
        } else {
            Some("was replaced")
        };
        change.map_or(Ok(()), |change| Err(self.changed(change)))
    }

    fn changed(&self, change: &'static str) -> ContextError {
        ContextError::Changed {
            path: self.path.clone(),
            change,
        }
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            self.check_unchanged().map_err(io::Error::other)?;
            return Ok(0);
        }
        let read = (&mut self.file)
            .take(self.left)
            .read(buffer)
            .map_err(|source| match source.kind() {
                io::ErrorKind::Interrupted => source,
                _ => io::Error::other(ContextError::on_entry("read", &self.path, source)),
            })?;
        if read == 0 {
            return Err(io::Error::other(self.changed("shrank")));
        }
        self.left = self
            .left
            .saturating_sub(u64::try_from(read).map_err(io::Error::other)?);
        Ok(read)
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
