//! How much of the client's files has travelled.

use std::sync::atomic::{AtomicU64, Ordering};

/// What was sent of the client's files so far.
#[derive(Debug, Default)]
pub struct TransferProgress {
    entries: AtomicU64,
    files: AtomicU64,
    bytes: AtomicU64,
}

impl TransferProgress {
    /// Files, directories and links that the daemon was told of.
    pub fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }

    /// Files whose content was sent, counted when they are complete.
    pub fn files(&self) -> u64 {
        self.files.load(Ordering::Relaxed)
    }

    /// Bytes of their content.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn add_entries(&self, entries: usize) {
        add(&self.entries, entries);
    }

    pub(crate) fn add_content(&self, files: usize, bytes: usize) {
        add(&self.files, files);
        add(&self.bytes, bytes);
    }
}

fn add(counter: &AtomicU64, more: usize) {
    counter.fetch_add(u64::try_from(more).unwrap_or(u64::MAX), Ordering::Relaxed);
}
