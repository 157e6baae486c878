//! The capability *build*: an image from a Dockerfile, with whichever engine the operator chose.

mod address;
mod base_registries;
pub(crate) mod binding;
pub mod buildkit;
mod context;
pub mod docker;
mod failed_push;
mod features;
mod registry_failure;
mod request;
mod rules;
#[cfg(test)]
mod tests;
mod tls;
mod unchanged;

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use stepyard_grammar::{Digest, ImageReference};

pub use request::{
    BuildRequest, BuildSecret, CacheAttribute, CacheEntry, CachePlace, ContextSource, ExtraHost,
    NamedContext, NetworkMode, Provenance, RegistryImage, RequestDraft,
};
pub(crate) use rules::unenforced_error;
pub use rules::{BuildRules, ImagePattern, MostNetwork, PatternError, RemotePattern};
pub use stepyard_grammar::{Compression, CompressionAlgorithm};

pub(crate) use base_registries::credential_at;
pub(crate) use context::open_context;
pub(crate) use features::left_out;
pub(crate) use unchanged::{PendingRecords, base_images};
pub use unchanged::{PushRecords, PushRecordsError};

use crate::auth::Credential;
use crate::capability::CapabilityError;
use crate::event::Reporter;
use crate::policy::{Access, Action, Authorized, BuildFacts, Call, Resource};
use crate::registry::Descriptor;
use crate::secret::SecretStores;
use crate::workspace::Workspace;

/// Something that an engine may or may not honour. The names are those of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feature {
    /// A built image is kept and can be pushed afterwards.
    Hold,
    /// The image is pushed while it is built.
    PushWhileBuilding,
    /// Layers are taken from an image in a registry.
    CacheFrom,
    /// Layers are kept in a registry for later builds.
    CacheTo,
    /// Layers are kept in the image itself.
    CacheInline,
    /// Layers are taken from and kept in a folder of the operator's.
    CacheLocal,
    /// Layers are taken from and kept in services such as S3.
    CacheOther,
    /// `RUN --mount=type=secret`.
    BuildSecrets,
    /// `RUN --mount=type=ssh`.
    Ssh,
    /// Several platforms make an image index.
    Platforms,
    /// There can be further build contexts.
    NamedContexts,
    /// `RUN` can resolve further names.
    ExtraHosts,
    /// The time that an image carries can be chosen.
    SourceDateEpoch,
    /// The manifest can have annotations.
    Annotations,
    /// How an image was built can be attested.
    Provenance,
    /// What is in an image can be attested.
    Sbom,
    /// The compression of layers can be chosen.
    Compression,
    /// The way of finding changed files can be chosen.
    SnapshotMode,
    /// The builder can run as another user.
    RunAsUser,
    /// The builder's memory and CPU can be limited.
    ResourceLimits,
    /// The network of `RUN` can be chosen.
    NetworkMode,
    /// Layers of earlier builds can be used or not.
    BuildCache,
}

impl Feature {
    /// All of them.
    pub const ALL: [Self; 22] = [
        Self::Hold,
        Self::PushWhileBuilding,
        Self::CacheFrom,
        Self::CacheTo,
        Self::CacheInline,
        Self::CacheLocal,
        Self::CacheOther,
        Self::BuildSecrets,
        Self::Ssh,
        Self::Platforms,
        Self::NamedContexts,
        Self::ExtraHosts,
        Self::SourceDateEpoch,
        Self::Annotations,
        Self::Provenance,
        Self::Sbom,
        Self::Compression,
        Self::SnapshotMode,
        Self::RunAsUser,
        Self::ResourceLimits,
        Self::NetworkMode,
        Self::BuildCache,
    ];

    /// The name in the contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::PushWhileBuilding => "push-while-building",
            Self::CacheFrom => "cache-from",
            Self::CacheTo => "cache-to",
            Self::CacheInline => "cache-inline",
            Self::CacheLocal => "cache-local",
            Self::CacheOther => "cache-other",
            Self::BuildSecrets => "build-secrets",
            Self::Ssh => "ssh",
            Self::Platforms => "platforms",
            Self::NamedContexts => "named-contexts",
            Self::ExtraHosts => "extra-hosts",
            Self::SourceDateEpoch => "source-date-epoch",
            Self::Annotations => "annotations",
            Self::Provenance => "provenance",
            Self::Sbom => "sbom",
            Self::Compression => "compression",
            Self::SnapshotMode => "snapshot-mode",
            Self::RunAsUser => "run-as-user",
            Self::ResourceLimits => "resource-limits",
            Self::NetworkMode => "network-mode",
            Self::BuildCache => "build-cache",
        }
    }

    /// The feature with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|feature| feature.name() == name)
    }
}

