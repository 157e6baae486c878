//! From a registry to a file.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use stepyard_grammar::{Digest, ImageReference, Tag};
use tempfile::{NamedTempFile, TempPath};

use super::layout::{self, Link};
use super::{ComponentRegistry, shown_reference};
use crate::capability::{CapabilityError, ErrorKind};
use crate::component::LARGEST_COMPONENT;
use crate::registry::OwnRepository;
use crate::run::StepFailure;

/// A component that cannot be fetched.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum FetchError {
    /// The reference can come to mean something else.
    #[error("the component {reference} has no digest, so others decide what it names")]
    #[diagnostic(help("{help}"))]
    WithoutDigest {
        /// The reference.
        reference: String,
        /// What to write.
        help: String,
    },
    /// The tag beside the digest no longer names it.
    #[error(
        "the component {reference}: the tag {tag} does not name this digest, it {}",
        named(found.as_ref())
    )]
    #[diagnostic(help("{help}"))]
    MovedTag {
        /// The reference.
        reference: String,
        /// The tag.
        tag: Tag,
        /// What the tag names; nothing where it is not there.
        found: Option<Digest>,
        /// What to write.
        help: String,
    },
    /// The reference names something else.
    #[error("{reference} is not a component: {problem}")]
    #[diagnostic(help(
        "a component is pushed by `stepyard publish`, or by another tool in the Wasm OCI Artifact \
         layout, such as `wkg oci push`"
    ))]
    NotAComponent {
        /// The reference.
        reference: String,
        /// What it is instead.
        problem: String,
    },
    /// The component is too large.
    #[error("the component {reference} has {size} bytes; at most {LARGEST_COMPONENT} are loaded")]
    TooLarge {
        /// The reference.
        reference: String,
        /// Its size in bytes.
        size: u64,
    },
    /// The registry does not hand it out, or not with the bytes that were pinned.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Registry(#[from] StepFailure),
    /// It cannot be written to the disk.
    #[error("the component {reference} cannot be kept: {source}")]
    Disk {
        /// The reference.
        reference: String,
        /// Why.
        source: io::Error,
    },
}

fn named(found: Option<&Digest>) -> String {
    match found {
        Some(found) => format!("names {found}"),
        None => "is not in the registry".to_owned(),
    }
}

impl FetchError {
    /// Whether the same reference may be fetched another time, or with another login.
    pub fn is_of_registry(&self) -> bool {
        matches!(self, Self::Registry(_))
    }
}

/// A fetched component.
#[derive(Clone, Debug)]
pub(crate) struct Fetched {
    /// The file.
    pub(crate) path: PathBuf,
    /// The digest that its bytes must have.
    pub(crate) digest: Digest,
    /// Whether it was there already, and its bytes were not looked at.
    pub(crate) was_kept: bool,
    /// Where nothing is kept: deletes the file when it is dropped.
    _temporary: Option<Arc<TempPath>>,
}

impl ComponentRegistry {
    /// The component that a reference pins: the one that is kept, or else from the registry.
    ///
    /// # Errors
    /// As [`FetchError`] lists.
    pub(crate) async fn fetch(&self, reference: &ImageReference) -> Result<Fetched, FetchError> {
        let Some(digest) = reference.digest() else {
            return Err(self.without_digest(reference).await);
        };
        if let Some(kept) = &self.kept
            && let Some(manifest) = kept.manifest(reference, digest)
        {
            let layer = component(reference, &manifest)?;
            if let Some(path) = kept.component(&layer.digest) {
                return Ok(Fetched {
                    path,
                    digest: layer.digest,
                    was_kept: true,
                    _temporary: None,
                });
            }
        }
        let repository = self.repository(reference).await?;
        let told = |error| self.told(reference, error);
        if let Some(tag) = reference.tag() {
            let found = repository.digest_of(tag).await.map_err(told)?;
            if found.as_ref() != Some(digest) {
                return Err(moved(reference, tag, found));
            }
        }
        let manifest = repository.manifest(digest).await.map_err(told)?.content;
        let layer = component(reference, &manifest)?;
        self.fetch_layer(&repository, (reference, digest), &manifest, layer)
            .await
    }

    /// Drops the kept bytes of a component, which are not what they should be.
    pub(crate) fn forget(&self, digest: &Digest) {
        if let Some(Err(error)) = self.kept.as_ref().map(|kept| kept.forget(digest)) {
            tracing::warn!(%digest, %error, "a damaged component was not dropped");
        }
    }

