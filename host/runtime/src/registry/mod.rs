//! The capability *registry*: any registry that follows the OCI distribution specification.

pub(crate) mod binding;
mod calls;
mod endpoint;
mod oci;
mod size;

use async_trait::async_trait;
use stepyard_grammar::Digest;

pub(crate) use binding::tagged;
pub use calls::{Copy, GetManifest, ListTags, PutManifest, Resolve, TagImage};
pub use endpoint::{Endpoint, EndpointError, Endpoints};
pub use oci::OciRegistry;

use crate::capability::CapabilityError;
use crate::event::Reporter;
use crate::policy::Authorized;

/// Names one blob or manifest by content (OCI image specification, "Content Descriptors").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The digest of the bytes.
    pub digest: Digest,
    /// Such as `application/vnd.oci.image.manifest.v1+json`.
    pub media_type: String,
    /// In bytes.
    pub size: u64,
}

/// A manifest or image index as a registry keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its media type.
    pub media_type: String,
    /// Its bytes, whose digest names it. At most [`Manifest::LARGEST`].
    pub content: Vec<u8>,
}

impl Manifest {
    /// The largest manifest that is read or written, in bytes. Registries must take 4 MiB (OCI
    /// distribution specification, "Pushing Manifests").
    pub const LARGEST: usize = 4 << 20;
}

/// Reads and writes registries. [`OciRegistry`] speaks HTTP; an embedder may bring another.
///
/// The errors of all methods are those of the contract. A method whose future is dropped must
/// stop the work behind it.
#[async_trait]
pub trait Registry: Send + Sync {
    /// What a reference names, or nothing where the repository has no such tag or digest.
    ///
    /// # Errors
    /// As `registry.resolve` in the contract says.
    async fn resolve(
        &self,
        call: Authorized<Resolve>,
    ) -> Result<Option<Descriptor>, CapabilityError>;

    /// The manifest that a reference names, verified.
    ///
    /// # Errors
    /// As `registry.get-manifest` in the contract says.
    async fn get_manifest(
        &self,
        call: Authorized<GetManifest>,
    ) -> Result<Manifest, CapabilityError>;

    /// Stores a manifest.
    ///
    /// # Errors
    /// As `registry.put-manifest` in the contract says.
    async fn put_manifest(
        &self,
        call: Authorized<PutManifest>,
    ) -> Result<Descriptor, CapabilityError>;

    /// Lets a further tag name an image, and verifies it.
    ///
    /// # Errors
    /// As `registry.tag` in the contract says.
    async fn tag(
        &self,
        call: Authorized<TagImage>,
        reporter: &Reporter,
    ) -> Result<Descriptor, CapabilityError>;

    /// Copies an image with all that it refers to, and verifies it.
    ///
    /// # Errors
    /// As `registry.copy` in the contract says.
    async fn copy(
        &self,
        call: Authorized<Copy>,
        reporter: &Reporter,
    ) -> Result<Descriptor, CapabilityError>;

    /// The tags of a repository.
    ///
    /// # Errors
    /// As `registry.list-tags` in the contract says.
    async fn list_tags(&self, call: Authorized<ListTags>) -> Result<Vec<String>, CapabilityError>;
}
