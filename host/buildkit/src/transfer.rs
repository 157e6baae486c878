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

    pub(crate) fn add_entry(&self) {
        self.entries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_file(&self) {
        self.files.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}
