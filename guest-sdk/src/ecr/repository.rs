//! Repositories, and what new ones are to be like.

use stepyard_grammar::{RepositoryEncryption, Tag, TagFilter, TagMutability};

use crate::{Error, bindings::stepyard::step::ecr};

/// A repository, as ECR describes it. See [`super::NamedRepository`].
#[derive(Debug)]
pub struct Repository(pub(super) ecr::Repository);

impl Repository {
    /// Such as `team/app`.
    pub fn name(&self) -> String {
        self.0.name()
    }

    /// The Amazon Resource Name.
    pub fn arn(&self) -> String {
        self.0.arn()
    }

    /// The registry's host, a slash and the name.
    pub fn uri(&self) -> String {
        self.0.uri()
    }

    /// Whether tags can move, with ECR's word and the filters of the tags that are excepted.
    ///
    /// # Errors
    /// `invalid-settings` where ECR has words that this version does not know.
    pub fn tag_mutability(&self) -> Result<TagMutability, Error> {
        let exclusions = self.0.mutability_exclusions();
        Ok(TagMutability::parse(&self.0.tag_mutability(), exclusions)?)
    }

    /// Whether ECR refuses to let `tag` name another image once it names one.
    pub fn tag_is_immutable(&self, tag: &Tag) -> bool {
        self.0.tag_is_immutable(tag.as_str())
    }

    /// Whether ECR scans each image that is pushed.
    pub fn scans_on_push(&self) -> bool {
        self.0.scans_on_push()
    }

    /// `AES256`, `KMS` or `KMS_DSSE`.
    pub fn encryption(&self) -> String {
        self.0.encryption()
    }

    /// The KMS key, where one is used.
    pub fn kms_key(&self) -> Option<String> {
        self.0.kms_key()
    }

    /// Whether [`super::NamedRepository::create`] made it, and it was not there before.
    pub fn is_new(&self) -> bool {
        self.0.is_new()
    }
}

/// What a new repository is to be like. What is not said is as ECR does by itself.
///
/// ```
/// use stepyard_sdk::{ecr::{NamedRepository, RepositorySettings}, grammar::{EcrRegistry, EcrRepositoryName}};
/// use stepyard_sdk::testing::{Host, Repository};
///
/// let registry = EcrRegistry::parse("123456789012.dkr.ecr.us-east-1.amazonaws.com")?;
/// let app = NamedRepository::new("aws", &registry, &EcrRepositoryName::parse("team/app")?);
/// let run = Host::new()
///     .on_create_repository("team/app", Ok(Repository::new("team/app").newly_made()))
///     .call(|| app.create(RepositorySettings::new().scan_on_push(true).tag("team", "web")));
/// assert!(run.value().is_new());
/// let settings = run.call("ecr.create-repository").argument("settings");
/// assert_eq!(settings["tags"][0][1], "web");
/// # Ok::<(), stepyard_sdk::Error>(())
/// ```
#[derive(Debug)]
pub struct RepositorySettings(pub(super) ecr::RepositorySettings);

impl Default for RepositorySettings {
    fn default() -> Self {
        Self::new()
    }
}

impl RepositorySettings {
    /// Mutable tags, no scan on push, encryption with AES256, no tags.
    pub fn new() -> Self {
        Self(ecr::RepositorySettings::new())
    }

    /// Whether tags can move.
    #[must_use]
    pub fn tag_mutability(self, mutability: &TagMutability) -> Self {
        self.0.set_tag_mutability(mutability.mode().name());
        for filter in mutability.exclusions() {
            self.0.add_mutability_exclusion(filter.as_str());
        }
        self
    }

    /// Whether ECR scans each image that is pushed.
    #[must_use]
    pub fn scan_on_push(self, enabled: bool) -> Self {
        self.0.set_scan_on_push(enabled);
        self
    }

    /// How layers are encrypted. It cannot be changed afterwards.
    #[must_use]
    pub fn encryption(self, encryption: &RepositoryEncryption) -> Self {
        self.0.set_encryption(encryption.kind());
        if let Some(key) = encryption.key() {
            self.0.set_kms_key(key);
        }
        self
    }

    /// A tag of the resource in AWS, not of an image.
    #[must_use]
    pub fn tag(self, key: &str, value: &str) -> Self {
        self.0.add_tag(key, value);
        self
    }
}

pub(super) fn filters(mutability: &TagMutability) -> Vec<String> {
    let filters = mutability.exclusions().iter();
    filters.map(TagFilter::to_string).collect()
}
