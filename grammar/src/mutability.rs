//! Whether the tags of a repository of ECR can move.

use crate::{GrammarError, text::validated_text};

/// Which tags can be moved to another image (ECR's `ImageTagMutability`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MutabilityMode {
    /// All.
    #[default]
    Mutable,
    /// None.
    Immutable,
    /// All but those that a filter matches.
    MutableWithExclusion,
    /// None but those that a filter matches.
    ImmutableWithExclusion,
}

impl MutabilityMode {
    const ALL: [Self; 4] = [
        Self::Mutable,
        Self::Immutable,
        Self::MutableWithExclusion,
        Self::ImmutableWithExclusion,
    ];

    /// Reads ECR's name of a mode.
    ///
    /// # Errors
    /// If ECR has no mode of that name.
    pub fn parse(text: &str) -> Result<Self, GrammarError> {
        let mode = Self::ALL.into_iter().find(|mode| mode.name() == text);
        mode.ok_or_else(|| {
            GrammarError::found(
                "tag mutability",
                text,
                0,
                "another word",
                "MUTABLE, IMMUTABLE, MUTABLE_WITH_EXCLUSION or IMMUTABLE_WITH_EXCLUSION",
            )
        })
    }

    /// ECR's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mutable => "MUTABLE",
            Self::Immutable => "IMMUTABLE",
            Self::MutableWithExclusion => "MUTABLE_WITH_EXCLUSION",
            Self::ImmutableWithExclusion => "IMMUTABLE_WITH_EXCLUSION",
        }
    }

    /// Whether the mode needs filters.
    pub const fn has_exclusions(self) -> bool {
        matches!(
            self,
            Self::MutableWithExclusion | Self::ImmutableWithExclusion
        )
    }
}

/// A filter of tags: `[0-9a-zA-Z._*-]{1,128}` with at most two `*`, each for any text (ECR's
/// `ImageTagMutabilityExclusionFilter`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagFilter(String);

validated_text!(TagFilter);

impl TagFilter {
    /// Reads a filter.
    ///
    /// # Errors
    /// If the text has a character outside the grammar or a third `*`, is empty, or is too long.
    pub fn parse(text: &str) -> Result<Self, GrammarError> {
        let refuse = |offset, expected| Err(GrammarError::at("tag filter", text, offset, expected));
        let mut wildcards = 0;
        for (offset, byte) in text.bytes().enumerate() {
            wildcards += usize::from(byte == b'*');
            if !byte.is_ascii_alphanumeric() && !b"._*-".contains(&byte) {
                return refuse(offset, "a letter, a digit, '.', '_', '-' or '*'");
            }
            if wildcards > 2 {
                return refuse(offset, "no more than two '*'");
            }
            if offset == 128 {
                return refuse(offset, "no more than 128 characters");
            }
        }
        if text.is_empty() {
            return refuse(0, "1 to 128 letters, digits, '.', '_', '-' or '*'");
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether the filter is meant for `tag`.
    pub fn matches(&self, tag: &str) -> bool {
        matches_wildcard(&self.0, tag)
    }
}

/// `*` stands for any number of characters; everything else for itself.
fn matches_wildcard(filter: &str, text: &str) -> bool {
    let Some((head, rest)) = filter.split_once('*') else {
        return filter == text;
    };
    let Some(text) = text.strip_prefix(head) else {
        return false;
    };
    text.char_indices()
        .map(|(index, _)| index)
        .chain([text.len()])
        .any(|index| {
            text.get(index..)
                .is_some_and(|tail| matches_wildcard(rest, tail))
        })
}

/// Whether tags can move: a mode and the filters of the tags that are excepted from it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TagMutability {
    mode: MutabilityMode,
    exclusions: Vec<TagFilter>,
}

impl TagMutability {
    /// The most filters.
    pub const MOST_EXCLUSIONS: usize = 5;

    /// A mode with its filters.
    ///
    /// # Errors
    /// If a mode with exclusions has none or more than five, or another mode has any.
    pub fn new(mode: MutabilityMode, exclusions: Vec<TagFilter>) -> Result<Self, GrammarError> {
        let refuse = |expected| {
            let found = format!("{} exclusions", exclusions.len());
            Err(GrammarError::found(
                "tag mutability",
                mode.name(),
                0,
                found,
                expected,
            ))
        };
        match (mode.has_exclusions(), exclusions.len()) {
            (true, 1..=Self::MOST_EXCLUSIONS) | (false, 0) => Ok(Self { mode, exclusions }),
            (true, _) => refuse("1 to 5 exclusions"),
            (false, _) => refuse("no exclusions: the modes that end in WITH_EXCLUSION have them"),
        }
    }

