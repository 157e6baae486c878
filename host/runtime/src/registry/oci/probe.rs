//! What a registry says to a push, asked without pushing.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use stepyard_grammar::{Digest, EcrRegistry};

use super::connection::{Connection, Request};
use super::failure::Failure;
use super::manifest::ManifestName;
use crate::capability::{CapabilityError, ErrorKind};
use crate::patience::MayPass;
use crate::registry::{Probed, PushProbe};

/// The digest of nothing that exists.
const NOBODYS: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
/// A manifest that does not have that digest, and so is refused by every registry.
const NO_MANIFEST: &[u8] = b"{}";

impl Connection {
    /// Goes through the parts of a push, and leaves nothing behind.
    ///
    /// # Errors
    /// Where the registry cannot be reached, or answers with what another attempt may mend.
    pub(super) async fn probe_push(&self, what: &str) -> Result<PushProbe, CapabilityError> {
        let told = |failure| self.told(failure, what);
        let nobodys =
            Digest::parse(NOBODYS).map_err(|error| told(Failure::Malformed(error.to_string())))?;
        let find_layer = match self.has_blob(&nobodys).await {
            Ok(_) => Probed::Permitted,
            Err(failure) => self.refused_layer(failure, what)?,
        };
        let begin_upload = match self.begin_and_give_up().await {
            Ok(()) => Probed::Permitted,
            Err(failure) => self.refused(failure, what)?,
        };
        let put_manifest = match self.offer_no_manifest(nobodys).await {
            Ok(()) => Probed::Permitted,
            Err(failure) => self.refused(failure, what)?,
        };
        Ok(PushProbe {
            find_layer,
            begin_upload,
            put_manifest,
        })
    }

    /// The answer to HEAD has no body, so a refusal does not name the permission.
    fn refused_layer(&self, failure: Failure, what: &str) -> Result<Probed, CapabilityError> {
        let probed = self.refused(failure, what)?;
        Ok(match probed {
            Probed::Refused(error)
                if error.kind == ErrorKind::Forbidden
                    && EcrRegistry::from_host(&self.registry).is_some() =>
            {
                Probed::Refused(
                    error.with_hint("allow ecr:BatchCheckLayerAvailability to the identity"),
                )
            }
            probed => probed,
        })
    }

    /// A failure as an answer, where it is one that stays.
    fn refused(&self, failure: Failure, what: &str) -> Result<Probed, CapabilityError> {
        let is_answer = matches!(failure, Failure::Refused(_)) && !failure.is_transient();
        let error = self.told(failure, what);
        if is_answer {
            Ok(Probed::Refused(error))
        } else {
            Err(error)
        }
    }

    async fn begin_and_give_up(&self) -> Result<(), Failure> {
        let request = Request::new(Method::POST, self.url("blobs/uploads/")?);
        let response = self.send(&request).await?;
        let Some(upload) = self.location(&response)? else {
            return Ok(());
        };
        let request = Request::new(Method::DELETE, upload.url);
        let given_up = if upload.is_own {
            self.send(&request).await
        } else {
            self.exchange(&request, None).await
        };
        if let Err(failure) = given_up {
            // An upload that nobody goes on with ends by itself, as after a broken push.
            tracing::debug!(%failure, "the registry does not let an upload be given up");
        }
        Ok(())
    }

    /// Puts a manifest under a digest that it does not have. That this is what the registry
    /// complains of means that the manifest itself could be put.
    async fn offer_no_manifest(&self, nobodys: Digest) -> Result<(), Failure> {
        let mut request = self.request(Method::PUT, &ManifestName::Digest(nobodys))?;
        request.headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/vnd.oci.image.manifest.v1+json"),
        );
        request.body = NO_MANIFEST.into();
        match self.send(&request).await {
            Err(Failure::Refused(refusal)) if refusal.is_of_content() => Ok(()),
            result => result.map(drop),
        }
    }
}
