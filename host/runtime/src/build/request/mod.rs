//! What to build: as a guest notes it, and as it is after validation.

mod cache;
mod draft;
mod faults;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use stepyard_grammar::{Compression, CpuQuantity, ImageReference, MemoryQuantity};

pub use cache::{CacheAttribute, CacheEntry, CachePlace};
pub use draft::RequestDraft;

use self::faults::{Faults, is_platform, is_word, number};
use crate::auth::Credential;
use crate::capability::CapabilityError;
use crate::policy::{Access, Action, BuildFacts, Resource, normalized};
use crate::secret::{Placeholders, SecretName};

/// The network of `RUN` instructions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NetworkMode {
    /// The engine's default.
    #[default]
    Default,
    /// None but loopback.
    None,
    /// The host's.
    Host,
}

impl NetworkMode {
    /// The name in the contract and in policies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::None => "none",
            Self::Host => "host",
        }
    }
}

/// A secret for `RUN --mount=type=secret`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildSecret {
    /// Text that the step gives.
    Text {
        /// The secret's id.
        id: String,
        /// Its value. Not a secret of the host: the guest knows it.
        value: String,
    },
    /// A secret of the host's stores, which the guest names by a placeholder.
    Stored {
        /// The secret's id.
        id: String,
        /// Its name in the stores.
        name: SecretName,
    },
    /// A file of the workspace.
    File {
        /// The secret's id.
        id: String,
        /// The file.
        path: String,
    },
}

impl BuildSecret {
    /// The name by which the Dockerfile asks for it.
    pub fn id(&self) -> &str {
        match self {
            Self::Text { id, .. } | Self::Stored { id, .. } | Self::File { id, .. } => id,
        }
    }
}

/// An image in a registry, and how to get at it.
#[derive(Clone, Debug)]
pub struct RegistryImage {
    /// The image.
    pub reference: ImageReference,
    /// A credential for its registry.
    pub credential: Option<Credential>,
}

/// A further build context, for `FROM name` and `COPY --from=name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedContext {
    /// What the Dockerfile calls it.
    pub name: String,
    /// What it is.
    pub source: ContextSource,
}

/// What a named context is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContextSource {
    /// A folder of the workspace.
    Folder(String),
    /// An image.
    Image(ImageReference),
}

/// A name that `RUN` instructions resolve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraHost {
    /// The name.
    pub name: String,
    /// The address; none is the engine's own machine (`host-gateway`).
    pub address: Option<IpAddr>,
}

/// How much an attestation says of how the image was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// That it was built, and of what.
    Min,
    /// Also the build's arguments and its steps.
    Max,
}

/// A validated request. Paths are relative to the workspace, without `..`.
#[derive(Clone, Debug)]
pub struct BuildRequest {
    /// The folder that `COPY` and `ADD` see.
    pub context: String,
    /// The Dockerfile; none is `Dockerfile` in the context.
    pub dockerfile: Option<String>,
    /// Further contexts, each name once.
    pub named_contexts: Vec<NamedContext>,
    /// The stage to build; none is the last one.
    pub target: Option<String>,
    /// Values of `ARG`s.
    pub build_arguments: Vec<(String, String)>,
    /// Labels of the image.
    pub labels: Vec<(String, String)>,
    /// Annotations of the image's manifest.
    pub annotations: Vec<(String, String)>,
    /// Whether to attest how the image was built.
    pub provenance: Option<Provenance>,
    /// Whether to attest what is in the image.
    pub sbom: bool,
    /// Platforms such as `linux/arm64`, each once; none is the engine's own.
    pub platforms: Vec<String>,
    /// Build secrets.
    pub secrets: Vec<BuildSecret>,
    /// The ids under which `RUN --mount=type=ssh` finds the host's SSH agent.
    pub ssh_agents: Vec<String>,
    /// Credentials for the registries of base images.
    pub base_image_credentials: Vec<Credential>,
    /// Where cached layers may come from, in the order of the request.
    pub cache_imports: Vec<CacheEntry>,
    /// Where to keep layers for later builds.
    pub cache_exports: Vec<CacheEntry>,
    /// Whether layers of earlier builds may be used.
    pub build_cache: bool,
    /// Whether to look for newer base images.
    pub pull: bool,
    /// The network of `RUN`.
    pub network_mode: NetworkMode,
    /// Names that `RUN` resolves.
    pub extra_hosts: Vec<ExtraHost>,
    /// The time that the image and its files carry at most, in seconds since 1970.
    pub source_date_epoch: Option<u64>,
    /// The numeric user that the builder runs as.
    pub run_as_user: Option<u32>,
    /// The most memory that the builder may use.
    pub memory_limit: Option<MemoryQuantity>,
    /// The most CPU that the builder may use.
    pub cpu_limit: Option<CpuQuantity>,
    /// The memory that the builder asks for.
    pub memory_request: Option<MemoryQuantity>,
    /// The CPU that the builder asks for.
    pub cpu_request: Option<CpuQuantity>,
    /// `full` or `redo`.
    pub snapshot_mode: Option<String>,
    /// How layers are compressed, also those that are compressed otherwise already; none is as the
    /// engine does.
    pub compression: Option<Compression>,
    /// Where an engine that pushes while it builds puts the image.
    pub destination: Option<RegistryImage>,
    /// A repository whose image is taken where nothing has changed since it was pushed there.
    pub skip_unchanged: Option<RegistryImage>,
}

