use crate::storage::{StorageError, files};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use std::fs;
use std::path::Path;
use zeroize::Zeroizing;

/// Signs what the server hands out, so that it knows it again, also after a restart, without
/// keeping a list.
pub(crate) struct Seal {
    key: Zeroizing<Vec<u8>>,
}

impl Seal {
    /// Reads the key from the data folder, or makes one. Blocks.
    pub(crate) fn open(data: &Path) -> Result<Self, StorageError> {
        let path = data.join("key");
        if !path.exists() {
            let mut key = Zeroizing::new([0; 32]);
            getrandom::fill(key.as_mut_slice())
                .map_err(|error| StorageError::io("read random bytes for", &path)(error.into()))?;
            files::write(&data.join("temporary"), &path, key.as_slice())?;
        }
        let key = fs::read(&path).map_err(StorageError::io("read", &path))?;
        Ok(Self {
            key: Zeroizing::new(key),
        })
    }

    /// The seal on `message`. `purpose` keeps one kind of seal from passing for another.
    pub(super) fn sign(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        keyed_hash(&keyed_hash(&self.key, purpose.as_bytes()), message)
    }

    /// Whether `seal` is what [`Seal::sign`] made. Takes the same time in either case.
    pub(super) fn verify(&self, purpose: &str, message: &[u8], seal: &[u8]) -> bool {
        verify_keyed_hash(&keyed_hash(&self.key, purpose.as_bytes()), message, seal)
    }
}

fn hash(key: &[u8], message: &[u8]) -> Option<Hmac<Sha256>> {
    // HMAC takes keys of any length, so this is never `None`.
    let mut hash = Hmac::<Sha256>::new_from_slice(key).ok()?;
    hash.update(message);
    Some(hash)
}

/// HMAC-SHA256.
pub(super) fn keyed_hash(key: &[u8], message: &[u8]) -> [u8; 32] {
    hash(key, message).map_or([0; 32], |hash| hash.finalize().into_bytes().into())
}

/// Whether `expected` is the HMAC-SHA256 of `message`.
pub(super) fn verify_keyed_hash(key: &[u8], message: &[u8], expected: &[u8]) -> bool {
    hash(key, message).is_some_and(|hash| hash.verify_slice(expected).is_ok())
}
