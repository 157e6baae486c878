//! What a run leaves.

use std::time::Duration;

use serde::Serialize;

use crate::audit::AuditHead;
use crate::secret::Mask;

/// What a run that succeeded leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Values for later steps, in the step's order: variable names and values.
    pub outputs: Vec<(String, String)>,
    /// The images that are now in a registry.
    pub images: Vec<PushedImage>,
    /// How long the run took.
    pub duration: Duration,
    /// How many calls were made that the policy denies, because it only observes.
    pub would_be_denied: u64,
    /// The head of the audit log at the end of the run, where there is one: with it a log that was
    /// rewritten or cut off is found.
    pub audit: Option<AuditHead>,
}

/// An image in a registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PushedImage {
    /// The registry's host, as settings and policies name it.
    pub registry: String,
    /// The repository.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// The manifest's digest, as the registry gave it.
    pub digest: String,
    /// The sum of the compressed layers and the configuration in bytes, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

impl Outcome {
    /// Masks every text: what a step returns ends in files, and in the settings of later steps.
    pub(crate) fn apply(&mut self, mask: &Mask) {
        for (name, value) in &mut self.outputs {
            mask.apply(name);
            mask.apply(value);
        }
        for image in &mut self.images {
            image.apply(mask);
        }
    }
}

impl PushedImage {
    /// Masks every text.
    pub(crate) fn apply(&mut self, mask: &Mask) {
        let Self {
            registry,
            repository,
            tag,
            digest,
            size: _,
        } = self;
        for text in [registry, repository, tag, digest] {
            mask.apply(text);
        }
    }
}
