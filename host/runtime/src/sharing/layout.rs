//! The artifact: a manifest with one layer, which is the component, and a configuration that says
//! what the component imports and exports (CNCF TAG Runtime, "Wasm OCI Artifact Layout").

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stepyard_grammar::Digest;
use time::OffsetDateTime;

use crate::component::Component;
use crate::event::printable;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIGURATION: &str = "application/vnd.wasm.config.v0+json";
const LAYER: &str = "application/wasm";
/// How much is told of a manifest that is no component's, in characters.
const LONGEST_PROBLEM: usize = 300;
/// The world of steps.
const TARGET: &str = "stepyard:step/step@0.1.0";

/// The manifest of an artifact. What is read of another's manifest is what is needed of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ArtifactManifest {
    schema_version: u32,
    #[serde(default)]
    media_type: String,
    config: Link,
    layers: Vec<Link>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

/// A content descriptor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Link {
    media_type: String,
    #[serde(with = "crate::recording::as_text")]
    pub(super) digest: Digest,
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

/// The configuration.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Configuration<'a> {
    #[serde(with = "time::serde::rfc3339")]
    created: OffsetDateTime,
    architecture: &'a str,
    os: &'a str,
    layer_digests: [&'a str; 1],
    component: World<'a>,
}

/// What the component is to those who find it by this.
#[derive(Debug, Serialize)]
struct World<'a> {
    exports: Vec<&'a str>,
    imports: Vec<&'a str>,
    target: &'a str,
}

/// What people are told of a component.
pub(super) struct About<'a> {
    pub(super) name: &'a str,
    pub(super) version: &'a str,
    pub(super) summary: &'a str,
}

/// The configuration of a component that was made at `created`.
///
/// # Errors
/// Where it cannot be written as JSON.
pub(super) fn configuration(
    component: &Component,
    created: OffsetDateTime,
) -> serde_json::Result<Vec<u8>> {
    let imports = component.imports().iter();
    serde_json::to_vec(&Configuration {
        created,
        architecture: "wasm",
        os: "wasip2",
        layer_digests: [component.digest().as_str()],
        component: World {
            exports: component.exports().iter().map(String::as_str).collect(),
            imports: imports.map(|import| import.interface.as_str()).collect(),
            target: TARGET,
        },
    })
}

impl ArtifactManifest {
    /// The manifest of a component with this configuration. The same component always has the same.
    pub(super) fn new(
        component: &Component,
        about: &About<'_>,
        (configuration, size): (Digest, u64),
    ) -> Self {
        let annotation = |name: &str, value: &str| {
            let name = format!("org.opencontainers.image.{name}");
            (name, value.to_owned())
        };
        let file = format!("{}.wasm", about.name);
        Self {
            schema_version: 2,
            media_type: MANIFEST.to_owned(),
            config: Link {
                media_type: CONFIGURATION.to_owned(),
                digest: configuration,
                size,
                annotations: BTreeMap::new(),
            },
            layers: vec![Link {
                media_type: LAYER.to_owned(),
                digest: component.digest().clone(),
                size: component.size(),
                // Other tools call the file so.
                annotations: BTreeMap::from([annotation("title", &file)]),
            }],
            annotations: BTreeMap::from([
                annotation("description", about.summary),
                annotation("title", about.name),
                annotation("version", about.version),
            ]),
        }
    }

    /// The manifest as a registry stores it.
    ///
    /// # Errors
    /// Where it cannot be written as JSON.
    pub(super) fn store(&self) -> serde_json::Result<crate::registry::Manifest> {
        Ok(crate::registry::Manifest {
            media_type: self.media_type.clone(),
            content: serde_json::to_vec(self)?,
        })
    }
}

/// The layer that is the component, of a manifest's bytes.
///
/// # Errors
/// What the manifest has instead, as the end of a sentence.
pub(super) fn component_of(manifest: &[u8]) -> Result<Link, String> {
    only_layer(manifest).map_err(|problem| {
        // It quotes what anybody may have written.
        let problem = printable(&problem).replace('\n', " ");
        problem.chars().take(LONGEST_PROBLEM).collect()
    })
}

