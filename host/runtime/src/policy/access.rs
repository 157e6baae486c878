//! What a capability call touches, in the policy's terms.

use std::fmt;

use stepyard_grammar::{ImageReference, RegistryHost, RepositoryName, Tag};

use super::BuildFacts;
use crate::auth::Credential;
use crate::event::printable;

/// The longest name of a resource that is shown, in bytes.
const LONGEST_RESOURCE: usize = 1_000;

/// Something that a step asks the host to do. One action a kind of capability call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Obtain a credential through a connector.
    Login,
    /// Talk to a registry without an identity.
    LoginAnonymously,
    /// Ask which build engine there is and what it supports.
    InspectEngine,
    /// Run a build.
    Build,
    /// Read a file or folder of the workspace for a build.
    ReadWorkspace,
    /// Hand a secret to a build.
    UseSecret,
    /// Let a build ask the host's SSH agent to sign.
    UseSshAgent,
    /// Give the instructions of a build the network of the engine's host.
    UseHostNetwork,
    /// Take cached layers from outside of registries.
    ImportCache,
    /// Keep layers outside of registries.
    ExportCache,
    /// Push a built image.
    Push,
    /// Copy an image to a repository.
    Copy,
    /// Read a manifest, a tag or the layers of an image.
    Pull,
    /// Let a tag name another manifest that the repository has, or store a manifest.
    Tag,
    /// List the tags of a repository.
    ListTags,
    /// Describe an ECR repository.
    DescribeRepository,
    /// Make an ECR repository.
    CreateRepository,
    /// Say which images of an ECR repository expire.
    PutLifecyclePolicy,
    /// Say who may use an ECR repository.
    SetRepositoryPolicy,
    /// Change whether the tags of an ECR repository can move.
    PutTagMutability,
    /// List the images of an ECR repository.
    ListImages,
    /// Describe an image of an ECR repository.
    DescribeImage,
    /// Delete images of an ECR repository, or tags of them.
    DeleteImages,
    /// Read what a scan found in an image.
    ReadScanFindings,
    /// Start a scan of an image.
    StartScan,
    /// Read where an image is replicated to.
    ReadReplicationStatus,
    /// Ask a registry whether it accepts a credential at all. No step does.
    InspectRegistry,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 27] = [
        Self::Login,
        Self::LoginAnonymously,
        Self::InspectEngine,
        Self::Build,
        Self::ReadWorkspace,
        Self::UseSecret,
        Self::UseSshAgent,
        Self::UseHostNetwork,
        Self::ImportCache,
        Self::ExportCache,
        Self::Push,
        Self::Copy,
        Self::Pull,
        Self::Tag,
        Self::ListTags,
        Self::DescribeRepository,
        Self::CreateRepository,
        Self::PutLifecyclePolicy,
        Self::SetRepositoryPolicy,
        Self::PutTagMutability,
        Self::ListImages,
        Self::DescribeImage,
        Self::DeleteImages,
        Self::ReadScanFindings,
        Self::StartScan,
        Self::ReadReplicationStatus,
        Self::InspectRegistry,
    ];

    /// The action with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }

    /// Whether it lets a tag name an image.
    pub const fn writes_a_tag(self) -> bool {
        matches!(self, Self::Push | Self::Copy | Self::Tag)
    }

    /// Whether something is different afterwards: where a build or a registry's content is.
    pub const fn changes_something(self) -> bool {
        matches!(
            self,
            Self::Build
                | Self::Push
                | Self::Copy
                | Self::Tag
                | Self::CreateRepository
                | Self::PutLifecyclePolicy
                | Self::SetRepositoryPolicy
                | Self::PutTagMutability
                | Self::DeleteImages
                | Self::StartScan
        )
    }

    /// The name in policies, events and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::LoginAnonymously => "login-anonymously",
            Self::InspectEngine => "inspect-engine",
            Self::Build => "build",
            Self::ReadWorkspace => "read-workspace",
            Self::UseSecret => "use-secret",
            Self::UseSshAgent => "use-ssh-agent",
            Self::UseHostNetwork => "use-host-network",
            Self::ImportCache => "import-cache",
            Self::ExportCache => "export-cache",
            Self::Push => "push",
            Self::Copy => "copy",
            Self::Pull => "pull",
            Self::Tag => "tag",
            Self::ListTags => "list-tags",
            Self::DescribeRepository => "describe-repository",
            Self::CreateRepository => "create-repository",
            Self::PutLifecyclePolicy => "put-lifecycle-policy",
            Self::SetRepositoryPolicy => "set-repository-policy",
            Self::PutTagMutability => "put-tag-mutability",
            Self::ListImages => "list-images",
            Self::DescribeImage => "describe-image",
            Self::DeleteImages => "delete-images",
            Self::ReadScanFindings => "read-scan-findings",
            Self::StartScan => "start-scan",
            Self::ReadReplicationStatus => "read-replication-status",
            Self::InspectRegistry => "inspect-registry",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What an action acts on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// The build engine of the host.
    Engine,
    /// A connector, used for one registry.
    Connector {
        /// The connector, as the step names it.
        connector: String,
        /// The registry that it is used for; none is the connector's own.
        registry: Option<RegistryHost>,
    },
    /// A registry as a whole.
    Registry(RegistryHost),
    /// A repository, or one tag of it.
    Repository {
        /// The registry, by the name that settings use.
        registry: RegistryHost,
        /// The repository.
        repository: RepositoryName,
        /// The tag, where the action is about one.
        tag: Option<Tag>,
    },
    /// A path below the workspace, normalised, with `.` for the workspace itself.
    WorkspacePath(String),
    /// A secret, by name.
    Secret(String),
    /// The host's SSH agent.
    SshAgent,
    /// A cache of layers outside of registries: `local NAME`, or the type and its attributes
    /// ([`stepyard_grammar::CacheOptions::place`]).
    Cache(String),
}

