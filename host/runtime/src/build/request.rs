//! What to build: as a guest notes it, and as it is after validation.

use stepyard_grammar::{CpuQuantity, ImageReference, MemoryQuantity};

use crate::auth::Credential;
use crate::capability::CapabilityError;
use crate::policy::{Access, Action, Resource, normalized};
use crate::secret::{Placeholders, SecretName};

/// A request as a guest notes it, setter by setter. Nothing is checked yet.
#[derive(Clone, Debug, Default)]
pub struct RequestDraft {
    pub(crate) context: Option<String>,
    pub(crate) dockerfile: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) build_arguments: Vec<(String, String)>,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) platforms: Vec<String>,
    pub(crate) secrets: Vec<(String, String)>,
    pub(crate) secret_files: Vec<(String, String)>,
    pub(crate) base_image_credentials: Vec<Credential>,
    pub(crate) cache_sources: Vec<(String, Option<Credential>)>,
    pub(crate) cache_destinations: Vec<(String, Credential)>,
    pub(crate) build_cache: Option<bool>,
    pub(crate) pull: bool,
    pub(crate) network_mode: Option<String>,
    pub(crate) run_as_user: Option<String>,
    pub(crate) memory_limit: Option<String>,
    pub(crate) cpu_limit: Option<String>,
    pub(crate) memory_request: Option<String>,
    pub(crate) cpu_request: Option<String>,
    pub(crate) snapshot_mode: Option<String>,
    pub(crate) compression: Option<String>,
    pub(crate) destination: Option<(String, Credential)>,
}

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

/// An image that holds cached layers.
#[derive(Clone, Debug)]
pub struct CacheReference {
    /// The image.
    pub reference: ImageReference,
    /// A credential for its registry.
    pub credential: Option<Credential>,
}

/// A validated request. Paths are relative to the workspace, without `..`.
#[derive(Clone, Debug)]
pub struct BuildRequest {
    /// The folder that `COPY` and `ADD` see.
    pub context: String,
    /// The Dockerfile; none is `Dockerfile` in the context.
    pub dockerfile: Option<String>,
    /// The stage to build; none is the last one.
    pub target: Option<String>,
    /// Values of `ARG`s.
    pub build_arguments: Vec<(String, String)>,
    /// Labels of the image.
    pub labels: Vec<(String, String)>,
    /// Platforms such as `linux/arm64`; none is the engine's own.
    pub platforms: Vec<String>,
    /// Build secrets.
    pub secrets: Vec<BuildSecret>,
    /// Credentials for the registries of base images.
    pub base_image_credentials: Vec<Credential>,
    /// Where cached layers may come from.
    pub cache_sources: Vec<CacheReference>,
    /// Where to keep layers for later builds.
    pub cache_destinations: Vec<CacheReference>,
    /// Whether layers of earlier builds may be used.
    pub build_cache: bool,
    /// Whether to look for newer base images.
    pub pull: bool,
    /// The network of `RUN`.
    pub network_mode: NetworkMode,
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
    /// `gzip`, `zstd` or `estargz`, with an optional level.
    pub compression: Option<String>,
    /// Where an engine that pushes while it builds puts the image.
    pub destination: Option<CacheReference>,
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
        let request = Self {
            context: faults
                .path("context", draft.context.as_deref())
                .unwrap_or_else(|| ".".to_owned()),
            dockerfile: faults.path("dockerfile", draft.dockerfile.as_deref()),
            target: draft
                .target
                .filter(|target| faults.check("target", is_word(target), target)),
            platforms: draft
                .platforms
                .into_iter()
                .filter(|platform| faults.check("platform", is_platform(platform), platform))
                .collect(),
            secrets: faults.secrets(draft.secrets, draft.secret_files, placeholders),
            base_image_credentials: draft.base_image_credentials,
            cache_sources: draft
                .cache_sources
                .into_iter()
                .filter_map(|(text, credential)| {
                    faults.image("cache-source", &text, credential, false)
                })
                .collect(),
            cache_destinations: draft
                .cache_destinations
                .into_iter()
                .filter_map(|(text, credential)| {
                    faults.image("cache-destination", &text, Some(credential), false)
                })
                .collect(),
            build_cache: draft.build_cache.unwrap_or(true),
            pull: draft.pull,
            network_mode: faults.network_mode(draft.network_mode.as_deref()),
            run_as_user: draft
                .run_as_user
                .and_then(|user| faults.parsed("run-as-user", &user, user.parse().ok())),
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
            compression: draft.compression.filter(|compression| {
                faults.check("compression", is_compression(compression), compression)
            }),
            destination: draft.destination.and_then(|(text, credential)| {
                faults.image("destination", &text, Some(credential), true)
            }),
            build_arguments: faults.pairs("build-argument", draft.build_arguments),
            labels: faults.pairs("label", draft.labels),
        };
        faults.into_result().map(|()| request)
    }

    /// What the build would touch beside the engine.
    pub(crate) fn accesses(&self) -> Vec<Access> {
        let mut accesses = vec![workspace_path(&self.context)];
        accesses.extend(self.dockerfile.as_deref().map(workspace_path));
        for secret in &self.secrets {
            match secret {
                BuildSecret::Text { .. } => {}
                BuildSecret::Stored { name, .. } => accesses.push(Access::new(
                    Action::UseSecret,
                    Resource::Secret(name.to_string()),
                )),
                BuildSecret::File { path, .. } => accesses.push(workspace_path(path)),
            }
        }
        let images = self
            .cache_sources
            .iter()
            .map(|cache| (Action::Pull, cache))
            .chain(
                self.cache_destinations
                    .iter()
                    .chain(&self.destination)
                    .map(|cache| (Action::Push, cache)),
            );
        for (action, image) in images {
            accesses.push(Access::new(
                action,
                Resource::Repository {
                    registry: image.reference.registry().clone(),
                    repository: image.reference.repository().clone(),
                    tag: image.reference.tag().cloned(),
                },
            ));
        }
        accesses
    }
}

