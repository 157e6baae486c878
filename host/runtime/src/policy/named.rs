//! What the settings of a run name, read from the settings by the annotations of their schema.
//!
//! A property of a step's settings schema may carry the keyword `x-stepyard`, which says what its
//! value names (each element, where it is a list, and
//! each value, where it is a mapping):
//!
//! | `x-stepyard` | the value is |
//! | --- | --- |
//! | `connector` | a connector to log in with |
//! | `base-image-connector` | one to log in with at the registry of base images, its own |
//! | `source-connector`, `destination-connector` | one to log in with where an image is read, or written |
//! | `ecr-account`, `ecr-region` | parts of the ECR registry that the step works with |
//! | `ecr-endpoint` | which of its host names is used |
//! | `ecr-repository` | a repository there to push to |
//! | `ecr-source-repository` | a repository there to read |
//! | `ecr-start-scan` | whether to start scans of images of the repositories: `true` |
//! | `ecr-create-repository` | whether to make that repository: `true`, or a mapping of what it is to be like |
//! | `ecr-lifecycle-policy`, `ecr-repository-policy` | a file of the workspace with a policy for that repository |
//! | `ecr-cache-repository` | a repository there to take cached layers from, possibly a whole image reference, or another cache in BuildKit's notation |
//! | `ecr-cache-destination` | the same, to keep cached layers in as well |
//! | `build-context` | a folder of the workspace, or `docker-image://REFERENCE` to read |
//! | `network-mode` | the network of a build's instructions |
//! | `ssh-agent` | an id under which a build finds the host's SSH agent |
//! | `tag` | a tag to push |
//! | `pull-image` | a whole image reference to read |
//! | `push-image` | a whole image reference to write; without a tag, any tag of the repository |
//! | `workspace-path` | a file or folder of the workspace |
//! | `secret` | a value that may hold a secret |

use std::collections::BTreeSet;

use serde_json::Value;
use stepyard_grammar::{CacheOptions, EcrRegistry, ImageReference, RegistryHost, RepositoryName};

/// A schema whose annotations do not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[diagnostic(help("run the step with a newer Stepyard"))]
#[error("the settings schema marks {property} as {annotation}, which this host does not know")]
pub struct NamingError {
    /// The property.
    pub property: String,
    /// Its `x-stepyard`.
    pub annotation: String,
}

/// A change of a repository that settings ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RepositoryChange {
    /// To make it.
    Create,
    /// To say which of its images expire.
    LifecyclePolicy,
    /// To say who may use it.
    RepositoryPolicy,
    /// To start a scan of an image of it.
    StartScan,
}

/// What settings name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedResources {
    connectors: BTreeSet<String>,
    ecr_accounts: BTreeSet<String>,
    ecr_regions: BTreeSet<String>,
    ecr_repositories: BTreeSet<String>,
    ecr_changes: BTreeSet<RepositoryChange>,
    ecr_source_repositories: BTreeSet<String>,
    ecr_cache_destinations: BTreeSet<(String, String)>,
    tags: BTreeSet<String>,
    pull_images: BTreeSet<(String, String)>,
    push_images: BTreeSet<(String, String, Option<String>)>,
    workspace_paths: BTreeSet<String>,
    caches: BTreeSet<String>,
    cache_destinations: BTreeSet<String>,
    host_network: bool,
    ssh_agent: bool,
}

impl NamedResources {
    /// Reads what `settings` name by the annotations of `schema`.
    ///
    /// # Errors
    /// An annotation that this host does not know.
    pub fn from_settings(schema: &Value, settings: &Value) -> Result<Self, NamingError> {
        Self::read(annotated_values(schema, settings, true))
    }

    /// The same of a schema that nobody vouches for: what it has as defaults, nobody has written
    /// into settings.
    ///
    /// # Errors
    /// As [`NamedResources::from_settings`].
    pub fn without_defaults(schema: &Value, settings: &Value) -> Result<Self, NamingError> {
        Self::read(annotated_values(schema, settings, false))
    }

    fn read<'a>(
        values: impl Iterator<Item = (&'a str, &'a str, &'a Value)>,
    ) -> Result<Self, NamingError> {
        let mut named = Self::default();
        for (property, annotation, value) in values {
            let change = match annotation {
                "ecr-create-repository" => Some(RepositoryChange::Create),
                "ecr-start-scan" => Some(RepositoryChange::StartScan),
                _ => None,
            };
            if let Some(change) = change {
                named
                    .ecr_changes
                    .extend(asks_for_it(value).then_some(change));
                continue;
            }
            for text in texts(value) {
                named.add(property, annotation, text)?;
            }
        }
        Ok(named)
    }