impl Resource {
    /// The same; of one tag of a repository, the repository.
    pub(super) fn without_tag(&self) -> Self {
        let mut resource = self.clone();
        if let Self::Repository { tag, .. } = &mut resource {
            *tag = None;
        }
        resource
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine => formatter.write_str("the build engine"),
            Self::Connector {
                connector,
                registry,
            } => match registry {
                Some(registry) => write!(formatter, "connector {connector} for {registry}"),
                None => write!(formatter, "connector {connector}"),
            },
            Self::Registry(registry) => write!(formatter, "{registry}"),
            Self::Repository {
                registry,
                repository,
                tag: None,
            } => write!(formatter, "{registry}/{repository}"),
            Self::Repository {
                registry,
                repository,
                tag: Some(tag),
            } => write!(formatter, "{registry}/{repository}:{tag}"),
            Self::WorkspacePath(path) => write!(formatter, "{path}"),
            Self::Secret(name) => write!(formatter, "secret {name}"),
            Self::SshAgent => formatter.write_str("the SSH agent of the host"),
            Self::Cache(place) => write!(formatter, "cache {place}"),
        }
    }
}

/// One thing that a call would do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// What is done.
    pub action: Action,
    /// To what.
    pub resource: Resource,
}

impl Access {
    /// `action` on `resource`.
    pub fn new(action: Action, resource: Resource) -> Self {
        Self { action, resource }
    }

    /// The resource in one line, cut off where it is long: a guest may have named it.
    pub(crate) fn shown_resource(&self) -> String {
        let mut text = printable(&self.resource.to_string()).replace('\n', " ");
        if text.len() > LONGEST_RESOURCE {
            text.truncate(text.floor_char_boundary(LONGEST_RESOURCE));
            text.push('…');
        }
        text
    }
}

/// A capability call before the policy has decided on it.
pub trait Call: Send {
    /// Everything that the call would do, the main thing first. Never empty.
    fn accesses(&self) -> Vec<Access>;

    /// What a policy may want to know of the build, where the call is one.
    fn build_facts(&self) -> Option<BuildFacts> {
        None
    }

    /// The image that the call lets a tag name, and a credential for its registry, where it does.
    fn destination(&self) -> Option<(ImageReference, Credential)> {
        None
    }
}
