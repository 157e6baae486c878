//! What a run that succeeded leaves.

use stepyard_grammar::{Digest, ImageReference, Tag};

use crate::bindings;

/// What a run that succeeded leaves: outputs for later steps, and images that it pushed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Outcome {
    outputs: Vec<(String, String)>,
    images: Vec<bindings::PushedImage>,
}

impl Outcome {
    /// An outcome without outputs and images.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with a value for later steps. A name is `[A-Za-z_][A-Za-z0-9_]*`.
    pub fn output(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.outputs.push((name.into(), value.into()));
        self
    }

    /// The same with an image that is in a registry now, verified there: the registry and
    /// repository of `reference`, under `tag`.
    pub fn image(mut self, reference: &ImageReference, tag: &Tag, digest: &Digest) -> Self {
        self.images.push(bindings::PushedImage {
            registry: reference.registry().to_string(),
            repository: reference.repository().to_string(),
            tag: tag.to_string(),
            digest: digest.to_string(),
        });
        self
    }
}

impl From<Outcome> for bindings::Outcome {
    fn from(outcome: Outcome) -> Self {
        let outputs = outcome.outputs.into_iter();
        Self {
            outputs: outputs
                .map(|(name, value)| bindings::Output { name, value })
                .collect(),
            images: outcome.images,
        }
    }
}
