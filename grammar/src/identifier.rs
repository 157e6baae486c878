//! Names and identifiers of steps.

use crate::{GrammarError, text::validated_text};

/// The most characters of a name or an identifier.
const MAX_LENGTH: usize = 128;
const TOO_LONG: &str = "no more than 128 characters";

/// A step's identifier, by which expressions name it: `[a-zA-Z_][0-9a-zA-Z_]{0,127}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepIdentifier(String);

validated_text!(StepIdentifier);

impl StepIdentifier {
    /// Reads an identifier.
    ///
    /// # Errors
    /// If the text does not follow the grammar.
    pub fn parse(text: &str) -> Result<Self, GrammarError> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let refuse = |offset, expected| GrammarError::at("step identifier", text, offset, expected);
        if text
            .bytes()
            .next()
            .is_none_or(|first| !word(first) || first.is_ascii_digit())
        {
            return Err(refuse(0, "a letter or '_' first"));
        }
        if let Some(offset) = text.bytes().position(|byte| !word(byte)) {
            return Err(refuse(offset, "a letter, a digit or '_'"));
        }
        if text.len() > MAX_LENGTH {
            return Err(refuse(MAX_LENGTH, TOO_LONG));
        }
        Ok(Self(text.to_owned()))
    }

    /// The identifier that Harness derives from a name: spaces and dashes become `_`, other
    /// characters that an identifier cannot have are dropped, and a leading digit gets a `_`.
    ///
    /// # Errors
    /// If nothing of the name is left (`...`).
    pub fn from_name(name: &StepName) -> Result<Self, GrammarError> {
        let kept = name
            .as_str()
            .trim()
            .chars()
            .filter_map(|character| match character {
                ' ' | '-' => Some('_'),
                '_' => Some('_'),
                _ => character.is_ascii_alphanumeric().then_some(character),
            });
        let mut derived: String = kept.collect();
        if derived.starts_with(|first: char| first.is_ascii_digit()) {
            derived.insert(0, '_');
        }
        derived.truncate(MAX_LENGTH);
        if derived.is_empty() {
            let expected = "a name with a letter, a digit, '_' or '-', or an identifier beside it";
            return Err(GrammarError::found(
                "step name",
                name.as_str(),
                0,
                "nothing to make an identifier of",
                expected,
            ));
        }
        Self::parse(&derived)
    }
}

/// A step's name, as people read it: `[a-zA-Z_0-9-.][-0-9a-zA-Z_ .]{0,127}`.
///
/// Harness's schema allows any white space after the first character; here only a space is one,
/// because names are printed in logs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepName(String);

validated_text!(StepName);

impl StepName {
    /// Reads a name.
    ///
    /// # Errors
    /// If the text does not follow the grammar.
    pub fn parse(text: &str) -> Result<Self, GrammarError> {
        let refuse = |offset, expected| GrammarError::at("step name", text, offset, expected);
        let allowed =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b' ');
        if text.is_empty() || text.starts_with(' ') {
            return Err(refuse(0, "a letter, a digit, '_', '-' or '.' first"));
        }
        if let Some(offset) = text.bytes().position(|byte| !allowed(byte)) {
            return Err(refuse(
                offset,
                "a letter, a digit, a space, '_', '-' or '.'",
            ));
        }
        if text.len() > MAX_LENGTH {
            return Err(refuse(MAX_LENGTH, TOO_LONG));
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers() {
        let longest = "a".repeat(128);
        for text in ["a", "_", "_1", "build_and_push", "A9", longest.as_str()] {
            assert_eq!(StepIdentifier::parse(text).unwrap().as_str(), text);
        }
        let long = "a".repeat(129);
        let refused = [
            "",
            "1a",
            "a-b",
            "a b",
            "a.b",
            "a\n",
            "é",
            "a\u{301}",
            "a%",
            "..",
            "a/b",
            "$a",
            "\0",
            long.as_str(),
        ];
        for text in refused {
            assert!(StepIdentifier::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn names() {
        let longest = "a".repeat(128);
        for text in [
            "Build and push",
            "1. build",
            "-x",
            "..",
            "a ",
            longest.as_str(),
        ] {
            assert_eq!(StepName::parse(text).unwrap().as_str(), text);
        }
        let long = "a".repeat(129);
        for text in [
            "",
            " a",
            "a\nb",
            "a\tb",
            "a\r",
            "é",
            "a%",
            "a/b",
            "a:b",
            "\u{1b}[31m",
            "a\u{202e}",
            long.as_str(),
        ] {
            assert!(StepName::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn derives_identifiers() {
        let overlong = format!("1{}", "a".repeat(127));
        let cut = format!("_1{}", "a".repeat(126));
        for (name, identifier) in [
            ("Build and push", "Build_and_push"),
            ("build-push", "build_push"),
            ("v1.2 test", "v12_test"),
            ("1st step", "_1st_step"),
            ("a ", "a"),
            (overlong.as_str(), cut.as_str()),
        ] {
            let name = StepName::parse(name).unwrap();
            assert_eq!(
                StepIdentifier::from_name(&name).unwrap().as_str(),
                identifier
            );
        }
        assert!(StepIdentifier::from_name(&StepName::parse("...").unwrap()).is_err());
    }
}
