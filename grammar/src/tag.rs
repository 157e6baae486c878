//! Tags of images.

use crate::{GrammarError, text::validated_text};

/// A tag: `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}` (OCI distribution specification, "Pulling manifests").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

validated_text!(Tag);

impl Tag {
    /// The most characters of a tag.
    pub const MAX_LENGTH: usize = 128;

    /// Reads a tag.
    ///
    /// # Errors
    /// If the text has a character outside the grammar, is empty, or is too long.
    pub fn parse(text: &str) -> Result<Self, GrammarError> {
        let refuse = |offset, expected| Err(GrammarError::at("tag", text, offset, expected));
        for (offset, byte) in text.bytes().enumerate() {
            let word = byte.is_ascii_alphanumeric() || byte == b'_';
            if offset == 0 && !word {
                return refuse(offset, "a letter, a digit or '_' first");
            }
            if !word && byte != b'.' && byte != b'-' {
                return refuse(offset, "a letter, a digit, '_', '.' or '-'");
            }
            if offset == Self::MAX_LENGTH {
                return refuse(offset, "no more than 128 characters");
            }
        }
        if text.is_empty() {
            return refuse(0, "1 to 128 letters, digits, '_', '.' or '-'");
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::HOSTILE;

    #[test]
    fn accepts_tags() {
        let longest = "a".repeat(128);
        for tag in ["latest", "1.2.3", "_x", "A-b_c.9", "9", longest.as_str()] {
            assert_eq!(Tag::parse(tag).unwrap().as_str(), tag);
        }
    }

    #[test]
    fn refuses_what_is_no_tag() {
        let long = "a".repeat(129);
        for tag in HOSTILE
            .iter()
            .copied()
            .chain([".a", "-a", "a:b", "a+b", "a/b", long.as_str()])
        {
            assert!(Tag::parse(tag).is_err(), "{tag:?}");
        }
    }

    #[test]
    fn says_where_and_what() {
        assert_eq!(
            Tag::parse("v1\n2").unwrap_err().to_string(),
            r#"invalid tag "v1\n2": found '\n' at character 3, expected a letter, a digit, '_', '.' or '-'"#
        );
        let error = Tag::parse(&"x".repeat(5000)).unwrap_err();
        assert_eq!(error.position(), 129);
        assert!(error.to_string().len() < 250);
    }
}