    async fn fetch_layer(
        &self,
        repository: &OwnRepository,
        (reference, digest): (&ImageReference, &Digest),
        manifest: &[u8],
        layer: Link,
    ) -> Result<Fetched, FetchError> {
        let disk = |source| FetchError::Disk {
            reference: shown_reference(reference),
            source,
        };
        let begun = match &self.kept {
            Some(kept) => kept.begin(),
            None => NamedTempFile::new(),
        };
        let begun = begun.map_err(disk)?;
        let mut file = tokio::fs::File::from_std(begun.reopen().map_err(disk)?);
        let fetched = repository
            .fetch_blob(
                (&layer.digest, layer.size),
                &mut file,
                &self.reporter(reference),
            )
            .await;
        fetched.map_err(|error| self.told(reference, of_corrupt(error)))?;
        let (path, temporary) = match &self.kept {
            Some(kept) => {
                let path = kept.keep(begun, &layer.digest).map_err(disk)?;
                kept.keep_manifest((reference, digest), manifest)
                    .map_err(disk)?;
                (path, None)
            }
            None => {
                let temporary = begun.into_temp_path();
                (temporary.to_path_buf(), Some(Arc::new(temporary)))
            }
        };
        Ok(Fetched {
            path,
            digest: layer.digest,
            was_kept: false,
            _temporary: temporary,
        })
    }

    async fn repository(&self, reference: &ImageReference) -> Result<OwnRepository, StepFailure> {
        let credential = self.credential(reference.registry()).await?;
        let what = format!("fetching the component {}", shown_reference(reference));
        self.client()
            .and_then(|client| client.to_fetch(reference, credential, what))
            .map_err(|error| self.told(reference, error))
    }

    /// Says what to write in place of a reference that has no digest.
    async fn without_digest(&self, reference: &ImageReference) -> FetchError {
        let help = match reference.tag() {
            None => format!(
                "write {}:TAG@sha256:… in its place, as `stepyard publish` prints it",
                shown_reference(reference)
            ),
            Some(tag) => match self.digest_of(reference, tag).await {
                Ok(Some(found)) => {
                    let pinned = reference.clone().with_digest(found);
                    format!(
                        "if you trust what the tag {tag} names now, write {} in its place",
                        shown_reference(&pinned)
                    )
                }
                Ok(None) => format!(
                    "write {}@sha256:… in its place; the registry has no tag {tag} now",
                    shown_reference(reference)
                ),
                Err(StepFailure(error)) => format!(
                    "write {}@sha256:… in its place; what the tag {tag} names now could not be \
                     looked up: {}",
                    shown_reference(reference),
                    error.message
                ),
            },
        };
        FetchError::WithoutDigest {
            reference: shown_reference(reference),
            help,
        }
    }

    async fn digest_of(
        &self,
        reference: &ImageReference,
        tag: &Tag,
    ) -> Result<Option<Digest>, StepFailure> {
        let found = self.repository(reference).await?.digest_of(tag).await;
        found.map_err(|error| self.told(reference, error))
    }
}

fn moved(reference: &ImageReference, tag: &Tag, found: Option<Digest>) -> FetchError {
    let without = shown_reference(&reference.clone().without_tag());
    let help = match &found {
        Some(found) => format!(
            "somebody has moved the tag; write {without} to go on with what is pinned, or {} if you \
             trust what the tag names now",
            shown_reference(&reference.clone().with_digest(found.clone()))
        ),
        None => format!("write {without}, without the tag, if you trust what is pinned"),
    };
    FetchError::MovedTag {
        reference: shown_reference(reference),
        tag: tag.clone(),
        found,
        help,
    }
}

/// The layer that is the component.
fn component(reference: &ImageReference, manifest: &[u8]) -> Result<Link, FetchError> {
    let layer = layout::component_of(manifest).map_err(|problem| FetchError::NotAComponent {
        reference: shown_reference(reference),
        problem,
    })?;
    if layer.size > LARGEST_COMPONENT {
        return Err(FetchError::TooLarge {
            reference: shown_reference(reference),
            size: layer.size,
        });
    }
    Ok(layer)
}

/// Says what wrong bytes can come from.
fn of_corrupt(error: CapabilityError) -> CapabilityError {
    match (&error.kind, &error.hint) {
        (ErrorKind::Unavailable, None) => error.with_hint(
            "nothing of it was kept or run; what the registry stores is damaged or was tampered \
             with, or something between here and the registry changes it",
        ),
        _ => error,
    }
}