fn only_layer(manifest: &[u8]) -> Result<Link, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Kind {
        #[serde(default)]
        media_type: String,
        #[serde(default)]
        manifests: Option<serde_json::Value>,
    }
    let kind: Kind = serde_json::from_slice(manifest)
        .map_err(|error| format!("its manifest is malformed: {error}"))?;
    if kind.manifests.is_some() {
        return Err("it is an index of several images".to_owned());
    }
    let artifact: ArtifactManifest = serde_json::from_slice(manifest)
        .map_err(|error| format!("its manifest is malformed: {error}"))?;
    if !matches!(kind.media_type.as_str(), "" | MANIFEST) {
        return Err(format!("its manifest has the type {}", kind.media_type));
    }
    if artifact.config.media_type != CONFIGURATION {
        return Err(format!(
            "its configuration has the type {}, not {CONFIGURATION}",
            artifact.config.media_type
        ));
    }
    let [layer] = artifact.layers.as_slice() else {
        let count = artifact.layers.len();
        return Err(format!("it has {count} layers, not one"));
    };
    if layer.media_type != LAYER {
        return Err(format!(
            "its layer has the type {}, not {LAYER}",
            layer.media_type
        ));
    }
    if layer.digest.algorithm() != "sha256" {
        return Err(format!(
            "the digest of its layer is {}, not one of SHA-256",
            layer.digest
        ));
    }
    Ok(layer.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn artifact() -> Value {
        let digest = format!("sha256:{}", "ab".repeat(32));
        json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIGURATION, "digest": digest, "size": 10},
            "layers": [{"mediaType": LAYER, "digest": digest, "size": 20, "annotations": {"a": "b"}}],
            "futureField": true,
        })
    }

    fn component(manifest: &Value) -> Result<Link, String> {
        component_of(manifest.to_string().as_bytes())
    }

    #[test]
    fn the_component_is_the_only_layer() {
        assert_eq!(component(&artifact()).unwrap().size, 20);
        let mut untyped = artifact();
        untyped.as_object_mut().unwrap().remove("mediaType");
        assert!(component(&untyped).is_ok());
    }

    #[test]
    fn what_is_no_component_is_named() {
        let changed = |pointer: &str, value: Value| {
            let mut manifest = artifact();
            *manifest.pointer_mut(pointer).unwrap() = value;
            component(&manifest).unwrap_err()
        };
        let layer = artifact()["layers"][0].clone();
        for (problem, expected) in [
            (
                changed(
                    "/config/mediaType",
                    json!("application/vnd.oci.image.config.v1+json"),
                ),
                "its configuration has the type application/vnd.oci.image.config.v1+json",
            ),
            (changed("/layers", json!([])), "it has 0 layers"),
            (changed("/layers", json!([layer, layer])), "it has 2 layers"),
            (
                changed("/layers/0/mediaType", json!("text/plain")),
                "its layer has the type text/plain",
            ),
            (changed("/layers/0/digest", json!("x")), "malformed"),
            (
                changed(
                    "/layers/0/digest",
                    json!(format!("sha512:{}", "ab".repeat(64))),
                ),
                "not one of SHA-256",
            ),
            (changed("/layers/0/size", json!(-1)), "malformed"),
            (
                component(&json!({"schemaVersion": 2, "manifests": []})).unwrap_err(),
                "an index of several images",
            ),
            (component_of(b"<html>").unwrap_err(), "malformed"),
            (
                changed(
                    "/layers/0/mediaType",
                    json!(format!("\u{1b}[31m{}", "x".repeat(10_000))),
                ),
                "its layer has the type ",
            ),
        ] {
            assert!(problem.contains(expected), "{problem}");
            assert!(
                problem.len() < 400 && !problem.contains('\u{1b}'),
                "{problem}"
            );
        }
    }
}
