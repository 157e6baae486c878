//! Names of repositories within a registry.

use crate::{GrammarError, text::validated_text};

/// A repository's name: segments of lower-case letters and digits, parted by `/`, each with single
/// `.`, one or two `_`, or any number of `-` inside (OCI distribution specification, "Pulling
/// manifests"); at most 256 characters, which is the widest limit that a registry is known to have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName(String);

validated_text!(RepositoryName);

impl RepositoryName {
    /// The most characters of a name.
    pub const MAX_LENGTH: usize = 256;

    /// Reads a repository name.
    ///
    /// # Errors
    /// If a segment is empty, starts or ends with a separator, has a character outside the grammar,
    /// or if the name is too long.
    pub fn parse(text: &str) -> Result<Self, GrammarError> {
        check(text, oci_separator)?;
        Ok(Self(text.to_owned()))
    }

    /// Whether ECR would accept the name too.
    pub fn is_ecr_name(&self) -> bool {
        EcrRepositoryName::parse(&self.0).is_ok()
    }

    /// The segments between the slashes; at least one.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// The name with `segment` put in front.
    pub(crate) fn prefixed(&self, segment: &str) -> Result<Self, GrammarError> {
        Self::parse(&format!("{segment}/{}", self.0))
    }
}

/// A repository's name as ECR accepts it: 2 to 256 characters, and one `.`, `_` or `-` at a time
/// inside a segment (ECR API, `CreateRepository`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EcrRepositoryName(String);

validated_text!(EcrRepositoryName);

impl EcrRepositoryName {
    /// Reads a repository name of ECR.
    ///
    /// # Errors
    /// As [`RepositoryName::parse`], and if separators are doubled or the name has one character.
    pub fn parse(text: &str) -> Result<Self, GrammarError> {
        check(text, |separator| separator.len() == 1)?;
        if text.len() < 2 {
            return Err(GrammarError::at(
                SUBJECT,
                text,
                text.len(),
                "at least 2 characters, as ECR asks",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl From<EcrRepositoryName> for RepositoryName {
    /// Every name of ECR is a name of OCI.
    fn from(name: EcrRepositoryName) -> Self {
        Self(name.0)
    }
}

impl TryFrom<&RepositoryName> for EcrRepositoryName {
    type Error = GrammarError;

    fn try_from(name: &RepositoryName) -> Result<Self, GrammarError> {
        Self::parse(&name.0)
    }
}

const SUBJECT: &str = "repository name";

fn oci_separator(separator: &str) -> bool {
    matches!(separator, "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-')
}

/// Checks a name whose runs of separators inside a segment must pass `separator`.
fn check(text: &str, separator: impl Fn(&str) -> bool) -> Result<(), GrammarError> {
    let refuse = |offset, expected| Err(GrammarError::at(SUBJECT, text, offset, expected));
    let mut run_start = None;
    let mut segment_is_empty = true;
    for (offset, byte) in text.bytes().enumerate() {
        if offset == RepositoryName::MAX_LENGTH {
            return refuse(offset, "no more than 256 characters");
        }
        match byte {
            b'a'..=b'z' | b'0'..=b'9' => {
                if let Some(start) = run_start.take() {
                    let run = text.get(start..offset).unwrap_or_default();
                    if !separator(run) {
                        return Err(GrammarError::found(
                            SUBJECT,
                            text,
                            start,
                            format!("'{run}'"),
                            "a single '.', '_' or '-' between letters and digits",
                        ));
                    }
                }
                segment_is_empty = false;
            }
            b'.' | b'_' | b'-' if !segment_is_empty => {
                run_start.get_or_insert(offset);
            }
            b'/' if !segment_is_empty && run_start.is_none() => segment_is_empty = true,
            _ if segment_is_empty || run_start.is_some() => {
                return refuse(offset, "a lower-case letter or a digit");
            }
            _ => return refuse(offset, "a lower-case letter, a digit, '.', '_', '-' or '/'"),
        }
    }
    if segment_is_empty || run_start.is_some() {
        return refuse(text.len(), "a lower-case letter or a digit last");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::HOSTILE;

    #[test]
    fn accepts_names() {
        let longest = "a".repeat(256);
        for name in [
            "app",
            "team/app",
            "a.b_c-d/0",
            "00",
            "a/b/c/d",
            longest.as_str(),
        ] {
            assert_eq!(RepositoryName::parse(name).unwrap().as_str(), name);
            assert!(RepositoryName::parse(name).unwrap().is_ecr_name(), "{name}");
        }
    }

    #[test]
    fn ecr_is_narrower_than_oci() {
        for name in ["a__b", "a--b", "a----b/c", "a"] {
            let accepted = RepositoryName::parse(name).unwrap();
            assert!(!accepted.is_ecr_name(), "{name}");
            assert!(EcrRepositoryName::try_from(&accepted).is_err(), "{name}");
        }
        assert!(EcrRepositoryName::parse(&"a".repeat(257)).is_err());
    }

    #[test]
    fn refuses_what_is_no_name() {
        let long = "a".repeat(257);
        let more = [
            "A", "aB", "a..b", "a___b", "a._b", "a_-b", "a.-b", "-a", "a-", "a/-b", "a./b", "a_/b",
            "a/b/", "a:b", "a/./b", "a/..", ".", "_", "-", "a/_", &long,
        ];
        for name in HOSTILE.iter().copied().chain(more) {
            assert!(RepositoryName::parse(name).is_err(), "{name:?}");
            assert!(EcrRepositoryName::parse(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn says_where_and_what() {
        assert_eq!(
            RepositoryName::parse("team/App").unwrap_err().to_string(),
            r#"invalid repository name "team/App": found 'A' at character 6, expected a lower-case letter or a digit"#
        );
        let error = EcrRepositoryName::parse("a__b").unwrap_err();
        assert!(
            error.to_string().contains("found '__' at character 2"),
            "{error}"
        );
    }
}