    fn add(&mut self, property: &str, annotation: &str, text: String) -> Result<(), NamingError> {
        match annotation {
            "connector" | "base-image-connector" | "source-connector" | "destination-connector" => {
                self.connectors.insert(text)
            }
            "ecr-account" => self.ecr_accounts.insert(text),
            "ecr-region" => self.ecr_regions.insert(text),
            "ecr-repository" => self.ecr_repositories.insert(text),
            "ecr-source-repository" => self.ecr_source_repositories.insert(text),
            "ecr-lifecycle-policy" => self.ecr_changes.insert(RepositoryChange::LifecyclePolicy),
            "ecr-repository-policy" => self.ecr_changes.insert(RepositoryChange::RepositoryPolicy),
            "ecr-cache-repository" => match CacheOptions::parse_import(&text) {
                Ok(cache) => match (cache.place(), cache.get("ref")) {
                    (Some(place), _) => self.caches.insert(place),
                    (None, reference) => reference.is_some_and(|reference| {
                        self.ecr_source_repositories
                            .insert(repository_of(reference))
                    }),
                },
                // The step tells its user what is wrong with it; here it names nothing.
                Err(_) => false,
            },
            "ecr-cache-destination" => match CacheOptions::parse_export(&text) {
                Ok(cache) => self.add_cache_destination(&cache),
                Err(_) => false,
            },
            "tag" => self.tags.insert(text),
            "pull-image" => match ImageReference::parse(&text) {
                Ok(image) => self
                    .pull_images
                    .insert((image.registry().to_string(), image.repository().to_string())),
                Err(_) => false,
            },
            "push-image" => match ImageReference::parse(&text) {
                Ok(image) => self.push_images.insert((
                    image.registry().to_string(),
                    image.repository().to_string(),
                    image.tag().map(ToString::to_string),
                )),
                Err(_) => false,
            },
            "workspace-path" => self.workspace_paths.insert(text),
            "build-context" => match text.split_once("://") {
                Some(("docker-image", reference)) => ImageReference::parse_familiar(reference)
                    .is_ok_and(|image| {
                        self.pull_images
                            .insert((image.registry().to_string(), image.repository().to_string()))
                    }),
                Some(_) => false,
                None => self.workspace_paths.insert(text),
            },
            "network-mode" => {
                self.host_network |= text == "host";
                true
            }
            "ssh-agent" => {
                self.ssh_agent = true;
                true
            }
            "secret" | "ecr-endpoint" => false,
            _ => {
                return Err(NamingError {
                    property: property.to_owned(),
                    annotation: annotation.to_owned(),
                });
            }
        };
        Ok(())
    }

    /// A cache that is written is read too.
    fn add_cache_destination(&mut self, cache: &CacheOptions) -> bool {
        if let Some(place) = cache.place() {
            self.caches.insert(place.clone());
            return self.cache_destinations.insert(place);
        }
        cache.get("ref").is_some_and(|reference| {
            let repository = repository_of(reference);
            self.ecr_source_repositories.insert(repository.clone());
            self.ecr_cache_destinations
                .insert((repository, tag_of(reference)))
        })
    }

    /// The connectors that the settings name.
    pub fn connectors(&self) -> impl Iterator<Item = &str> {
        self.connectors.iter().map(String::as_str)
    }

    /// Whether the settings name this connector.
    pub fn names_connector(&self, connector: &str) -> bool {
        self.connectors.contains(connector)
    }

    /// Whether the settings name this registry, in whole or through an image.
    pub fn names_registry(&self, registry: &RegistryHost) -> bool {
        let registry_text = registry.to_string();
        self.names_ecr_registry(registry)
            || self
                .pull_images
                .iter()
                .any(|(host, _)| *host == registry_text)
            || self
                .push_images
                .iter()
                .any(|(host, _, _)| *host == registry_text)
    }

    /// Whether the settings name this repository as one to write, under this tag where one is
    /// given.
    pub fn names_destination(
        &self,
        registry: &RegistryHost,
        repository: &RepositoryName,
        tag: Option<&str>,
    ) -> bool {
        let in_ecr = self.names_ecr_registry(registry)
            && (self.ecr_cache_destinations.iter().any(|(name, cache_tag)| {
                name == repository.as_str() && tag.is_none_or(|tag| tag == cache_tag)
            }) || self.ecr_repositories.contains(repository.as_str())
                && tag.is_none_or(|tag| self.tags.contains(tag)));
        let registry = registry.to_string();
        in_ecr
            || self.push_images.iter().any(|(host, name, named_tag)| {
                *host == registry
                    && name == repository.as_str()
                    && tag.is_none_or(|tag| {
                        named_tag.as_deref().is_none_or(|named| named == tag)
                            || self.tags.contains(tag)
                    })
            })
    }

