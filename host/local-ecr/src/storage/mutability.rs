use serde::{Deserialize, Serialize};

/// Whether tags may move: ECR's `imageTagMutability` and its exclusion filters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub(crate) struct TagMutability {
    pub(crate) mode: MutabilityMode,
    /// Wildcard filters; the tags that match one behave the other way round.
    pub(crate) exclusions: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum MutabilityMode {
    #[default]
    Mutable,
    Immutable,
    MutableWithExclusion,
    ImmutableWithExclusion,
}

impl MutabilityMode {
    pub(crate) fn has_exclusions(self) -> bool {
        matches!(
            self,
            Self::MutableWithExclusion | Self::ImmutableWithExclusion
        )
    }
}

impl TagMutability {
    /// Whether `tag`, once it exists, is bound to its image.
    pub(crate) fn is_immutable(&self, tag: &str) -> bool {
        let excluded = || {
            self.exclusions
                .iter()
                .any(|filter| matches_wildcard(filter, tag))
        };
        match self.mode {
            MutabilityMode::Mutable => false,
            MutabilityMode::Immutable => true,
            MutabilityMode::MutableWithExclusion => excluded(),
            MutabilityMode::ImmutableWithExclusion => !excluded(),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_any_run_of_characters() {
        for (filter, text, expected) in [
            ("latest", "latest", true),
            ("latest", "latest1", false),
            ("dev-*", "dev-", true),
            ("dev-*", "prod-dev-1", false),
            ("*-rc*", "1.2-rc3", true),
            ("*-rc*", "1.2", false),
            ("v*.0", "v1.0.0", true),
            ("v*.0", "v1.0.1", false),
        ] {
            assert_eq!(
                matches_wildcard(filter, text),
                expected,
                "{filter} against {text}"
            );
        }
    }

    #[test]
    fn exclusions_turn_the_rule_round() {
        let mutability = |mode| TagMutability {
            mode,
            exclusions: vec!["dev*".into()],
        };
        let immutable = mutability(MutabilityMode::ImmutableWithExclusion);
        assert!(immutable.is_immutable("1.0") && !immutable.is_immutable("dev1"));
        let mutable = mutability(MutabilityMode::MutableWithExclusion);
        assert!(!mutable.is_immutable("1.0") && mutable.is_immutable("dev1"));
    }
}
