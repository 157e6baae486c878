//! Caches outside of the daemon.

use std::collections::HashMap;

use bollard_buildkit_proto::moby::buildkit::v1::{CacheOptions, CacheOptionsEntry};

use crate::error::Error;

/// A cache to read from or to write to, in the terms of `--cache-from` and `--cache-to` of buildx.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheEntry {
    /// `registry`, `inline`, `local`, or another kind that the daemon knows, such as `s3`.
    pub kind: String,
    /// Its options, such as `ref` and `mode`.
    pub attributes: Vec<(String, String)>,
}

impl CacheEntry {
    /// A cache that is an image in a registry.
    pub fn registry(reference: &str) -> Self {
        Self {
            kind: "registry".to_owned(),
            attributes: vec![("ref".to_owned(), reference.to_owned())],
        }
    }

    /// The same with one more option.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.attributes.push((name.to_owned(), value.to_owned()));
        self
    }

    /// An option.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .rev()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn to_proto(&self) -> CacheOptionsEntry {
        CacheOptionsEntry {
            r#type: self.kind.clone(),
            attrs: self.attributes.iter().cloned().collect(),
        }
    }
}

/// The caches of a solve request; the frontend reads the imports from an attribute of its own.
pub(super) fn options(
    imports: &[CacheEntry],
    exports: &[CacheEntry],
    frontend: &mut HashMap<String, String>,
) -> Result<CacheOptions, Error> {
    if !imports.is_empty() {
        let entries: Vec<serde_json::Value> = imports
            .iter()
            .map(|entry| {
                let attributes: HashMap<&str, &str> = entry
                    .attributes
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect();
                serde_json::json!({"Type": entry.kind, "Attrs": attributes})
            })
            .collect();
        let text =
            serde_json::to_string(&entries).map_err(|error| Error::Invalid(error.to_string()))?;
        frontend.insert("cache-imports".to_owned(), text);
    }
    Ok(CacheOptions {
        imports: imports.iter().map(CacheEntry::to_proto).collect(),
        exports: exports.iter().map(CacheEntry::to_proto).collect(),
        ..CacheOptions::default()
    })
}