    /// Whether the settings ask for this change, and of this repository.
    pub fn names_change(
        &self,
        change: RepositoryChange,
        registry: &RegistryHost,
        repository: &RepositoryName,
    ) -> bool {
        self.ecr_changes.contains(&change)
            && self.names_ecr_registry(registry)
            && (self.ecr_repositories.contains(repository.as_str())
                || change == RepositoryChange::StartScan
                    && self.ecr_source_repositories.contains(repository.as_str()))
    }

    /// Whether the settings name this repository as one to read.
    pub fn names_source(&self, registry: &RegistryHost, repository: &RepositoryName) -> bool {
        (self.names_ecr_registry(registry)
            && self.ecr_source_repositories.contains(repository.as_str()))
            || self
                .pull_images
                .contains(&(registry.to_string(), repository.to_string()))
            || self.names_destination(registry, repository, None)
    }

    /// Whether the settings name this path of the workspace. A named folder does not stand for
    /// what is below it: the context is one path, the Dockerfile another.
    pub fn names_workspace_path(&self, path: &str) -> bool {
        self.workspace_paths
            .iter()
            .any(|named| normalized(named) == normalized(path))
    }

    /// Whether the settings name a cache outside of registries to read.
    pub fn names_cache(&self, place: &str) -> bool {
        self.caches.contains(place)
    }

    /// Whether the settings name a cache outside of registries to write.
    pub fn names_cache_destination(&self, place: &str) -> bool {
        self.cache_destinations.contains(place)
    }

    /// Whether the settings name the network of the engine's host.
    pub fn names_host_network(&self) -> bool {
        self.host_network
    }

    /// Whether the settings name the host's SSH agent.
    pub fn names_ssh_agent(&self) -> bool {
        self.ssh_agent
    }

    fn names_ecr_registry(&self, registry: &RegistryHost) -> bool {
        EcrRegistry::from_host(registry).is_some_and(|ecr| {
            self.ecr_accounts.contains(ecr.account().as_str())
                && self.ecr_regions.contains(ecr.region().as_str())
        })
    }
}

/// What settings hold where the schema has an annotation, and where they hold nothing, possibly
/// what the schema has as default: the property, the annotation and the value.
fn annotated_values<'a>(
    schema: &'a Value,
    settings: &'a Value,
    with_defaults: bool,
) -> impl Iterator<Item = (&'a str, &'a str, &'a Value)> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .filter_map(move |(property, description)| {
            let annotation = description.get("x-stepyard").and_then(Value::as_str)?;
            let value = settings
                .get(property)
                .filter(|value| !value.is_null())
                .or_else(|| description.get("default").filter(|_| with_defaults))?;
            Some((property.as_str(), annotation, value))
        })
}

/// The same with each text of a value for itself.
pub(crate) fn annotated<'a>(
    schema: &'a Value,
    settings: &'a Value,
) -> impl Iterator<Item = (&'a str, &'a str, String)> {
    annotated_values(schema, settings, true).flat_map(|(property, annotation, value)| {
        texts(value)
            .into_iter()
            .map(move |text| (property, annotation, text))
    })
}

/// Whether a value asks for a repository to be made: a word such as `on-push` leaves it to others.
fn asks_for_it(value: &Value) -> bool {
    match value {
        Value::Bool(create) => *create,
        Value::String(text) => text == "true",
        Value::Object(_) => true,
        _ => false,
    }
}

/// The texts that a value holds: itself, its elements, or the values of its members.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(values) => values.values().flat_map(texts).collect(),
        Value::Bool(truth) => vec![truth.to_string()],
        Value::Null => Vec::new(),
    }
}

/// The repository in a value that may be a repository or a whole image reference.
pub(crate) fn repository_of(text: &str) -> String {
    match ImageReference::parse(text) {
        Ok(image) if EcrRegistry::from_host(image.registry()).is_some() => {
            image.repository().to_string()
        }
        _ => text.split([':', '@']).next().unwrap_or_default().to_owned(),
    }
}

/// The tag in a value that may be a repository or a whole image reference.
pub(crate) fn tag_of(text: &str) -> String {
    let name = text.rsplit('/').next().unwrap_or_default();
    match name.split_once(':') {
        Some((_, tag)) => tag.to_owned(),
        None => "latest".to_owned(),
    }
}

/// A workspace path without empty and `.` segments.
pub(crate) fn normalized(path: &str) -> String {
    let segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !segment.is_empty() && *segment != ".")
        .collect();
    if segments.is_empty() {
        ".".to_owned()
    } else {
        segments.join("/")
    }
}

#[cfg(test)]
#[path = "named_tests.rs"]
mod tests;
