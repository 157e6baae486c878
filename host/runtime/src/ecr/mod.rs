//! The capability *ecr*: what only Amazon ECR has.

pub mod aws;
pub(crate) mod binding;

use async_trait::async_trait;
use stepyard_grammar::{EcrRegistry, RegistryHost, RepositoryName};

use crate::capability::CapabilityError;
use crate::policy::{Access, Action, Authorized, Call, Resource};

/// A repository, as ECR describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// Such as `team/app`.
    pub name: String,
    /// The Amazon Resource Name.
    pub arn: String,
    /// `<registry host>/<name>`.
    pub uri: String,
    /// Whether tags can be overwritten.
    pub tag_mutability: TagMutability,
}

/// Whether tags can be overwritten (ECR's `imageTagMutability` and its exclusion filters).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagMutability {
    /// As ECR names it, such as `IMMUTABLE_WITH_EXCLUSION`.
    pub name: String,
    /// Wildcard filters (`*` matches any text) whose tags are excepted.
    pub exclusions: Vec<String>,
}

impl TagMutability {
    /// Whether ECR refuses to let `tag` name another image once it names one.
    pub fn forbids_overwriting(&self, tag: &str) -> bool {
        let excluded = self
            .exclusions
            .iter()
            .any(|filter| matches_wildcard(filter, tag));
        match self.name.as_str() {
            "IMMUTABLE" => true,
            "IMMUTABLE_WITH_EXCLUSION" => !excluded,
            "MUTABLE_WITH_EXCLUSION" => excluded,
            _ => false,
        }
    }
}

/// Whether `text` matches `filter`, in which `*` stands for any text.
fn matches_wildcard(filter: &str, text: &str) -> bool {
    let mut parts = filter.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

/// The call `ecr.describe-repository`.
#[derive(Clone, Debug)]
pub struct DescribeRepository {
    /// The connector, as the step names it.
    pub connector: String,
    /// The registry.
    pub registry: EcrRegistry,
    /// The registry's host, as the step names it.
    pub host: RegistryHost,
    /// The repository.
    pub name: RepositoryName,
}

impl Call for DescribeRepository {
    fn accesses(&self) -> Vec<Access> {
        vec![
            Access::new(
                Action::DescribeRepository,
                Resource::Repository {
                    registry: self.host.clone(),
                    repository: self.name.clone(),
                    tag: None,
                },
            ),
            Access::new(
                Action::Login,
                Resource::Connector {
                    connector: self.connector.clone(),
                    registry: Some(self.host.clone()),
                },
            ),
        ]
    }
}

/// Talks to ECR's own API.
#[async_trait]
pub trait Ecr: Send + Sync {
    /// Describes a repository, or nothing where it does not exist.
    ///
    /// # Errors
    /// As `ecr.describe-repository` in the contract says.
    async fn describe_repository(
        &self,
        call: Authorized<DescribeRepository>,
    ) -> Result<Option<Repository>, CapabilityError>;
}

#[cfg(test)]
mod tests {
    use super::TagMutability;

    #[test]
    fn exclusions_turn_the_mutability_around() {
        let mutability = |name: &str, exclusions: &[&str]| TagMutability {
            name: name.to_owned(),
            exclusions: exclusions.iter().map(ToString::to_string).collect(),
        };
        assert!(mutability("IMMUTABLE", &[]).forbids_overwriting("1"));
        assert!(!mutability("MUTABLE", &[]).forbids_overwriting("1"));
        let latest_moves = mutability("IMMUTABLE_WITH_EXCLUSION", &["latest", "dev-*-x"]);
        assert!(!latest_moves.forbids_overwriting("latest"));
        assert!(!latest_moves.forbids_overwriting("dev-7-x"));
        assert!(latest_moves.forbids_overwriting("dev-7"));
        assert!(latest_moves.forbids_overwriting("latest2"));
        let releases_stay = mutability("MUTABLE_WITH_EXCLUSION", &["v*"]);
        assert!(releases_stay.forbids_overwriting("v1"));
        assert!(!releases_stay.forbids_overwriting("main"));
    }
}