/// A setting of a request that the engine did not apply.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct IgnoredSetting {
    /// The setting, such as `run-as-user`.
    pub setting: Cow<'static, str>,
    /// Why, for a person.
    pub reason: String,
}

/// An image that an engine has built.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BuiltImage {
    /// The engine's name for it: for Docker the digest of its configuration.
    #[serde(with = "crate::recording::as_text")]
    pub id: Digest,
    /// What the registry holds, where the image was pushed while it was built or is unchanged.
    pub pushed: Option<Descriptor>,
    /// Whether nothing was built, because nothing has changed since the image was pushed.
    #[serde(default)]
    pub unchanged: bool,
    /// What of the request was not applied.
    #[serde(default)]
    pub ignored_settings: Vec<IgnoredSetting>,
}

/// The calls `build.engine` and `build.supports`.
#[derive(Clone, Copy, Debug)]
pub struct InspectEngine;

impl Call for InspectEngine {
    fn accesses(&self) -> Vec<Access> {
        vec![Access::new(Action::InspectEngine, Resource::Engine)]
    }
}

/// The call `build.build`.
#[derive(Debug)]
pub struct Build {
    /// What to build, validated.
    pub request: BuildRequest,
    /// Where the context and the Dockerfile are.
    pub workspace: Workspace,
    /// The operator's folder for caches that are folders. It is there where the request has such
    /// a cache.
    pub cache_folder: Option<PathBuf>,
    /// Where the values of stored secrets are.
    pub secrets: SecretStores,
    /// What the build may read and reach.
    pub rules: Arc<BuildRules>,
}

impl Call for Build {
    fn accesses(&self) -> Vec<Access> {
        let mut accesses = vec![Access::new(Action::Build, Resource::Engine)];
        accesses.extend(self.request.accesses());
        accesses
    }

    fn build_facts(&self) -> Option<BuildFacts> {
        Some(self.request.facts())
    }

    fn destination(&self) -> Option<(ImageReference, Credential)> {
        let destination = self.request.destination.as_ref()?;
        Some((
            destination.reference.clone(),
            destination.credential.clone()?,
        ))
    }
}

/// The call `image.push`.
#[derive(Debug)]
pub struct Push {
    /// The image, which the engine holds.
    pub image: BuiltImage,
    /// Where to, with a tag and without a digest.
    pub destination: ImageReference,
    /// A credential for the destination's registry.
    pub credential: Credential,
}

impl Call for Push {
    fn accesses(&self) -> Vec<Access> {
        vec![Access::new(
            Action::Push,
            Resource::Repository {
                registry: self.destination.registry().clone(),
                repository: self.destination.repository().clone(),
                tag: self.destination.tag().cloned(),
            },
        )]
    }

    fn destination(&self) -> Option<(ImageReference, Credential)> {
        Some((self.destination.clone(), self.credential.clone()))
    }
}

/// Builds images. An embedder may bring one of its own.
///
/// A method whose future is dropped must stop the work behind it.
#[async_trait]
pub trait BuildEngine: Send + Sync {
    /// The engine's name, such as `docker`.
    fn name(&self) -> &str;

    /// What the engine is, in a few words for a person: its product, version and address.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Unavailable`] where it cannot be reached, with what to do.
    async fn ping(&self, call: Authorized<InspectEngine>) -> Result<String, CapabilityError>;

    /// Whether the engine honours `feature`. Asked only after the policy has permitted
    /// [`InspectEngine`] and [`BuildEngine::ping`] has succeeded.
    async fn supports(&self, feature: Feature) -> bool;

    /// Whether it holds a build to the lists of [`Build::rules`], also where the Dockerfile names a
    /// source by an `ARG`, `ONBUILD`, `COPY --from` or a frontend of its own.
    async fn enforces_source_rules(&self) -> bool {
        false
    }

    /// The platform, such as `linux/amd64`, that it builds for where a request names none. Where it
    /// is not known, such a build is never skipped as unchanged.
    async fn platform(&self) -> Option<String> {
        None
    }

    /// Builds.
    ///
    /// # Errors
    /// As `build.build` in the contract says.
    async fn build(
        &self,
        call: Authorized<Build>,
        reporter: &Reporter,
    ) -> Result<BuiltImage, CapabilityError>;

    /// Pushes an image that the engine holds, and returns the digest that the engine reports. The
    /// host verifies it at the registry.
    ///
    /// # Errors
    /// As `image.push` in the contract says.
    async fn push(
        &self,
        call: Authorized<Push>,
        reporter: &Reporter,
    ) -> Result<Digest, CapabilityError>;
}
