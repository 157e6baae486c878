//! What a new repository is to be like.

use stepyard_grammar::{AwsTag, GrammarError, RepositoryEncryption, TagMutability};

use crate::capability::CapabilityError;

/// What a guest has noted of a new repository, as it came.
#[derive(Clone, Debug, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RepositoryDraft {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tag_mutability: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) mutability_exclusions: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) scan_on_push: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) encryption: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kms_key: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tags: Vec<(String, String)>,
}

/// What a new repository is to be like. The default is ECR's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepositorySettings {
    /// Whether tags can be moved.
    pub tag_mutability: TagMutability,
    /// Whether ECR scans each image that is pushed.
    pub scan_on_push: bool,
    /// How layers are encrypted.
    pub encryption: RepositoryEncryption,
    /// Tags of the resource in AWS, each key once.
    pub tags: Vec<AwsTag>,
}

impl RepositorySettings {
    /// Checks a draft.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidSettings`] for the first thing that ECR would not take.
    pub fn validate(draft: RepositoryDraft) -> Result<Self, CapabilityError> {
        let invalid = |error: GrammarError| CapabilityError::invalid(error.to_string());
        let mutability = draft.tag_mutability.as_deref().unwrap_or("MUTABLE");
        // A key alone asks for KMS.
        let default = draft.kms_key.as_ref().map_or("AES256", |_| "KMS");
        let encryption = draft.encryption.as_deref().unwrap_or(default);
        let mut tags: Vec<AwsTag> = Vec::new();
        for (key, value) in &draft.tags {
            let tag = AwsTag::new(key, value).map_err(invalid)?;
            if tags.iter().any(|earlier| earlier.key() == tag.key()) {
                return Err(CapabilityError::invalid(format!(
                    "the AWS tag {key:?} is given twice"
                )));
            }
            tags.push(tag);
            if tags.len() > AwsTag::MOST {
                return Err(CapabilityError::invalid(format!(
                    "a repository may have {} AWS tags",
                    AwsTag::MOST
                )));
            }
        }
        Ok(Self {
            tag_mutability: TagMutability::parse(mutability, &draft.mutability_exclusions)
                .map_err(invalid)?,
            scan_on_push: draft.scan_on_push,
            encryption: RepositoryEncryption::parse(encryption, draft.kms_key.as_deref())
                .map_err(invalid)?,
            tags,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_draft_asks_for_the_defaults() {
        let settings = RepositorySettings::validate(RepositoryDraft::default()).unwrap();
        assert_eq!(settings, RepositorySettings::default());
    }

    #[test]
    fn a_draft_is_checked_whole() {
        let draft = RepositoryDraft {
            tag_mutability: Some("IMMUTABLE_WITH_EXCLUSION".to_owned()),
            mutability_exclusions: vec!["latest".to_owned()],
            scan_on_push: true,
            encryption: None,
            kms_key: Some("alias/images".to_owned()),
            tags: vec![("team".to_owned(), "web".to_owned())],
        };
        let settings = RepositorySettings::validate(draft.clone()).unwrap();
        assert!(settings.tag_mutability.is_immutable("1"));
        assert_eq!(settings.encryption.kind(), "KMS");
        let faulty: [fn(&mut RepositoryDraft); 5] = [
            |draft| draft.tag_mutability = Some("IMMUTABLE".to_owned()),
            |draft| draft.mutability_exclusions.push("a/b".to_owned()),
            |draft| draft.encryption = Some("AES256".to_owned()),
            |draft| draft.tags.push(("team".to_owned(), "again".to_owned())),
            |draft| {
                let tags = (0..50).map(|number| (number.to_string(), String::new()));
                draft.tags.extend(tags);
            },
        ];
        for spoil in faulty {
            let mut draft = draft.clone();
            spoil(&mut draft);
            let error = RepositorySettings::validate(draft).unwrap_err();
            assert_eq!(error.kind, crate::ErrorKind::InvalidSettings, "{error}");
        }
    }
}
