//! The capability *registry*: any registry that follows the OCI distribution specification.

pub(crate) mod binding;
mod calls;
mod endpoint;
mod oci;
mod size;

use async_trait::async_trait;
use stepyard_grammar::Digest;

pub(crate) use binding::tagged;
pub use calls::{
    CheckLogin, Copy, GetManifest, ListTags, ProbePush, PutManifest, Resolve, TagImage,
};
pub use endpoint::{Endpoint, EndpointError, Endpoints};
pub use oci::OciRegistry;
pub(crate) use oci::{OwnRepository, Sent, has_digest};

use crate::capability::CapabilityError;
use crate::event::Reporter;
use crate::policy::Authorized;

/// Names one blob or manifest by content (OCI image specification, "Content Descriptors").
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Descriptor {
    /// The digest of the bytes.
    #[serde(with = "crate::recording::as_text")]
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

/// What a registry answers to one part of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probed {
    /// It lets the credential do it.
    Permitted,
    /// It does not, with its reason.
    Refused(CapabilityError),
}

/// What a registry says to a push that was tried in parts, none of which has changed anything.
///
/// A refusal is certain. That all is permitted leaves open whether layers can be sent and the
/// upload of one be completed, and whether a particular tag may be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushProbe {
    /// Asking for a layer (`ecr:BatchCheckLayerAvailability`).
    pub find_layer: Probed,
    /// Beginning an upload (`ecr:InitiateLayerUpload`), which was given up at once.
    pub begin_upload: Probed,
    /// Putting a manifest (`ecr:PutImage`): one that no registry can take, so permitted means that
    /// the registry looked at the manifest itself.
    pub put_manifest: Probed,
}

impl PushProbe {
    /// The first refusal.
    pub fn refusal(&self) -> Option<&CapabilityError> {
        [&self.begin_upload, &self.put_manifest, &self.find_layer]
            .into_iter()
            .find_map(|probed| match probed {
                Probed::Permitted => None,
                Probed::Refused(error) => Some(error),
            })
    }
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

    /// Asks whether an image could be pushed to a repository, without pushing. A registry that
    /// makes repositories when they are pushed to may make this one: look first whether it is
    /// there. No step makes this call.
    ///
    /// # Errors
    /// Where the registry cannot be reached or is busy. A refusal is in the answer.
    async fn probe_push(&self, call: Authorized<ProbePush>) -> Result<PushProbe, CapabilityError> {
        let _ = call;
        Err(CapabilityError::unsupported(
            "this registry client does not ask whether an image could be pushed",
        ))
    }

    /// Asks a registry whether it accepts a credential, whatever that may do there. No step makes
    /// this call.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Unauthenticated`] where it does not, and where the registry cannot be
    /// reached.
    async fn check_login(&self, call: Authorized<CheckLogin>) -> Result<(), CapabilityError> {
        let _ = call;
        Err(CapabilityError::unsupported(
            "this registry client does not ask whether a login is accepted",
        ))
    }
}
