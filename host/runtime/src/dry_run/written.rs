//! What a dry run has written so far.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};
use stepyard_grammar::{Digest, ImageReference};

use crate::capability::CapabilityError;
use crate::ecr::Repository;
use crate::registry::{Descriptor, Manifest};

/// Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub(super) struct Written {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// By `registry/repository` and the tag or digest.
    images: HashMap<(String, String), WrittenImage>,
    repositories: HashMap<String, Repository>,
    builds: u64,
}

/// An image that a dry run has put somewhere.
#[derive(Clone)]
pub(super) struct WrittenImage {
    pub(super) descriptor: Descriptor,
    /// Where the step gave it.
    pub(super) manifest: Option<Manifest>,
}

impl Written {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The digest of an image that was not built, different for each.
    pub(super) fn next_digest(&self) -> Result<Digest, CapabilityError> {
        let mut state = self.state();
        state.builds += 1;
        digest_of(format!("dry run {}", state.builds).as_bytes())
    }

    /// Lets a reference name an image.
    pub(super) fn put_image(&self, reference: &ImageReference, image: WrittenImage) {
        let repository = repository(reference);
        let mut state = self.state();
        let names = reference.tag().map(ToString::to_string);
        let names = names
            .into_iter()
            .chain([image.descriptor.digest.to_string()]);
        for name in names {
            state
                .images
                .insert((repository.clone(), name), image.clone());
        }
    }

    /// What a reference names.
    pub(super) fn image(&self, reference: &ImageReference) -> Option<WrittenImage> {
        let name = match (reference.digest(), reference.tag()) {
            (Some(digest), _) => digest.to_string(),
            (None, tag) => tag?.to_string(),
        };
        self.named(&repository(reference), &name)
    }

    /// What a tag or digest of a repository names.
    pub(super) fn named(&self, repository: &str, name: &str) -> Option<WrittenImage> {
        let key = (repository.to_owned(), name.to_owned());
        self.state().images.get(&key).cloned()
    }

    /// The tags of a repository.
    pub(super) fn tags(&self, repository: &str) -> Vec<String> {
        let state = self.state();
        let names = state.images.keys().filter(|(place, _)| place == repository);
        let mut tags: Vec<String> = names
            .map(|(_, name)| name.clone())
            .filter(|name| !name.contains(':'))
            .collect();
        tags.sort();
        tags
    }

    pub(super) fn put_repository(&self, repository: Repository) {
        self.state()
            .repositories
            .insert(repository.uri.clone(), repository);
    }

    pub(super) fn repository(&self, uri: &str) -> Option<Repository> {
        self.state().repositories.get(uri).cloned()
    }
}

/// The digest of these bytes.
pub(super) fn digest_of(bytes: &[u8]) -> Result<Digest, CapabilityError> {
    let text = format!("sha256:{:x}", Sha256::digest(bytes));
    Digest::parse(&text).map_err(|error| CapabilityError::invalid(error.to_string()))
}

/// `registry/repository` of a reference.
pub(super) fn repository(reference: &ImageReference) -> String {
    format!("{}/{}", reference.registry(), reference.repository())
}

/// The descriptor of an image that was not built.
pub(super) fn descriptor(digest: Digest) -> Descriptor {
    Descriptor {
        digest,
        media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
        size: 0,
    }
}
