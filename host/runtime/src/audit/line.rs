//! One line of the file: a record with its place in the chain.
//!
//! `{"sequence":N,"previous":"HASH", … ,"hash":"HASH"}`: the last field is the SHA-256 of the bytes
//! of the line before `,"hash":`.

use serde::Deserialize;

use super::chain::{AuditHead, hash};
use super::record::AuditEntry;

/// What stands before the hash of a line.
const HASH_FIELD: &[u8] = b",\"hash\":\"";
/// The length of a hash in hexadecimal digits.
const HASH_LENGTH: usize = 64;

/// A record as it stands in a line, without its place in the chain.
pub(super) fn body(entry: &AuditEntry<'_>) -> serde_json::Result<Vec<u8>> {
    let mut body = serde_json::to_vec(entry)?;
    // The place comes before it, and the hash after.
    body.pop();
    if let Some(brace) = body.first_mut() {
        *brace = b',';
    }
    Ok(body)
}

/// Adds a line with its end to `line`, and gives its hash. `body` is of [`body`].
pub(super) fn write(line: &mut Vec<u8>, sequence: u64, previous: &str, body: &[u8]) -> String {
    let begin = line.len();
    line.extend_from_slice(b"{\"sequence\":");
    line.extend_from_slice(sequence.to_string().as_bytes());
    line.extend_from_slice(b",\"previous\":\"");
    line.extend_from_slice(previous.as_bytes());
    line.push(b'"');
    line.extend_from_slice(body);
    let hash = hash(line.get(begin..).unwrap_or_default());
    line.extend_from_slice(HASH_FIELD);
    line.extend_from_slice(hash.as_bytes());
    line.extend_from_slice(b"\"}\n");
    hash
}

/// A line that was read, its own hash verified.
#[derive(Clone, Debug)]
pub struct AuditLine {
    /// Its place in the chain.
    pub head: AuditHead,
    /// The hash of the record before it.
    pub previous: String,
    /// The record with all its fields.
    pub record: serde_json::Value,
}

/// What is wrong with one line by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// It does not end in a hash.
    #[error("it does not end with its hash: it is cut off, or no record")]
    NoHash,
    /// Its bytes have another hash.
    #[error("its bytes do not have the hash that it names: it was changed")]
    WrongHash,
    /// It is no JSON object with the fields of a record.
    #[error("it is no record")]
    NoRecord,
}

#[derive(Deserialize)]
struct Place {
    sequence: u64,
    previous: String,
}

impl AuditLine {
    /// Reads a line without its end.
    ///
    /// # Errors
    /// As [`LineError`] lists.
    pub fn parse(line: &[u8]) -> Result<Self, LineError> {
        let rest = line.strip_suffix(b"\"}").ok_or(LineError::NoHash)?;
        let (rest, digits) = rest
            .len()
            .checked_sub(HASH_LENGTH)
            .and_then(|place| rest.split_at_checked(place))
            .ok_or(LineError::NoHash)?;
        let hashed = rest.strip_suffix(HASH_FIELD).ok_or(LineError::NoHash)?;
        let own = hash(hashed);
        if own.as_bytes() != digits {
            return Err(LineError::WrongHash);
        }
        let place: Place = serde_json::from_slice(line).map_err(|_| LineError::NoRecord)?;
        let record = serde_json::from_slice(line).map_err(|_| LineError::NoRecord)?;
        Ok(Self {
            head: AuditHead {
                sequence: place.sequence,
                hash: own,
            },
            previous: place.previous,
            record,
        })
    }

    /// A text of the record.
    pub fn text(&self, field: &str) -> &str {
        let value = self.record.get(field);
        value
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default()
    }

    /// A number of the record.
    pub fn number(&self, field: &str) -> u64 {
        let value = self.record.get(field);
        value
            .and_then(serde_json::Value::as_u64)
            .unwrap_or_default()
    }
}
