use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is kept of an image beside its manifest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Image {
    pub(crate) digest: String,
    pub(crate) media_type: String,
    /// Size of the manifest in bytes.
    pub(crate) manifest_size: u64,
    /// Size of config and layers in bytes; none for an index.
    pub(crate) image_size: Option<u64>,
    /// Milliseconds since 1970.
    pub(crate) pushed_at: u64,
    /// The artifact type, or the media type of the config.
    pub(crate) artifact_type: Option<String>,
    /// The image that this one refers to (OCI "subject").
    pub(crate) subject: Option<String>,
    /// The manifests that this index lists.
    pub(crate) manifests: Vec<String>,
    pub(crate) annotations: Option<BTreeMap<String, String>>,
    /// When it was scanned last, in milliseconds since 1970.
    #[serde(default)]
    pub(crate) scanned_at: Option<u64>,
}

impl Image {
    /// Whether ECR's basic scanning takes it: no index.
    pub(crate) fn is_scannable(&self) -> bool {
        self.image_size.is_some()
    }
}

/// How a client names an image within a repository.
#[derive(Debug, Clone)]
pub(crate) enum ImageReference {
    Tag(String),
    Digest(String),
}

impl ImageReference {
    /// Digest and tag, as ECR's messages have them.
    pub(super) fn parts(&self) -> (&str, &str) {
        match self {
            Self::Tag(tag) => ("null", tag),
            Self::Digest(digest) => (digest, "null"),
        }
    }
}

/// An image and the tags that point at it, in order.
#[derive(Debug, Clone)]
pub(crate) struct TaggedImage {
    pub(crate) image: Image,
    pub(crate) tags: Vec<String>,
}
