//! Components in registries: publishing them, and fetching those that a reference pins.
//!
//! A component is an artifact in the form of the CNCF's *Wasm OCI Artifact* layout, which other
//! tools for WebAssembly write and read too.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `layout` | the artifact: its manifest and its configuration |
//! | `fetch` | from a registry to a file |
//! | `kept` | what was fetched, on disk |
//! | `publish` | from a file to a registry |

mod fetch;
mod kept;
mod layout;
mod publish;

use std::path::Path;
use std::sync::Arc;

use stepyard_grammar::{GrammarError, ImageReference, RegistryHost};

use crate::auth::{Credential, RegistryLogins};
use crate::capability::{CapabilityError, ErrorKind};
use crate::event::{EventSink, NoEvents, Reporter};
use crate::private_folder::PrivateFolderError;
use crate::registry::{Endpoints, OciRegistry};
use crate::run::StepFailure;
use crate::secret::Mask;

pub use fetch::FetchError;
pub(crate) use fetch::Fetched;
use kept::KeptComponents;
pub use publish::{PublishError, Published, TagMove};

/// What a reference to a component in a registry begins with.
const SCHEME: &str = "oci://";

/// The reference behind `oci://`, where `text` begins so.
///
/// # Errors
/// Where what follows is no reference that names its registry.
pub fn parse_reference(text: &str) -> Option<Result<ImageReference, GrammarError>> {
    text.strip_prefix(SCHEME).map(ImageReference::parse)
}

/// A reference to a component in a registry, as people write it: with `oci://` before it.
pub fn shown_reference(reference: &ImageReference) -> String {
    format!("{SCHEME}{reference}")
}

/// The registries that components are fetched from and published to. Cheap to clone.
#[derive(Clone)]
pub struct ComponentRegistry {
    endpoints: Endpoints,
    logins: Vec<Arc<dyn RegistryLogins>>,
    kept: Option<KeptComponents>,
    events: Arc<dyn EventSink>,
    mask: Mask,
}

impl ComponentRegistry {
    /// Registries, reached where `endpoints` says. Without logins they are used anonymously, and
    /// without a folder each component is fetched anew.
    pub fn new(endpoints: Endpoints) -> Self {
        Self {
            endpoints,
            logins: Vec::new(),
            kept: None,
            events: Arc::new(NoEvents),
            mask: Mask::default(),
        }
    }

    /// Looks for logins here too, after those that were given before.
    #[must_use]
    pub fn logins(mut self, logins: impl RegistryLogins + 'static) -> Self {
        self.logins.push(Arc::new(logins));
        self
    }

    /// Keeps what is fetched in this folder, which is made (for its user only) where it does not
    /// exist.
    ///
    /// # Errors
    /// Where it cannot be made, or others could write to it.
    pub fn keep_in(mut self, folder: &Path) -> Result<Self, PrivateFolderError> {
        self.kept = Some(KeptComponents::open(folder)?);
        Ok(self)
    }

    /// Tells how far a component has come.
    #[must_use]
    pub fn events(mut self, sink: impl EventSink + 'static) -> Self {
        self.events = Arc::new(sink);
        self
    }

    fn client(&self) -> Result<OciRegistry, CapabilityError> {
        OciRegistry::new(self.endpoints.clone())
    }

    fn reporter(&self, reference: &ImageReference) -> Reporter {
        Reporter::new(self.events.clone(), shown_reference(reference)).masking(self.mask.clone())
    }

    /// The first login for a registry.
    async fn credential(&self, registry: &RegistryHost) -> Result<Credential, StepFailure> {
        for logins in &self.logins {
            let found = logins.find(registry).await.map_err(|mut error| {
                self.mask.apply_to_error(&mut error);
                StepFailure(error)
            })?;
            if let Some(credential) = found {
                return Ok(credential.masking(&self.mask));
            }
        }
        Ok(Credential::anonymous(registry.clone()))
    }

    /// What a registry answers, in the words of who fetches or publishes a component, and without
    /// any secret.
    fn told(&self, reference: &ImageReference, mut error: CapabilityError) -> StepFailure {
        if error.kind == ErrorKind::Unauthenticated {
            let registry = reference.registry();
            error = error.with_hint(format!(
                "log in with `docker login {registry}`, or name a connector for {registry} with \
                 --connectors"
            ));
        }
        self.mask.apply_to_error(&mut error);
        StepFailure(error)
    }
}
