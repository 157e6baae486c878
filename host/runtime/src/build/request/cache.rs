//! Caches of a build: where layers come from and where they are kept.

use std::collections::BTreeMap;

use stepyard_grammar::CacheOptions;

use super::faults::Faults;
use super::{RegistryImage, repository, use_secret};
use crate::auth::Credential;
use crate::policy::{Access, Action, Resource};
use crate::secret::{Placeholders, SecretName};

/// A cache to take layers from or to keep them in.
#[derive(Clone, Debug)]
pub struct CacheEntry {
    /// Where it is.
    pub place: CachePlace,
    /// BuildKit's further attributes, such as `mode`.
    pub attributes: BTreeMap<String, CacheAttribute>,
    /// Whether the build goes on where the cache cannot be read or written.
    pub ignore_error: bool,
}

/// Where a cache is.
#[derive(Clone, Debug)]
pub enum CachePlace {
    /// In a registry.
    Registry(RegistryImage),
    /// In the image that is built.
    Inline,
    /// In a folder within the one that the operator keeps for caches: a relative path of letters,
    /// digits, `.`, `-`, `_` and `/`, without `..`.
    Local(String),
    /// In a service that the engine knows, such as `s3`.
    Other {
        /// BuildKit's name for its type.
        kind: String,
        /// Where in it, in one line for the policy: see [`CacheOptions::place`].
        place: String,
    },
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheAttribute {
    /// Text that the step gives.
    Text(String),
    /// A secret of the host's stores, which the step names by a placeholder.
    Stored(SecretName),
}

impl CacheEntry {
    /// BuildKit's name for the type.
    pub fn kind(&self) -> &str {
        match &self.place {
            CachePlace::Registry(_) => "registry",
            CachePlace::Inline => "inline",
            CachePlace::Local(_) => "local",
            CachePlace::Other { kind, .. } => kind,
        }
    }

    /// What using the cache touches.
    pub(super) fn accesses(&self, in_registry: Action, elsewhere: Action) -> Vec<Access> {
        let at = |place| Access::new(elsewhere, Resource::Cache(place));
        let place = match &self.place {
            CachePlace::Registry(image) => Some(repository(in_registry, &image.reference)),
            // It goes where the image goes.
            CachePlace::Inline => None,
            CachePlace::Local(name) => Some(at(format!("local {name}"))),
            CachePlace::Other { place, .. } => Some(at(place.clone())),
        };
        let secrets = self.attributes.values().filter_map(|value| match value {
            CacheAttribute::Text(_) => None,
            CacheAttribute::Stored(name) => Some(use_secret(name)),
        });
        place.into_iter().chain(secrets).collect()
    }
}

impl Faults {
    pub(super) fn cache_imports(
        &mut self,
        images: Vec<(String, Option<Credential>)>,
        entries: Vec<(String, Option<Credential>)>,
        placeholders: &Placeholders,
    ) -> Vec<CacheEntry> {
        const SETTING: &str = "cache-import";
        let mut caches = Vec::new();
        for (text, credential) in images {
            caches.extend(self.registry_cache("cache-source", &text, credential));
        }
        for (text, credential) in entries {
            let options = CacheOptions::parse_import(&text);
            caches.extend(self.cache(SETTING, options, credential, placeholders));
        }
        caches
    }

    pub(super) fn cache_exports(
        &mut self,
        images: Vec<(String, Credential)>,
        entries: Vec<(String, Option<Credential>)>,
        placeholders: &Placeholders,
    ) -> Vec<CacheEntry> {
        const SETTING: &str = "cache-export";
        let mut caches = Vec::new();
        for (text, credential) in images {
            let cache = self.registry_cache("cache-destination", &text, Some(credential));
            caches.extend(cache.map(|mut cache| {
                for (name, value) in [
                    ("mode", "max"),
                    ("image-manifest", "true"),
                    ("oci-mediatypes", "true"),
                ] {
                    let value = CacheAttribute::Text(value.to_owned());
                    cache.attributes.insert(name.to_owned(), value);
                }
                cache
            }));
        }
        for (text, credential) in entries {
            let options = CacheOptions::parse_export(&text);
            caches.extend(self.cache(SETTING, options, credential, placeholders));
        }
        for cache in &caches {
            if let CachePlace::Registry(image) = &cache.place
                && image.reference.digest().is_some()
            {
                self.add(SETTING, format!("{} has a digest", image.reference));
            }
        }
        caches
    }

    fn registry_cache(
        &mut self,
        setting: &str,
        text: &str,
        credential: Option<Credential>,
    ) -> Option<CacheEntry> {
        Some(CacheEntry {
            place: CachePlace::Registry(self.image(setting, text, credential)?),
            attributes: BTreeMap::new(),
            ignore_error: true,
        })
    }

    fn cache(
        &mut self,
        setting: &str,
        options: Result<CacheOptions, stepyard_grammar::GrammarError>,
        credential: Option<Credential>,
        placeholders: &Placeholders,
    ) -> Option<CacheEntry> {
        let options = match options {
            Ok(options) => options,
            Err(error) => {
                self.add(setting, error);
                return None;
            }
        };
        if credential.is_some() && options.kind() != "registry" {
            let kind = options.kind();
            self.add(setting, format!("the type {kind} takes no credential"));
        }
        let place = match options.kind() {
            "registry" => {
                let reference = options.get("ref").unwrap_or_default();
                CachePlace::Registry(self.image(setting, reference, credential)?)
            }
            "inline" => CachePlace::Inline,
            "local" => {
                let name = options.get("src").or_else(|| options.get("dest"))?;
                CachePlace::Local(name.to_owned())
            }
            kind => CachePlace::Other {
                kind: kind.to_owned(),
                place: options.place()?,
            },
        };
        let mut attributes = BTreeMap::new();
        for (name, value) in options.attributes() {
            let has_a_field = match place {
                CachePlace::Registry(_) | CachePlace::Local(_) => {
                    matches!(name, "ref" | "src" | "dest" | "ignore-error")
                }
                CachePlace::Inline | CachePlace::Other { .. } => name == "ignore-error",
            };
            if has_a_field {
                continue;
            }
            let value = self.cache_attribute(setting, name, value, placeholders);
            attributes.extend(value.map(|value| (name.to_owned(), value)));
        }
        Some(CacheEntry {
            place,
            attributes,
            ignore_error: options.get("ignore-error") != Some("false"),
        })
    }

    fn cache_attribute(
        &mut self,
        setting: &str,
        name: &str,
        value: &str,
        placeholders: &Placeholders,
    ) -> Option<CacheAttribute> {
        let secret = placeholders.whole(value);
        match (CacheOptions::is_credential(name), secret) {
            (true, Some(secret)) => return Some(CacheAttribute::Stored(secret.clone())),
            (true, None) => self.add(
                setting,
                format!(
                    "{name} is a credential and is written in the clear; give a secret alone, \
                     such as <+secrets.getValue(\"id\")>"
                ),
            ),
            (false, _) if placeholders.first_in(value).is_some() => {
                self.add(
                    setting,
                    format!("{name} holds a secret, which logs would show"),
                );
            }
            (false, _) => return Some(CacheAttribute::Text(value.to_owned())),
        }
        None
    }
}