fn workspace_path(path: &str) -> Access {
    Access::new(
        Action::ReadWorkspace,
        Resource::WorkspacePath(normalized(path)),
    )
}

/// Collects what is wrong with a request.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn add(&mut self, setting: &str, problem: impl std::fmt::Display) {
        self.0.push(format!("{setting}: {problem}"));
    }

    fn check(&mut self, setting: &str, holds: bool, value: &str) -> bool {
        if !holds {
            self.add(setting, format!("{value:?} is not one"));
        }
        holds
    }

    fn parsed<T>(&mut self, setting: &str, value: &str, parsed: Option<T>) -> Option<T> {
        self.check(setting, parsed.is_some(), value);
        parsed
    }

    fn into_result(self) -> Result<(), CapabilityError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(CapabilityError::invalid(format!(
                "the build request is not valid: {}",
                self.0.join("; ")
            )))
        }
    }

    /// A build argument or label stays in the image, where everyone can read it.
    fn refuse_secrets(
        &self,
        draft: &RequestDraft,
        placeholders: &Placeholders,
    ) -> Result<(), CapabilityError> {
        let visible = draft
            .build_arguments
            .iter()
            .map(|pair| ("build argument", pair))
            .chain(draft.labels.iter().map(|pair| ("label", pair)));
        for (kind, (name, value)) in visible {
            if let Some(secret) = placeholders
                .first_in(value)
                .or_else(|| placeholders.first_in(name))
            {
                return Err(CapabilityError::new(
                    crate::ErrorKind::Denied,
                    format!(
                        "the secret {secret} may not be the value of the {kind} {name}: it would \
                         stay readable in the image"
                    ),
                )
                .with_hint(
                    "hand it to the build with envDockerSecrets and read it in the Dockerfile \
                     with RUN --mount=type=secret",
                ));
            }
        }
        Ok(())
    }

    fn path(&mut self, setting: &str, path: Option<&str>) -> Option<String> {
        let path = path?;
        if path.is_empty() || path.len() > 4096 || path.contains(['\0', '\\', '\n', '\r']) {
            self.add(setting, format!("{path:?} is not a path"));
        } else if path.starts_with('/') || path.split('/').any(|segment| segment == "..") {
            self.add(
                setting,
                format!("{path:?} must be relative to the workspace and stay within it"),
            );
        } else {
            return Some(normalized(path));
        }
        None
    }

    fn secrets(
        &mut self,
        texts: Vec<(String, String)>,
        files: Vec<(String, String)>,
        placeholders: &Placeholders,
    ) -> Vec<BuildSecret> {
        let mut secrets = Vec::new();
        for (id, value) in texts {
            if !self.check("secret", is_word(&id), &id) {
                continue;
            }
            secrets.push(match placeholders.whole(&value) {
                Some(name) => BuildSecret::Stored {
                    id,
                    name: name.clone(),
                },
                None if placeholders.first_in(&value).is_some() => {
                    self.add(
                        "secret",
                        format!("{id:?} mixes a secret with other text; give the secret alone"),
                    );
                    continue;
                }
                None => BuildSecret::Text { id, value },
            });
        }
        for (id, path) in files {
            if self.check("secret-file", is_word(&id), &id)
                && let Some(path) = self.path("secret-file", Some(&path))
            {
                secrets.push(BuildSecret::File { id, path });
            }
        }
        secrets
    }

    fn image(
        &mut self,
        setting: &str,
        text: &str,
        credential: Option<Credential>,
        tag_required: bool,
    ) -> Option<CacheReference> {
        let reference = match ImageReference::parse(text) {
            Ok(reference) => reference,
            Err(error) => {
                self.add(setting, error);
                return None;
            }
        };
        if tag_required && reference.tag().is_none() {
            self.add(setting, format!("{text:?} has no tag"));
            return None;
        }
        if let Some(credential) = &credential
            && credential.registry() != reference.registry()
        {
            self.add(
                setting,
                format!(
                    "the credential is for {}, not for {}",
                    credential.registry(),
                    reference.registry()
                ),
            );
            return None;
        }
        Some(CacheReference {
            reference,
            credential,
        })
    }

    fn network_mode(&mut self, mode: Option<&str>) -> NetworkMode {
        match mode {
            None | Some("default") => NetworkMode::Default,
            Some("none") => NetworkMode::None,
            Some("host") => NetworkMode::Host,
            Some(other) => {
                self.add("network-mode", format!("{other:?} is not one"));
                NetworkMode::Default
            }
        }
    }

    fn memory(&mut self, setting: &str, text: Option<&str>) -> Option<MemoryQuantity> {
        MemoryQuantity::parse(text?)
            .map_err(|error| self.add(setting, error))
            .ok()
    }

    fn cpu(&mut self, setting: &str, text: Option<&str>) -> Option<CpuQuantity> {
        CpuQuantity::parse(text?)
            .map_err(|error| self.add(setting, error))
            .ok()
    }

    fn pairs(&mut self, setting: &str, pairs: Vec<(String, String)>) -> Vec<(String, String)> {
        for (name, value) in &pairs {
            if name.is_empty() || name.contains(['\0', '\n', '=']) || value.contains('\0') {
                self.add(setting, format!("{name:?} is not a name with a value"));
            }
        }
        pairs
    }
}

/// A stage, or the id of a secret.
fn is_word(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "._-".contains(character))
}

/// `os/architecture` with an optional variant.
fn is_platform(text: &str) -> bool {
    (2..=3).contains(&text.split('/').count()) && text.split('/').all(is_word)
}

fn is_compression(text: &str) -> bool {
    let (algorithm, level) = text.split_once(':').unwrap_or((text, "0"));
    matches!(algorithm, "gzip" | "zstd" | "estargz")
        && level.parse::<u8>().is_ok_and(|level| level <= 22)
}
