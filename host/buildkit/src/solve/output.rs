//! Where the image goes.

use std::collections::HashMap;
use std::path::PathBuf;

use bollard_buildkit_proto::moby::buildkit::v1::Exporter;

/// Where the image goes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Output {
    /// Nowhere: what was built stays in the cache.
    Cache,
    /// Held by the Docker Engine that builds, under these names, if any.
    Held {
        /// Names with tags.
        names: Vec<String>,
    },
    /// Pushed by BuildKit; nothing but the cache is kept.
    Push(PushDestination),
    /// A tar file in OCI layout on this side.
    OciArchive {
        /// The file. It appears when it is whole.
        path: PathBuf,
    },
}

/// Where BuildKit pushes an image.
#[derive(Clone, Debug)]
pub struct PushDestination {
    /// The image with registry and tag; without a tag where `by_digest`.
    pub reference: String,
    /// Pushes without a tag.
    pub by_digest: bool,
    /// The registry is reached without TLS, or with a certificate that nobody vouches for.
    pub insecure: bool,
}

/// How layers are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    /// How.
    pub algorithm: CompressionAlgorithm,
    /// How hard; none is the daemon's default.
    pub level: Option<u8>,
}

/// An algorithm that layers are compressed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompressionAlgorithm {
    /// What every registry and engine understands.
    Gzip,
    /// Faster and smaller; needs engines of 2022 or later.
    Zstd,
    /// gzip whose files can be fetched one by one.
    Estargz,
}

impl CompressionAlgorithm {
    const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Estargz => "estargz",
        }
    }
}

/// What concerns every image, wherever it goes.
#[derive(Default)]
pub(super) struct ImageOptions<'build> {
    pub(super) compression: Option<Compression>,
    pub(super) annotations: &'build [(String, String)],
    pub(super) source_date_epoch: Option<u64>,
    /// Attestations are kept only by an index, which has media types of OCI alone.
    pub(super) attested: bool,
}

impl Output {
    /// The exporter of the solve request (BuildKit, `exporter/containerimage/exptypes/keys.go`).
    pub(super) fn exporter(&self, options: &ImageOptions<'_>) -> Option<Exporter> {
        let mut attributes = HashMap::new();
        let mut set = |name: &str, value: &str| {
            attributes.insert(name.to_owned(), value.to_owned());
        };
        let kind = match self {
            Self::Cache => return None,
            Self::Held { names } => {
                if !names.is_empty() {
                    set("name", &names.join(","));
                }
                "moby"
            }
            Self::Push(destination) => {
                set("name", &destination.reference);
                set("push", "true");
                // Held layers stay in the cache; an image in the engine's store would be left over.
                set("store", "false");
                if destination.by_digest {
                    set("push-by-digest", "true");
                }
                if destination.insecure {
                    set("registry.insecure", "true");
                }
                "image"
            }
            Self::OciArchive { .. } => "oci",
        };
        if let Some(compression) = options.compression {
            set("compression", compression.algorithm.name());
            // Without it, layers in the cache keep whatever compression they have.
            set("force-compression", "true");
            if let Some(level) = compression.level {
                set("compression-level", &level.to_string());
            }
            if compression.algorithm != CompressionAlgorithm::Gzip {
                set("oci-mediatypes", "true");
            }
        }
        for (name, value) in options.annotations {
            set(&format!("annotation.{name}"), value);
        }
        if !options.annotations.is_empty() || options.attested {
            set("oci-mediatypes", "true");
        }
        if let Some(seconds) = options.source_date_epoch {
            set("source-date-epoch", &seconds.to_string());
            // A held image is unpacked as it is built: its files keep their times.
            if !matches!(self, Self::Held { .. }) {
                set("rewrite-timestamp", "true");
            }
        }
        Some(Exporter {
            r#type: kind.to_owned(),
            attrs: attributes,
        })
    }
}
