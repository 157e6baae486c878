//! Tags of AWS's resources.

use crate::GrammarError;

/// A tag of a resource in AWS: a key and a value (AWS Tagging, "Tag naming limits and
/// requirements").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AwsTag {
    key: String,
    value: String,
}

impl AwsTag {
    /// The most tags of one resource.
    pub const MOST: usize = 50;

    /// A key with its value.
    ///
    /// # Errors
    /// If the key is empty, has more than 128 characters or begins with `aws:`, if the value has more
    /// than 256, or if one has a character other than letters, digits, spaces and `_.:/=+-@`.
    pub fn new(key: &str, value: &str) -> Result<Self, GrammarError> {
        check(key, "key of an AWS tag", 128)?;
        check(value, "value of an AWS tag", 256)?;
        let refuse = |expected| Err(GrammarError::at("key of an AWS tag", key, 0, expected));
        if key.is_empty() {
            return refuse("1 to 128 letters, digits, spaces or '_.:/=+-@'");
        }
        if key
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
        {
            return refuse("a key without AWS's own prefix aws:");
        }
        Ok(Self {
            key: key.to_owned(),
            value: value.to_owned(),
        })
    }

    /// The key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The value.
    pub fn value(&self) -> &str {
        &self.value
    }
}

fn check(text: &str, subject: &'static str, most: usize) -> Result<(), GrammarError> {
    for (number, (offset, character)) in text.char_indices().enumerate() {
        if number == most {
            let expected = format!("no more than {most} characters");
            return Err(GrammarError::at(subject, text, offset, expected));
        }
        if !character.is_alphanumeric() && !" _.:/=+-@".contains(character) {
            let expected = "a letter, a digit, a space or one of '_.:/=+-@'";
            return Err(GrammarError::at(subject, text, offset, expected));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_are_what_aws_takes() {
        let tag = AwsTag::new("cost:center", "Größe 1/2 = a+b@c").unwrap();
        assert_eq!(
            (tag.key(), tag.value()),
            ("cost:center", "Größe 1/2 = a+b@c")
        );
        assert!(AwsTag::new("k", "").is_ok());
        let (long, longer) = ("k".repeat(129), "v".repeat(257));
        for (key, value) in [
            ("", "v"),
            ("aws:x", "v"),
            ("AWS:x", "v"),
            ("a\nb", "v"),
            ("k", "v\0"),
            ("k", "a#b"),
            (long.as_str(), "v"),
            ("k", longer.as_str()),
        ] {
            assert!(AwsTag::new(key, value).is_err(), "{key:?} {value:?}");
        }
    }
}
