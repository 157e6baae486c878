//! Which sources a build may read (BuildKit, `sourcepolicy/pb/policy.proto`). The daemon looks at
//! every source that it is about to read, also at those that a frontend, an `ARG` or an `ONBUILD`
//! names.

use bollard_buildkit_proto::moby::buildkit::v1::sourcepolicy::{
    MatchType, Policy, PolicyAction, Rule, Selector,
};

/// The version of the policy's form that BuildKit knows.
const VERSION: i64 = 1;

/// A rule about sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRule {
    /// Whether the sources that match may be read.
    pub allow: bool,
    /// A regular expression (RE2) that a source's whole identifier matches, such as
    /// `docker-image://docker\.io/library/alpine:.*`.
    pub sources: String,
}

impl SourceRule {
    /// The sources may be read.
    pub fn allow(sources: impl Into<String>) -> Self {
        Self {
            allow: true,
            sources: sources.into(),
        }
    }

    /// The sources may not be read.
    pub fn deny(sources: impl Into<String>) -> Self {
        Self {
            allow: false,
            sources: sources.into(),
        }
    }
}

pub(super) fn policy(rules: &[SourceRule]) -> Option<Policy> {
    if rules.is_empty() {
        return None;
    }
    let rules = rules.iter().map(|rule| Rule {
        action: match rule.allow {
            true => PolicyAction::Allow,
            false => PolicyAction::Deny,
        }
        .into(),
        selector: Some(Selector {
            identifier: format!("^(?:{})$", rule.sources),
            match_type: MatchType::Regex.into(),
            constraints: Vec::new(),
        }),
        updates: None,
    });
    Some(Policy {
        version: VERSION,
        rules: rules.collect(),
    })
}
