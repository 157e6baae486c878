//! Copying an image with all that it refers to.

use std::collections::HashSet;

use futures_util::future::BoxFuture;
use futures_util::stream::{StreamExt, TryStreamExt, iter};
use stepyard_grammar::Digest;

use super::blob::{Blob, Opened, Progress};
use super::connection::Connection;
use super::failure::Failure;
use super::manifest::{ManifestName, References};
use crate::capability::CapabilityError;
use crate::event::{LayerState, Reporter};
use crate::registry::Manifest;

/// Blobs that travel at the same time.
const PARALLEL_BLOBS: usize = 3;
/// How deep indexes may nest.
const DEEPEST: usize = 4;
/// The most manifests and blobs that one copy touches.
const MOST_PARTS: usize = 20_000;

/// A copy from one repository to another.
pub(super) struct Transfer<'a> {
    pub(super) source: &'a Connection,
    pub(super) destination: &'a Connection,
    pub(super) reporter: &'a Reporter,
    /// What was begun already, and need not be begun again.
    seen: HashSet<Digest>,
    what: String,
}

impl<'a> Transfer<'a> {
    /// A copy, which errors call `what`.
    pub(super) fn new(
        source: &'a Connection,
        destination: &'a Connection,
        reporter: &'a Reporter,
        what: String,
    ) -> Self {
        Self {
            source,
            destination,
            reporter,
            seen: HashSet::new(),
            what,
        }
    }

    fn at_source(&self, failure: Failure) -> CapabilityError {
        self.source.told(failure, &self.what)
    }

    fn at_destination(&self, failure: Failure) -> CapabilityError {
        self.destination.told(failure, &self.what)
    }

    /// Copies what `manifest` refers to, children before parents, but not the manifest itself.
    pub(super) fn content<'b>(
        &'b mut self,
        manifest: &'b Manifest,
        depth: usize,
    ) -> BoxFuture<'b, Result<(), CapabilityError>> {
        Box::pin(async move {
            let references = References::of(manifest).map_err(|failure| self.at_source(failure))?;
            for child in &references.manifests {
                let (digest, _) = child.parse().map_err(|failure| self.at_source(failure))?;
                self.child(digest, depth + 1).await?;
            }
            let mut blobs = Vec::new();
            for link in references.blobs() {
                let (digest, size) = link.parse().map_err(|failure| self.at_source(failure))?;
                if self.seen.insert(digest.clone()) {
                    blobs.push(Blob { digest, size });
                }
            }
            if self.seen.len() > MOST_PARTS {
                return Err(CapabilityError::unsupported(format!(
                    "{}: the image has more than {MOST_PARTS} parts",
                    self.what
                )));
            }
            let this = &*self;
            iter(blobs)
                .map(|blob| this.blob(blob))
                .buffer_unordered(PARALLEL_BLOBS)
                .try_collect::<()>()
                .await
        })
    }

    async fn child(&mut self, digest: Digest, depth: usize) -> Result<(), CapabilityError> {
        if depth > DEEPEST {
            return Err(CapabilityError::unsupported(format!(
                "{}: its indexes nest deeper than {DEEPEST}",
                self.what
            )));
        }
        if !self.seen.insert(digest.clone()) {
            return Ok(());
        }
        // A registry takes a manifest only when it has all that it refers to.
        let exists = self.destination.has_manifest(&digest).await;
        if exists.map_err(|failure| self.at_destination(failure))? {
            return Ok(());
        }
        let name = ManifestName::Digest(digest);
        let (manifest, _) = self
            .source
            .get(&name)
            .await
            .map_err(|failure| self.at_source(failure))?;
        self.content(&manifest, depth).await?;
        self.destination
            .put(&name, &manifest)
            .await
            .map_err(|failure| self.at_destination(failure))
    }

    async fn blob(&self, blob: Blob) -> Result<(), CapabilityError> {
        let progress = Progress::new(self.reporter, &blob, LayerState::Uploading);
        let exists = self.destination.has_blob(&blob.digest).await;
        if exists.map_err(|failure| self.at_destination(failure))? {
            progress.report(LayerState::Exists);
            return Ok(());
        }
        progress.report(LayerState::Uploading);
        let what = format!("the blob {}", blob.digest);
        let mut attempts = self.destination.limits.patience.begin(&what);
        loop {
            // Each attempt begins anew: a stream cannot be sent twice.
            match self.transfer(&blob, &progress).await {
                Ok(state) => {
                    progress.report(state);
                    return Ok(());
                }
                Err(failure) => attempts
                    .pause_after(failure)
                    .await
                    .map_err(|failure| self.at_destination(failure))?,
            }
        }
    }

    async fn transfer(&self, blob: &Blob, progress: &Progress) -> Result<LayerState, Failure> {
        let mountable =
            (self.source.registry == self.destination.registry).then_some(&self.source.repository);
        match self
            .destination
            .open_upload(&blob.digest, mountable)
            .await?
        {
            Opened::Mounted => Ok(LayerState::Exists),
            Opened::Upload(upload) => {
                let content = self.source.content(blob).await?;
                self.destination
                    .upload(blob, content, upload, progress)
                    .await?;
                Ok(LayerState::Done)
            }
        }
    }
}
