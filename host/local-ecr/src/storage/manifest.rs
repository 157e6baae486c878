use super::StorageError;
use crate::names::is_digest;
use serde::Deserialize;
use std::collections::BTreeMap;

const IMAGES: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];
const INDEXES: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

/// What the registry reads of an image manifest or an image index.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    schema_version: u32,
    #[serde(default)]
    pub(crate) media_type: String,
    pub(crate) artifact_type: Option<String>,
    pub(crate) config: Option<Descriptor>,
    #[serde(default)]
    pub(crate) layers: Vec<Descriptor>,
    #[serde(default)]
    pub(crate) manifests: Vec<Descriptor>,
    pub(crate) subject: Option<Descriptor>,
    pub(crate) annotations: Option<BTreeMap<String, String>>,
}

/// A reference to content (OCI image specification, "Content Descriptors").
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    pub(crate) digest: String,
    pub(crate) size: u64,
    #[serde(default)]
    urls: Vec<String>,
}

impl Descriptor {
    /// Whether the content lives elsewhere (a base layer that may not be distributed).
    pub(crate) fn is_foreign(&self) -> bool {
        !self.urls.is_empty()
            && (self.media_type.contains("foreign") || self.media_type.contains("nondistributable"))
    }
}

impl Manifest {
    /// Reads a manifest. `content_type` is what the client declared; it must agree with the
    /// manifest's own `mediaType`, and one of them must be there.
    pub(crate) fn parse(content: &[u8], content_type: Option<&str>) -> Result<Self, StorageError> {
        let invalid = |reason: String| StorageError::ManifestInvalid(reason);
        let mut manifest: Self =
            serde_json::from_slice(content).map_err(|error| invalid(error.to_string()))?;
        let declared = content_type
            .and_then(|value| value.split(';').next())
            .map(str::trim);
        match declared {
            Some(declared) if manifest.media_type.is_empty() => {
                declared.clone_into(&mut manifest.media_type);
            }
            Some(declared) if declared != manifest.media_type => {
                return Err(invalid(format!(
                    "the request declares {declared}, the manifest's mediaType is {}",
                    manifest.media_type
                )));
            }
            _ => {}
        }
        if manifest.schema_version != 2 {
            return Err(invalid(format!(
                "schemaVersion is {}, expected 2",
                manifest.schema_version
            )));
        }
        if IMAGES.contains(&manifest.media_type.as_str()) {
            if manifest.config.is_none() {
                return Err(invalid("an image manifest needs a config".into()));
            }
        } else if !manifest.is_index() {
            return Err(invalid(format!(
                "the media type '{}' is not supported; expected one of {}",
                manifest.media_type,
                IMAGES
                    .into_iter()
                    .chain(INDEXES)
                    .collect::<Vec<_>>()
                    .join(", ")
            )));
        }
        let descriptors = manifest.config.iter().chain(&manifest.layers);
        for descriptor in descriptors
            .chain(&manifest.manifests)
            .chain(&manifest.subject)
        {
            if !is_digest(&descriptor.digest) {
                return Err(invalid(format!(
                    "'{}' is not a digest; expected sha256: and 64 hexadecimal digits",
                    descriptor.digest
                )));
            }
        }
        Ok(manifest)
    }

    /// Whether this is a list of manifests.
    pub(crate) fn is_index(&self) -> bool {
        INDEXES.contains(&self.media_type.as_str())
    }

    /// The size of the image in bytes: its config and its layers, compressed.
    pub(crate) fn image_size(&self) -> Option<u64> {
        let parts = self.config.iter().chain(&self.layers);
        (!self.is_index()).then(|| parts.fold(0, |sum, part| part.size.saturating_add(sum)))
    }

    /// What a referrers list calls this artifact: its type, or else the type of its config.
    pub(crate) fn kind(&self) -> Option<String> {
        let config = || self.config.as_ref().map(|config| config.media_type.clone());
        self.artifact_type.clone().or_else(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(media_type: &str, config: &str) -> Vec<u8> {
        format!(r#"{{"schemaVersion":2,"mediaType":"{media_type}"{config},"layers":[]}}"#).into()
    }

    #[test]
    fn the_declared_type_must_agree_and_be_known() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let config = format!(r#","config":{{"mediaType":"c","size":1,"digest":"{digest}"}}"#);
        let valid = manifest(IMAGES[0], &config);
        let parsed = Manifest::parse(&valid, Some(IMAGES[0])).unwrap();
        assert_eq!(parsed.image_size(), Some(1));
        assert_eq!(parsed.kind().as_deref(), Some("c"));
        for (content, declared, reason) in [
            (valid, Some(IMAGES[1]), "declares"),
            (manifest("text/plain", &config), None, "not supported"),
            (manifest(IMAGES[0], ""), None, "needs a config"),
            (
                manifest(IMAGES[0], &config.replace("sha256:a", "sha256:x")),
                None,
                "not a digest",
            ),
            (b"{}".to_vec(), None, "schemaVersion"),
        ] {
            let error = Manifest::parse(&content, declared).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