    /// Reads ECR's name of a mode, and filters.
    ///
    /// # Errors
    /// As its parts, and as [`TagMutability::new`].
    pub fn parse<F: AsRef<str>>(
        mode: &str,
        exclusions: impl IntoIterator<Item = F>,
    ) -> Result<Self, GrammarError> {
        let mode = MutabilityMode::parse(mode)?;
        let exclusions = exclusions
            .into_iter()
            .map(|filter| TagFilter::parse(filter.as_ref()))
            .collect::<Result<_, _>>()?;
        Self::new(mode, exclusions)
    }

    /// The mode.
    pub fn mode(&self) -> MutabilityMode {
        self.mode
    }

    /// The filters.
    pub fn exclusions(&self) -> &[TagFilter] {
        &self.exclusions
    }

    /// Whether ECR refuses to let `tag` name another image once it names one.
    pub fn is_immutable(&self, tag: &str) -> bool {
        let excluded = || self.exclusions.iter().any(|filter| filter.matches(tag));
        match self.mode {
            MutabilityMode::Mutable => false,
            MutabilityMode::Immutable => true,
            MutabilityMode::MutableWithExclusion => excluded(),
            MutabilityMode::ImmutableWithExclusion => !excluded(),
        }
    }
}

impl std::fmt::Display for TagMutability {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.mode.name())?;
        if self.exclusions.is_empty() {
            return Ok(());
        }
        let filters: Vec<&str> = self.exclusions.iter().map(TagFilter::as_str).collect();
        write!(formatter, " ({})", filters.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::HOSTILE;

    #[test]
    fn wildcards_stand_for_any_run_of_characters() {
        for (filter, text, expected) in [
            ("latest", "latest", true),
            ("latest", "latest1", false),
            ("dev-*", "dev-", true),
            ("dev-*", "prod-dev-1", false),
            ("dev-*-x", "dev-7-x", true),
            ("dev-*-x", "dev-7", false),
            ("*-rc*", "1.2-rc3", true),
            ("*-rc*", "1.2", false),
            ("v*.0", "v1.0.0", true),
            ("v*.0", "v1.0.1", false),
        ] {
            let parsed = TagFilter::parse(filter).unwrap();
            assert_eq!(parsed.matches(text), expected, "{filter} against {text}");
        }
    }

    #[test]
    fn exclusions_turn_the_mode_round() {
        let immutable = TagMutability::parse("IMMUTABLE_WITH_EXCLUSION", ["dev*"]).unwrap();
        assert!(immutable.is_immutable("1.0") && !immutable.is_immutable("dev1"));
        let mutable = TagMutability::parse("MUTABLE_WITH_EXCLUSION", ["dev*"]).unwrap();
        assert!(!mutable.is_immutable("1.0") && mutable.is_immutable("dev1"));
        assert_eq!(mutable.to_string(), "MUTABLE_WITH_EXCLUSION (dev*)");
        let none: [&str; 0] = [];
        assert!(
            TagMutability::parse("IMMUTABLE", none)
                .unwrap()
                .is_immutable("1")
        );
        assert!(
            !TagMutability::parse("MUTABLE", none)
                .unwrap()
                .is_immutable("1")
        );
    }

    #[test]
    fn refuses_what_ecr_would_refuse() {
        for filter in HOSTILE.iter().copied().chain(["a*b*c*", "a:b"]) {
            // One of the hostile texts is harmless here.
            assert_eq!(
                TagFilter::parse(filter).is_ok(),
                filter == "..",
                "{filter:?}"
            );
        }
        assert!(TagFilter::parse(&"a".repeat(129)).is_err());
        for (mode, exclusions) in [
            ("IMMUTABLE_WITH_EXCLUSION", vec![]),
            ("MUTABLE_WITH_EXCLUSION", vec!["a"; 6]),
            ("MUTABLE", vec!["a"]),
            ("mutable", vec![]),
        ] {
            assert!(TagMutability::parse(mode, exclusions).is_err(), "{mode}");
        }
    }
}
