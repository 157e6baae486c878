//! What only Amazon ECR has. Pushing and tagging need nothing of it: see [`crate::registry`].

use stepyard_grammar::{EcrRegistry, EcrRepositoryName, Tag};

use crate::{Error, bindings::stepyard::step::ecr};

/// A repository, as ECR describes it.
#[derive(Debug)]
pub struct Repository(ecr::Repository);

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

    /// `MUTABLE`, `IMMUTABLE`, `IMMUTABLE_WITH_EXCLUSION` or `MUTABLE_WITH_EXCLUSION`.
    pub fn tag_mutability(&self) -> String {
        self.0.tag_mutability()
    }

    /// Whether ECR refuses to let `tag` name another image once it names one.
    pub fn tag_is_immutable(&self, tag: &Tag) -> bool {
        self.0.tag_is_immutable(tag.as_str())
    }
}

/// Describes a repository with the identity of `connector`; nothing where it does not exist.
///
/// # Errors
/// `denied`; `not-found` where no connector has that name; `unauthenticated`; `forbidden` where
/// the identity lacks `ecr:DescribeRepositories`; `throttled`; `unavailable`.
pub fn describe_repository(
    connector: &str,
    registry: &EcrRegistry,
    name: &EcrRepositoryName,
) -> Result<Option<Repository>, Error> {
    let found = ecr::describe_repository(connector, registry.as_str(), name.as_str())?;
    Ok(found.map(Repository))
}