impl BuildRequest {
    /// Validates what a guest noted, as if the guest were hostile.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidSettings`] with every faulty setting;
    /// [`crate::ErrorKind::Denied`] for a secret where one may not go.
    pub fn validate(
        draft: RequestDraft,
        placeholders: &Placeholders,
    ) -> Result<Self, CapabilityError> {
        let mut faults = Faults::default();
        faults.refuse_secrets(&draft, placeholders)?;
        let cache_imports =
            faults.cache_imports(draft.cache_sources, draft.cache_imports, placeholders);
        let cache_exports =
            faults.cache_exports(draft.cache_destinations, draft.cache_exports, placeholders);
        let request = Self {
            context: faults
                .path("context", draft.context.as_deref())
                .unwrap_or_else(|| ".".to_owned()),
            dockerfile: faults.path("dockerfile", draft.dockerfile.as_deref()),
            named_contexts: faults.named_contexts(draft.named_contexts),
            target: draft
                .target
                .filter(|target| faults.check("target", is_word(target), target)),
            platforms: faults.distinct("platform", draft.platforms, is_platform),
            secrets: faults.secrets(draft.secrets, draft.secret_files, placeholders),
            ssh_agents: faults.distinct("ssh-agent", draft.ssh_agents, is_word),
            base_image_credentials: draft.base_image_credentials,
            cache_imports,
            cache_exports,
            build_cache: draft.build_cache.unwrap_or(true),
            pull: draft.pull,
            network_mode: faults.network_mode(draft.network_mode.as_deref()),
            extra_hosts: faults.extra_hosts(draft.extra_hosts),
            source_date_epoch: draft
                .source_date_epoch
                .and_then(|text| faults.source_date_epoch(&text)),
            run_as_user: draft
                .run_as_user
                .and_then(|user| faults.parsed("run-as-user", &user, number(&user))),
            memory_limit: faults.memory("memory-limit", draft.memory_limit.as_deref()),
            cpu_limit: faults.cpu("cpu-limit", draft.cpu_limit.as_deref()),
            memory_request: faults.memory("memory-request", draft.memory_request.as_deref()),
            cpu_request: faults.cpu("cpu-request", draft.cpu_request.as_deref()),
            snapshot_mode: draft.snapshot_mode.filter(|mode| {
                faults.check(
                    "snapshot-mode",
                    matches!(mode.as_str(), "full" | "redo"),
                    mode,
                )
            }),
            compression: draft.compression.and_then(|text| faults.compression(&text)),
            destination: draft.destination.and_then(|(text, credential)| {
                faults.tagged_image("destination", &text, Some(credential))
            }),
            skip_unchanged: draft.skip_unchanged.and_then(|(text, credential)| {
                faults.image("skip-unchanged", &text, Some(credential))
            }),
            build_arguments: faults.pairs("build-argument", draft.build_arguments),
            labels: faults.pairs("label", draft.labels),
            annotations: faults.annotations(draft.annotations),
            provenance: draft.provenance.and_then(|mode| faults.provenance(&mode)),
            sbom: draft.sbom,
        };
        faults.into_result().map(|()| request)
    }

    /// Whether one of its caches is a folder.
    pub(crate) fn has_local_cache(&self) -> bool {
        self.cache_imports
            .iter()
            .chain(&self.cache_exports)
            .any(|cache| matches!(cache.place, CachePlace::Local(_)))
    }

    /// What a policy may want to know of it.
    pub(crate) fn facts(&self) -> BuildFacts {
        let labels = self.labels.iter();
        BuildFacts {
            network: self.network_mode.name(),
            user: self.run_as_user,
            target: self.target.clone(),
            platforms: self.platforms.clone(),
            labels: labels
                .map(|(key, value)| format!("{key}={value}"))
                .collect(),
            arguments: self
                .build_arguments
                .iter()
                .map(|(name, _)| name.clone())
                .collect(),
        }
    }

    /// What the build would touch beside the engine.
    pub(crate) fn accesses(&self) -> Vec<Access> {
        let mut accesses = vec![workspace_path(&self.context)];
        accesses.extend(self.dockerfile.as_deref().map(workspace_path));
        accesses.extend(
            self.named_contexts
                .iter()
                .map(|context| match &context.source {
                    ContextSource::Folder(path) => workspace_path(path),
                    ContextSource::Image(reference) => repository(Action::Pull, reference),
                }),
        );
        for secret in &self.secrets {
            match secret {
                BuildSecret::Text { .. } => {}
                BuildSecret::Stored { name, .. } => accesses.push(use_secret(name)),
                BuildSecret::File { path, .. } => accesses.push(workspace_path(path)),
            }
        }
        if !self.ssh_agents.is_empty() {
            accesses.push(Access::new(Action::UseSshAgent, Resource::SshAgent));
        }
        if self.network_mode == NetworkMode::Host {
            accesses.push(Access::new(Action::UseHostNetwork, Resource::Engine));
        }
        for cache in &self.cache_imports {
            accesses.extend(cache.accesses(Action::Pull, Action::ImportCache));
        }
        for cache in &self.cache_exports {
            accesses.extend(cache.accesses(Action::Push, Action::ExportCache));
        }
        accesses.extend(
            self.destination
                .iter()
                .map(|image| repository(Action::Push, &image.reference)),
        );
        accesses.extend(
            self.skip_unchanged
                .iter()
                .map(|image| repository(Action::Pull, &image.reference)),
        );
        accesses
    }
}

fn workspace_path(path: &str) -> Access {
    Access::new(
        Action::ReadWorkspace,
        Resource::WorkspacePath(normalized(path)),
    )
}

fn use_secret(name: &SecretName) -> Access {
    Access::new(Action::UseSecret, Resource::Secret(name.to_string()))
}

fn repository(action: Action, reference: &ImageReference) -> Access {
    Access::new(
        action,
        Resource::Repository {
            registry: reference.registry().clone(),
            repository: reference.repository().clone(),
            tag: reference.tag().cloned(),
        },
    )
}
