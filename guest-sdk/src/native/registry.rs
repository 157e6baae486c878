//! Registries.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::script;
use super::types::{Credential, Descriptor, Error};

/// A manifest or image index as the registry keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Manifest {
    /// Such as `application/vnd.oci.image.index.v1+json`.
    pub media_type: String,
    /// The bytes, whose digest is the manifest's.
    #[serde(with = "as_text")]
    pub content: Vec<u8>,
}

/// A recording has a manifest's text.
mod as_text {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        content: &[u8],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&String::from_utf8_lossy(content))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        String::deserialize(deserializer).map(String::into_bytes)
    }
}

pub fn resolve(reference: &str, credential: &Credential) -> Result<Option<Descriptor>, Error> {
    script::ask(
        "registry.resolve",
        json!({"reference": reference, "credential": credential}),
    )
}

pub fn get_manifest(reference: &str, credential: &Credential) -> Result<Manifest, Error> {
    script::ask(
        "registry.get-manifest",
        json!({"reference": reference, "credential": credential}),
    )
}

pub fn put_manifest(
    reference: &str,
    manifest: &Manifest,
    credential: &Credential,
) -> Result<Descriptor, Error> {
    script::ask(
        "registry.put-manifest",
        json!({"reference": reference, "manifest": manifest, "credential": credential}),
    )
}

pub fn tag(reference: &str, tag: &str, credential: &Credential) -> Result<Descriptor, Error> {
    script::ask(
        "registry.tag",
        json!({"reference": reference, "tag": tag, "credential": credential}),
    )
}

pub fn copy(
    source: &str,
    source_credential: &Credential,
    destination: &str,
    destination_credential: &Credential,
) -> Result<Descriptor, Error> {
    script::ask(
        "registry.copy",
        json!({
            "source": source,
            "source-credential": source_credential,
            "destination": destination,
            "destination-credential": destination_credential,
        }),
    )
}

pub fn list_tags(repository: &str, credential: &Credential) -> Result<Vec<String>, Error> {
    script::ask(
        "registry.list-tags",
        json!({"repository": repository, "credential": credential}),
    )
}
