//! Where a component's bytes come from.

use std::path::PathBuf;

use stepyard_grammar::{Digest, ImageReference};

use crate::sharing::Fetched;

/// Where a component comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// It is part of this program.
    BuiltIn,
    /// The operator named it together with its digest.
    Pinned,
    /// Any other file, a registry, or bytes that the embedder holds.
    Elsewhere,
}

/// A component to load.
#[derive(Clone, Debug)]
pub struct ComponentSource {
    pub(crate) location: Location,
    pub(crate) digest: Option<Digest>,
}

#[derive(Clone, Debug)]
pub(crate) enum Location {
    BuiltIn(String),
    File(PathBuf),
    Pinned {
        name: String,
        path: PathBuf,
    },
    Registry {
        /// The operator's name for it.
        name: Option<String>,
        reference: ImageReference,
    },
    Fetched {
        name: String,
        origin: Origin,
        fetched: Fetched,
    },
    Bytes {
        name: String,
        bytes: Vec<u8>,
    },
}

impl ComponentSource {
    /// A step that is part of this program, such as `build-push-ecr`.
    pub fn built_in(name: impl Into<String>) -> Self {
        Self::at(Location::BuiltIn(name.into()))
    }

    /// A file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::at(Location::File(path.into()))
    }

    /// A file that the operator vouches for by its digest, under a name of the operator's. Policies
    /// and limits know it by the name.
    pub fn pinned(name: impl Into<String>, path: impl Into<PathBuf>, digest: Digest) -> Self {
        Self::at(Location::Pinned {
            name: name.into(),
            path: path.into(),
        })
        .with_digest(digest)
    }

    /// A component in a registry, which the digest of `reference` pins: that of the manifest. It is
    /// from elsewhere, and is called `oci://` and the reference.
    pub fn registry(reference: ImageReference) -> Self {
        Self::at(Location::Registry {
            name: None,
            reference,
        })
    }

    /// A component in a registry that the operator vouches for by the digest of its manifest, under
    /// a name of the operator's.
    pub fn pinned_in_registry(name: impl Into<String>, reference: ImageReference) -> Self {
        Self::at(Location::Registry {
            name: Some(name.into()),
            reference,
        })
    }

    /// Bytes that the embedder holds; `name` is for messages.
    pub fn bytes(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self::at(Location::Bytes {
            name: name.into(),
            bytes: bytes.into(),
        })
    }

    /// Loads only bytes with this SHA-256 digest.
    #[must_use]
    pub fn with_digest(mut self, digest: Digest) -> Self {
        self.digest = Some(digest);
        self
    }

    /// The same component, once it is fetched.
    pub(crate) fn fetched(&self, name: String, origin: Origin, fetched: Fetched) -> Self {
        Self {
            digest: self.digest.clone().or(Some(fetched.digest.clone())),
            location: Location::Fetched {
                name,
                origin,
                fetched,
            },
        }
    }

    fn at(location: Location) -> Self {
        Self {
            location,
            digest: None,
        }
    }
}
