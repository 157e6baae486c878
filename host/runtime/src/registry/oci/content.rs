//! Content that is checked against its digest.

use sha2::{Digest as _, Sha256, Sha512};
use stepyard_grammar::Digest;

/// Computes a digest as bytes arrive.
#[derive(Clone, Debug)]
pub(super) enum ContentHash {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl ContentHash {
    /// A hash of the algorithm that `digest` uses.
    pub(super) fn like(digest: &Digest) -> Self {
        if digest.algorithm() == "sha512" {
            Self::Sha512(Sha512::new())
        } else {
            Self::Sha256(Sha256::new())
        }
    }

    /// Takes further bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
        }
    }

    /// Whether the bytes so far have this digest.
    pub(super) fn matches(self, digest: &Digest) -> bool {
        let (algorithm, hex) = match self {
            Self::Sha256(hash) => ("sha256", format!("{:x}", hash.finalize())),
            Self::Sha512(hash) => ("sha512", format!("{:x}", hash.finalize())),
        };
        digest.algorithm() == algorithm && digest.hex() == hex
    }
}

/// The `sha256` digest of `bytes`.
pub(super) fn digest_of(bytes: &[u8]) -> Option<Digest> {
    Digest::parse(&format!("sha256:{:x}", Sha256::digest(bytes))).ok()
}

/// Whether `bytes` have this digest.
pub(crate) fn matches(bytes: &[u8], digest: &Digest) -> bool {
    let mut hash = ContentHash::like(digest);
    hash.update(bytes);
    hash.matches(digest)
}
