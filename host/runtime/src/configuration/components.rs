//! `[components]`: the components that steps may name, and where compiled code is kept.

use std::collections::BTreeMap;
use std::path::PathBuf;

use stepyard_grammar::{Digest, ImageReference};

use super::file::path;
use crate::component::ComponentSource;
use crate::document::{Field, ProblemKind};
use crate::host::Host;
use crate::sharing::parse_reference;

/// `[components]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentsConfiguration {
    /// `cache`: the folder of compiled components, which nobody but the agent may write.
    pub cache: Option<PathBuf>,
    /// `allow-unpinned`: whether components may run that are neither built in nor pinned.
    pub allow_unpinned: bool,
    /// `[components."NAME"]`: components that the operator vouches for.
    pub pinned: BTreeMap<String, PinnedComponent>,
}

impl Default for ComponentsConfiguration {
    fn default() -> Self {
        Self {
            cache: None,
            allow_unpinned: true,
            pinned: BTreeMap::new(),
        }
    }
}

/// A component that the operator has named with its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PinnedComponent {
    /// `path` and `digest`
    File {
        /// The file.
        path: PathBuf,
        /// The digest of its bytes.
        digest: Digest,
    },
    /// `reference`: a registry, and the digest of the manifest there.
    Registry(ImageReference),
}

impl ComponentsConfiguration {
    /// The pinned component of this name.
    pub fn source(&self, name: &str) -> Option<ComponentSource> {
        Some(match self.pinned.get(name)? {
            PinnedComponent::File { path, digest } => {
                ComponentSource::pinned(name, path, digest.clone())
            }
            PinnedComponent::Registry(reference) => {
                ComponentSource::pinned_in_registry(name, reference.clone())
            }
        })
    }
}

pub(super) fn read_components(field: &Field<'_>) -> Option<ComponentsConfiguration> {
    let mut components = ComponentsConfiguration::default();
    for (entry, field) in field.fields()?.all() {
        match entry.key.as_str() {
            "cache" => components.cache = path(&field),
            "allow-unpinned" => {
                let allowed = field.one_of(&[("true", true), ("false", false)]);
                components.allow_unpinned = allowed.unwrap_or(true);
            }
            name => {
                let is_built_in = Host::built_in_steps().any(|step| step == name);
                if is_built_in || !is_name(name) {
                    field.problem(
                        ProblemKind::InvalidValue,
                        match is_built_in {
                            true => "a built-in step has this name",
                            false => "expected a name of letters, digits, `-` and `_`",
                        },
                        "write `[components.\"NAME\"]` with another name",
                    );
                } else if let Some(pinned) = read_pinned(&field) {
                    components.pinned.insert(name.to_owned(), pinned);
                }
            }
        }
    }
    Some(components)
}

/// Whether a pipeline can tell the name from a path.
fn is_name(name: &str) -> bool {
    let is_part = |char: char| char.is_ascii_alphanumeric() || char == '-' || char == '_';
    !name.is_empty() && name.len() <= 100 && name.chars().all(is_part)
}

fn read_pinned(field: &Field<'_>) -> Option<PinnedComponent> {
    let mut fields = field.fields()?;
    if let Some(reference) = fields.optional("reference") {
        let reference = reference.parse(
            pinned_reference,
            "write `oci://HOST/REPOSITORY@sha256:…`, as `stepyard publish` prints it, and neither \
             path nor digest",
        );
        fields.finish();
        return reference.map(PinnedComponent::Registry);
    }
    let file = fields.required("path", "name the component's file");
    let digest = fields.required("digest", "`stepyard inspect FILE` prints the digest");
    let file = file.and_then(|field| path(&field));
    let digest = digest.and_then(|field| {
        field.parse(
            Digest::parse,
            "write `sha256:` and 64 hexadecimal digits, as `stepyard inspect FILE` prints it",
        )
    });
    fields.finish();
    Some(PinnedComponent::File {
        path: file?,
        digest: digest?,
    })
}

/// The reference of a component in a registry, with a digest.
fn pinned_reference(text: &str) -> Result<ImageReference, String> {
    let reference = parse_reference(text)
        .ok_or("it does not begin with `oci://`")?
        .map_err(|error| error.to_string())?;
    match reference.digest() {
        Some(_) => Ok(reference),
        None => Err("it has no digest, so others decide what it names".to_owned()),
    }
}
