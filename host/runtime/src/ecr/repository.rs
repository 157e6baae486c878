//! Repositories: what ECR says of them, and the calls that make and change them.

use std::fmt;

use stepyard_grammar::{
    EcrRegistry, EcrRepositoryName, GrammarError, RepositoryEncryption, Tag, TagMutability,
};

use super::{PolicyText, RepositorySettings};
use crate::auth::check_connector_name;
use crate::capability::CapabilityError;
use crate::policy::{Access, Action, Call, Resource};

/// A repository of an ECR registry, and the connector whose identity is used for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedRepository {
    /// The connector, as the step names it.
    pub connector: String,
    /// The registry.
    pub registry: EcrRegistry,
    /// The repository.
    pub name: EcrRepositoryName,
}

impl NamedRepository {
    /// Reads what a guest names.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidSettings`] where the connector's name is too long or has control
    /// characters, the registry is not one of ECR, or the name not one of a repository there.
    pub fn parse(connector: String, registry: &str, name: &str) -> Result<Self, CapabilityError> {
        let invalid = |error: GrammarError| CapabilityError::invalid(error.to_string());
        check_connector_name(&connector)?;
        Ok(Self {
            connector,
            registry: EcrRegistry::parse(registry).map_err(invalid)?,
            name: EcrRepositoryName::parse(name).map_err(invalid)?,
        })
    }

    /// The Amazon Resource Name.
    pub fn arn(&self) -> String {
        format!(
            "arn:{}:ecr:{}:{}:repository/{}",
            self.registry.partition().name(),
            self.registry.region(),
            self.registry.account(),
            self.name
        )
    }

    /// `action` on this repository, or one tag of it.
    pub(super) fn access(&self, action: Action, tag: Option<Tag>) -> Access {
        Access::new(
            action,
            Resource::Repository {
                registry: self.registry.host().clone(),
                repository: self.name.clone().into(),
                tag,
            },
        )
    }

    /// The use of the connector at the registry, which every call of ECR's API needs.
    pub(super) fn login(&self) -> Access {
        Access::new(
            Action::Login,
            Resource::Connector {
                connector: self.connector.clone(),
                registry: Some(self.registry.host().clone()),
            },
        )
    }
}

impl fmt::Display for NamedRepository {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.registry, self.name)
    }
}

/// A repository, as ECR describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// Such as `team/app`.
    pub name: String,
    /// The Amazon Resource Name.
    pub arn: String,
    /// `<registry host>/<name>`.
    pub uri: String,
    /// Whether tags can be moved.
    pub tag_mutability: TagMutability,
    /// Whether ECR scans each image that is pushed.
    pub scan_on_push: bool,
    /// How layers are encrypted.
    pub encryption: RepositoryEncryption,
    /// Whether the call that describes it has made it.
    pub is_new: bool,
}

/// The call `ecr.describe-repository`.
#[derive(Clone, Debug)]
pub struct DescribeRepository {
    /// The repository.
    pub repository: NamedRepository,
}

/// The call `ecr.create-repository`.
#[derive(Clone, Debug)]
pub struct CreateRepository {
    /// The repository.
    pub repository: NamedRepository,
    /// What it is to be like.
    pub settings: RepositorySettings,
}

/// The call `ecr.put-lifecycle-policy`.
#[derive(Clone, Debug)]
pub struct PutLifecyclePolicy {
    /// The repository.
    pub repository: NamedRepository,
    /// Which images expire.
    pub policy: PolicyText,
}

/// The call `ecr.set-repository-policy`.
#[derive(Clone, Debug)]
pub struct SetRepositoryPolicy {
    /// The repository.
    pub repository: NamedRepository,
    /// Who may use it.
    pub policy: PolicyText,
}

/// The call `ecr.put-tag-mutability`.
#[derive(Clone, Debug)]
pub struct PutTagMutability {
    /// The repository.
    pub repository: NamedRepository,
    /// Whether tags can be moved.
    pub mutability: TagMutability,
}

/// Calls whose action is on a repository as a whole.
macro_rules! calls_on_repositories {
    ($($call:ident),*) => {$(
        impl Call for $call {
            fn accesses(&self) -> Vec<Access> {
                let access = self.repository.access(Action::$call, None);
                vec![access, self.repository.login()]
            }
        }
    )*};
}

calls_on_repositories!(
    DescribeRepository,
    CreateRepository,
    PutLifecyclePolicy,
    SetRepositoryPolicy,
    PutTagMutability
);
