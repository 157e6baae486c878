//! The chain of hashes.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// The hash before the first record.
pub(super) const BEGINNING: &str =
    "0000000000000000000000000000000000000000000000000000000000000000";

/// Names a record, and with it all before it: its place in the chain and its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// Counts the records of a chain from 1.
    pub sequence: u64,
    /// 64 hexadecimal digits.
    pub hash: String,
}

impl fmt::Display for AuditHead {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.sequence, self.hash)
    }
}

impl FromStr for AuditHead {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || {
            format!(
                "`{text}` is no head; expected a number, `:` and 64 hexadecimal digits, as a run prints it"
            )
        };
        let (sequence, hash) = text.split_once(':').ok_or_else(expected)?;
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        match sequence.parse() {
            Ok(sequence) if is_hash => Ok(Self {
                sequence,
                hash: hash.to_ascii_lowercase(),
            }),
            _ => Err(expected()),
        }
    }
}

/// SHA-256 in hexadecimal digits.
pub(super) fn hash(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}
