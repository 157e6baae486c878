//! An open directory, whose entries are looked at by name and never through a link.

use std::{
    ffi::{CStr, CString},
    io::{self, ErrorKind},
    mem::MaybeUninit,
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    fs::{AtFlags, Mode, OFlags, RawDir, Stat},
    io::Errno,
};

/// Names of extended attributes with their values.
pub type ExtendedAttributes = Vec<(String, Vec<u8>)>;

/// Bytes for the names that the kernel hands out at once.
const LISTING_BUFFER: usize = 32 * 1024;
/// What nearly every file's list of attributes and every value fits in.
const ATTRIBUTE_BUFFER: usize = 1024;
/// The most that Linux allows for either (`XATTR_LIST_MAX`, `XATTR_SIZE_MAX`).
const MOST_ATTRIBUTE_BYTES: usize = 64 * 1024;

#[derive(Debug)]
pub(crate) struct Directory(OwnedFd);

impl Directory {
    /// Opens the directory `name` in `parent`; a link is an error.
    pub(crate) fn open(parent: impl AsFd, name: &CStr) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::openat(
            parent,
            name,
            flags,
            Mode::empty(),
        )?))
    }

    pub(crate) fn open_child(&self, name: &CStr) -> io::Result<Self> {
        Self::open(&self.0, name)
    }

    /// Device and number of the directory.
    pub(crate) fn identity(&self) -> io::Result<(u64, u64)> {
        let stat = rustix::fs::fstat(&self.0)?;
        Ok((stat.st_dev, stat.st_ino))
    }

    /// The names in it, in the order of their bytes.
    pub(crate) fn sorted_names(&self) -> io::Result<Vec<CString>> {
        let mut buffer = [MaybeUninit::uninit(); LISTING_BUFFER];
        let mut listing = RawDir::new(&self.0, &mut buffer);
        let mut names = Vec::new();
        while let Some(entry) = listing.next() {
            let entry = entry?;
            let name = entry.file_name();
            if name != c"." && name != c".." {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    pub(crate) fn stat(&self, name: &CStr) -> io::Result<Stat> {
        Ok(rustix::fs::statat(
            &self.0,
            name,
            AtFlags::SYMLINK_NOFOLLOW,
        )?)
    }

    pub(crate) fn link_target(&self, name: &CStr) -> io::Result<CString> {
        Ok(rustix::fs::readlinkat(&self.0, name, Vec::new())?)
    }

    /// The extended attributes of the directory itself.
    pub(crate) fn extended_attributes(&self) -> io::Result<ExtendedAttributes> {
        extended_attributes(&self.0)
    }

    /// The extended attributes of a regular file in it; none where it may not be read.
    pub(crate) fn extended_attributes_of(&self, file: &CStr) -> io::Result<ExtendedAttributes> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.0, file, flags, Mode::empty()) {
            Ok(file) => extended_attributes(file),
            Err(Errno::ACCESS | Errno::PERM) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Names and values, without what the file system does not keep or does not show to this process,
/// as `fsutil` does.
pub(crate) fn extended_attributes(file: impl AsFd) -> io::Result<ExtendedAttributes> {
    let file = file.as_fd();
    let list = match read_all(|buffer| rustix::fs::flistxattr(file, buffer)) {
        Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(Vec::new()),
        list => list?,
    };
    let names = list
        .split(|byte| *byte == 0)
        .filter_map(|name| std::str::from_utf8(name).ok())
        .filter(|name| !name.is_empty());
    Ok(names
        .filter_map(|name| {
            let value = read_all(|buffer| rustix::fs::fgetxattr(file, name, buffer)).ok()?;
            Some((name.to_owned(), value))
        })
        .collect())
}

/// Calls `read` with a buffer that is large enough.
fn read_all(read: impl Fn(&mut [u8]) -> Result<usize, Errno>) -> io::Result<Vec<u8>> {
    let mut small = [0; ATTRIBUTE_BUFFER];
    match read(&mut small) {
        Ok(length) => Ok(small.get(..length).unwrap_or_default().to_vec()),
        Err(Errno::RANGE) => {
            let mut large = vec![0; MOST_ATTRIBUTE_BYTES];
            let length = read(&mut large)?;
            large.truncate(length);
            Ok(large)
        }
        Err(error) => Err(error.into()),
    }
}
