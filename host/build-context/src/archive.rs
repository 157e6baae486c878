//! A build context as the tar stream that a Docker-compatible engine takes.

use std::{
    collections::{BTreeMap, HashMap},
    io::{self, Write},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::{Bytes, BytesMut};
use cap_std::fs::Dir;
use futures_util::{Stream, stream};
use tar::{Builder, EntryType, Header};
use tokio::sync::mpsc;

use crate::{Entry, EntryKind, IgnoreRules, Walk};

/// Bytes of one item of the stream.
const CHUNK: usize = 128 * 1024;
/// How many chunks may wait for the reader: together they bound the memory.
const WAITING_CHUNKS: usize = 4;

/// What was sent of a context so far.
#[derive(Debug, Default)]
pub struct ContextProgress {
    bytes: AtomicU64,
    files: AtomicU64,
}

impl ContextProgress {
    /// Bytes of the tar stream.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Regular files, counted when they are complete.
    pub fn files(&self) -> u64 {
        self.files.load(Ordering::Relaxed)
    }
}

/// A context that is ready to be sent.
///
/// The headers are those of Docker's CLI: owner and group 0, whole seconds, the mode with its
/// setuid, setgid and sticky bits, symbolic links with their text, further names of a file as hard
/// links to the first. The same files give the same bytes.
pub struct ContextArchive {
    root: Dir,
    rules: IgnoreRules,
    replacements: BTreeMap<String, Vec<u8>>,
    progress: Arc<ContextProgress>,
}

enum Message {
    Chunk(Bytes),
    Failed(io::Error),
    /// Without it the stream broke off, and must not look complete.
    End,
}

impl ContextArchive {
    /// The archive of all below `root` that the rules do not ignore.
    pub fn new(root: Dir, rules: IgnoreRules) -> Self {
        Self {
            root,
            rules,
            replacements: BTreeMap::new(),
            progress: Arc::default(),
        }
    }

    /// Sends a small file of this content first, and not the one at the same path, if there is one.
    #[must_use]
    pub fn replacing(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.replacements.insert(path.to_owned(), content.into());
        self
    }

    /// Counters to look at while the stream is read.
    pub fn progress(&self) -> Arc<ContextProgress> {
        Arc::clone(&self.progress)
    }

    /// Starts to read the files, on a thread that ends with the stream or when it is dropped.
    ///
    /// # Errors
    /// An item is an error if the context could not be read; its inner error is a [`ContextError`](crate::ContextError).
    /// It is the last item.
    pub fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        let (sender, receiver) = mpsc::channel(WAITING_CHUNKS);
        let write = move || {
            let last = match self.write(&sender) {
                Ok(()) => Message::End,
                Err(error) => Message::Failed(error),
            };
            // Nobody reads any more: there is no one to tell.
            let _ = sender.blocking_send(last);
        };
        let started = std::thread::Builder::new()
            .name("build-context".to_owned())
            .spawn(write);
        stream::unfold(Some((receiver, started.err())), |state| async {
            let (mut receiver, failed_start) = state?;
            if let Some(error) = failed_start {
                return Some((Err(error), None));
            }
            match receiver.recv().await {
                Some(Message::Chunk(chunk)) => Some((Ok(chunk), Some((receiver, None)))),
                Some(Message::Failed(error)) => Some((Err(error), None)),
                Some(Message::End) => None,
                None => Some((Err(io::Error::other("the build context broke off")), None)),
            }
        })
    }

    fn write(self, sender: &mpsc::Sender<Message>) -> io::Result<()> {
        let output = ChunkWriter {
            buffer: BytesMut::new(),
            sender,
            progress: &self.progress,
        };
        let mut archive = Builder::new(output);
        for (path, content) in &self.replacements {
            let mut header = header(EntryType::Regular, 0o600, 0);
            header.set_size(u64::try_from(content.len()).map_err(io::Error::other)?);
            archive.append_data(&mut header, path, content.as_slice())?;
            self.progress.files.fetch_add(1, Ordering::Relaxed);
        }
        let walk = Walk::new(self.root.try_clone()?, self.rules).map_err(io::Error::other)?;
        let mut first_names: HashMap<(u64, u64), String> = HashMap::new();
        for entry in walk {
            // A context of ignored or empty files may send nothing for long.
            if sender.is_closed() {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            let entry = entry.map_err(io::Error::other)?;
            if self.replacements.contains_key(&entry.path) {
                continue;
            }
            if entry.kind == EntryKind::File && entry.links > 1 {
                if let Some(first) = first_names.get(&entry.identity) {
                    append_link(&mut archive, EntryType::Link, &entry, first)?;
                    continue;
                }
                first_names.insert(entry.identity, entry.path.clone());
            }
            append(&mut archive, &self.root, &entry)?;
            if entry.kind == EntryKind::File {
                self.progress.files.fetch_add(1, Ordering::Relaxed);
            }
        }
        archive.into_inner()?.flush()
    }
}

fn header(kind: EntryType, mode: u32, modified_seconds: i64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    // The header has no negative times: a file from before 1970 is of 1970.
    header.set_mtime(u64::try_from(modified_seconds).unwrap_or(0));
    header.set_size(0);
    header
}

fn append<W: Write>(archive: &mut Builder<W>, root: &Dir, entry: &Entry) -> io::Result<()> {
    let header = |kind| header(kind, entry.mode, entry.modified_seconds);
    match &entry.kind {
        EntryKind::File => append_file(archive, root, entry),
        EntryKind::Symlink { target } => append_link(archive, EntryType::Symlink, entry, target),
        EntryKind::Directory => {
            let path = format!("{}/", entry.path);
            archive.append_data(&mut header(EntryType::Directory), path, io::empty())
        }
        EntryKind::Fifo => {
            archive.append_data(&mut header(EntryType::Fifo), &entry.path, io::empty())
        }
        // As Docker's CLI does.
        EntryKind::Socket => Ok(()),
        EntryKind::Device {
            block,
            major,
            minor,
        } => {
            let mut header = header(if *block {
                EntryType::Block
            } else {
                EntryType::Char
            });
            header.set_device_major(*major)?;
            header.set_device_minor(*minor)?;
            archive.append_data(&mut header, &entry.path, io::empty())
        }
    }
}

fn append_file<W: Write>(archive: &mut Builder<W>, root: &Dir, entry: &Entry) -> io::Result<()> {
    let content = entry.open(root).map_err(io::Error::other)?;
    let mut header = header(EntryType::Regular, entry.mode, entry.modified_seconds);
    header.set_size(content.size());
    archive.append_data(&mut header, &entry.path, content)
}

fn append_link<W: Write>(
    archive: &mut Builder<W>,
    kind: EntryType,
    entry: &Entry,
    target: &str,
) -> io::Result<()> {
    let mut header = header(kind, entry.mode, entry.modified_seconds);
    // The builder's own way tidies a target's text, except where it is too long for the header.
    if header.set_link_name_literal(target).is_ok() {
        archive.append_data(&mut header, &entry.path, io::empty())
    } else {
        archive.append_link(&mut header, &entry.path, Path::new(target))
    }
}

/// Gathers what is written into chunks and hands them on; waits while too many are unread.
struct ChunkWriter<'archive> {
    buffer: BytesMut,
    sender: &'archive mpsc::Sender<Message>,
    progress: &'archive ContextProgress,
}

impl Write for ChunkWriter<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.buffer.capacity() == 0 {
            self.buffer.reserve(CHUNK);
        }
        let room = CHUNK.saturating_sub(self.buffer.len());
        let (taken, _) = data.split_at(data.len().min(room));
        self.buffer.extend_from_slice(taken);
        if self.buffer.len() >= CHUNK {
            self.flush()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::take(&mut self.buffer).freeze();
        let length = u64::try_from(chunk.len()).map_err(io::Error::other)?;
        self.sender
            .blocking_send(Message::Chunk(chunk))
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        self.progress.bytes.fetch_add(length, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
