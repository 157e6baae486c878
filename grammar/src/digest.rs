//! Content digests.

use crate::{GrammarError, text::validated_text};

/// A digest: `sha256:` and 64, or `sha512:` and 128, lower-case hexadecimal digits (OCI image
/// specification, "Digests"; its two registered algorithms).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

validated_text!(Digest);

impl Digest {
    /// Reads a digest.
    ///
    /// # Errors
    /// If the algorithm is not registered or the digits are not exactly those of the algorithm.
    pub fn parse(text: &str) -> Result<Self, GrammarError> {
        let refuse = |offset, expected| Err(GrammarError::at("digest", text, offset, expected));
        let (hex, digits, wanted) = if let Some(hex) = text.strip_prefix("sha256:") {
            (hex, 64, "exactly 64 hexadecimal digits")
        } else if let Some(hex) = text.strip_prefix("sha512:") {
            (hex, 128, "exactly 128 hexadecimal digits")
        } else {
            return refuse(0, "'sha256:' or 'sha512:'");
        };
        let start = text.len() - hex.len();
        for (offset, byte) in hex.bytes().enumerate() {
            if offset == digits {
                return refuse(start + offset, wanted);
            }
            if !matches!(byte, b'0'..=b'9' | b'a'..=b'f') {
                return refuse(start + offset, "a lower-case hexadecimal digit");
            }
        }
        if hex.len() < digits {
            return refuse(text.len(), wanted);
        }
        Ok(Self(text.to_owned()))
    }

    /// The digest with these SHA-256 bytes.
    pub fn from_sha256(bytes: [u8; 32]) -> Self {
        let mut text = String::from("sha256:");
        for byte in bytes {
            // Writing to a string cannot fail.
            let _ = std::fmt::Write::write_fmt(&mut text, format_args!("{byte:02x}"));
        }
        Self(text)
    }

    /// `sha256` or `sha512`.
    pub fn algorithm(&self) -> &str {
        self.0
            .split_once(':')
            .map_or("", |(algorithm, _)| algorithm)
    }

    /// The hexadecimal digits.
    pub fn hex(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, hex)| hex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::HOSTILE;

    #[test]
    fn accepts_both_algorithms() {
        let digest = Digest::parse(&format!("sha256:{}", "0f".repeat(32))).unwrap();
        assert_eq!((digest.algorithm(), digest.hex().len()), ("sha256", 64));
        let digest = Digest::parse(&format!("sha512:{}", "0f".repeat(64))).unwrap();
        assert_eq!((digest.algorithm(), digest.hex().len()), ("sha512", 128));
    }

    #[test]
    fn refuses_what_is_no_digest() {
        let hex = "a".repeat(64);
        let texts = [
            hex.clone(),
            format!("sha256:{}", "a".repeat(63)),
            format!("sha256:{hex}a"),
            format!("sha512:{hex}"),
            format!("sha256:{}", hex.to_uppercase()),
            format!("SHA256:{hex}"),
            format!("md5:{hex}"),
            format!("sha256:{hex}\n"),
            format!("sha256:{}/../{}", &hex[..30], &hex[..30]),
            "sha256:".to_owned(),
        ];
        for text in HOSTILE
            .iter()
            .copied()
            .chain(texts.iter().map(String::as_str))
        {
            assert!(Digest::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn says_where() {
        assert_eq!(Digest::parse("sha256:abcx").unwrap_err().position(), 11);
        assert_eq!(
            Digest::parse("sha256:abc").unwrap_err().expected(),
            "exactly 64 hexadecimal digits"
        );
    }
}
