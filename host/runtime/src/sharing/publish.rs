//! From a file to a registry.

use std::path::Path;

use sha2::{Digest as _, Sha256};
use stepyard_grammar::{Digest, ImageReference, Tag};
use time::OffsetDateTime;

use super::layout::{About, ArtifactManifest, configuration};
use super::{ComponentRegistry, shown_reference};
use crate::component::{Component, Description};
use crate::registry::Sent;
use crate::run::StepFailure;

/// A component that cannot be published.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PublishError {
    /// The reference has no tag.
    #[error("{reference} has no tag to publish under")]
    #[diagnostic(help("write {reference}:{version}, say"))]
    WithoutTag {
        /// The reference.
        reference: String,
        /// The component's own version.
        version: String,
    },
    /// The reference has a digest, which is known only afterwards.
    #[error("{reference} has a digest, which is only known once it is published")]
    #[diagnostic(help("leave out what follows `@`; it is printed afterwards"))]
    WithDigest {
        /// The reference.
        reference: String,
    },
    /// The tag names another component.
    #[error("the tag {tag} of {repository} names {found}, and this component would be {own}")]
    #[diagnostic(help(
        "publish it under another tag: others may count on this one. Where they do not, \
         --move-tag lets the tag name this component"
    ))]
    TagTaken {
        /// The tag.
        tag: Tag,
        /// Registry and repository.
        repository: String,
        /// What the tag names.
        found: Digest,
        /// The digest of the manifest that would be published.
        own: Digest,
    },
    /// The registry does not take it.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Registry(#[from] StepFailure),
    /// The artifact cannot be written.
    #[error("the component's manifest cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

/// Whether a tag that names another component may be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagMove {
    /// It may not.
    Refused,
    /// It may.
    Permitted,
}

/// A published component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The tag and the digest of the manifest.
    pub reference: ImageReference,
    /// Whether the tag named this component before, so that nothing was sent.
    pub was_there: bool,
    /// What the tag named before, where it was moved.
    pub moved_from: Option<Digest>,
    /// Whether the registry had the component's bytes already.
    pub had_bytes: bool,
}

impl ComponentRegistry {
    /// Publishes `component`, which was loaded from `file`, under the tag of `reference`. The same
    /// component always has the same digest, as long as `created` is the same.
    ///
    /// # Errors
    /// As [`PublishError`] lists.
    pub async fn publish(
        &self,
        (component, description): (&Component, &Description),
        file: &Path,
        reference: &ImageReference,
        created: OffsetDateTime,
        tag_move: TagMove,
    ) -> Result<Published, PublishError> {
        if reference.digest().is_some() {
            return Err(PublishError::WithDigest {
                reference: shown_reference(reference),
            });
        }
        let Some(tag) = reference.tag() else {
            return Err(PublishError::WithoutTag {
                reference: shown_reference(reference),
                version: description.version.clone(),
            });
        };
        let about = About {
            name: &description.name,
            version: &description.version,
            summary: &description.summary,
        };
        let configuration = configuration(component, created)?;
        let configuration_digest = digest_of(&configuration);
        let configuration_size = configuration.len() as u64;
        let manifest = ArtifactManifest::new(
            component,
            &about,
            (configuration_digest.clone(), configuration_size),
        )
        .store()?;
        let digest = digest_of(&manifest.content);

        let told = |error| self.told(reference, error);
        let what = format!("publishing {}", shown_reference(reference));
        let credential = self.credential(reference.registry()).await?;
        let repository = self
            .client()
            .and_then(|client| client.to_publish(reference, credential, what))
            .map_err(told)?;
        let before = repository.digest_of(tag).await.map_err(told)?;
        let pinned = reference.clone().with_digest(digest.clone());
        if before.as_ref() == Some(&digest) {
            return Ok(Published {
                reference: pinned,
                was_there: true,
                moved_from: None,
                had_bytes: true,
            });
        }
        if let (Some(found), TagMove::Refused) = (&before, tag_move) {
            return Err(PublishError::TagTaken {
                tag: tag.clone(),
                repository: format!("{}/{}", reference.registry(), reference.repository()),
                found: found.clone(),
                own: digest,
            });
        }
        let reporter = self.reporter(reference);
        let layer = (component.digest(), component.size());
        let sent = repository.send_blob(layer, Sent::File(file), &reporter);
        let had_bytes = !sent.await.map_err(told)?;
        let own = (&configuration_digest, configuration_size);
        repository
            .send_blob(own, Sent::Held(&configuration), &reporter)
            .await
            .map_err(told)?;
        repository
            .put(tag, &manifest, &digest)
            .await
            .map_err(told)?;
        Ok(Published {
            reference: pinned,
            was_there: false,
            moved_from: before,
            had_bytes,
        })
    }
}

fn digest_of(content: &[u8]) -> Digest {
    Digest::from_sha256(Sha256::digest(content).into())
}
