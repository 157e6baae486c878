//! What a run that succeeded leaves.

use serde::Serialize;
use stepyard_grammar::{Digest, ImageReference, Tag};

use crate::{Error, bindings};

/// What a run that succeeded leaves: outputs for later steps, and images that it pushed.
///
/// ```
/// use stepyard_sdk::{Outcome, grammar::{Digest, ImageReference, Tag}};
///
/// let digest = Digest::parse(&format!("sha256:{}", "a".repeat(64)))?;
/// let outcome = Outcome::new()
///     .output("digest", &digest)
///     .image(&ImageReference::parse("ghcr.io/team/app")?, &Tag::parse("1.0")?, &digest);
/// assert_eq!(outcome.images().count(), 1);
/// # Ok::<(), stepyard_sdk::Error>(())
/// ```
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

    /// The same with a value for later steps, in one line. A name is `[A-Za-z_][A-Za-z0-9_]*`.
    ///
    /// ```
    /// use stepyard_sdk::Outcome;
    ///
    /// let outcome = Outcome::new().output("digest", "sha256:1f…").output("layers", 7);
    /// assert_eq!(outcome.get("layers"), Some("7"));
    /// ```
    pub fn output(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.outputs.push((name.into(), value.to_string()));
        self
    }

    /// The same with a list or a mapping for later steps, as JSON in one line.
    ///
    /// ```
    /// use stepyard_sdk::Outcome;
    ///
    /// let outcome = Outcome::new().json_output("platforms", &["linux/amd64", "linux/arm64"])?;
    /// assert_eq!(outcome.get("platforms"), Some(r#"["linux/amd64","linux/arm64"]"#));
    /// # Ok::<(), stepyard_sdk::Error>(())
    /// ```
    ///
    /// # Errors
    /// `malformed-json` where JSON cannot hold it, such as a mapping whose keys are no texts.
    pub fn json_output(
        self,
        name: impl Into<String>,
        value: &impl Serialize,
    ) -> Result<Self, Error> {
        Ok(self.output(name, serde_json::to_string(value)?))
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

    /// The outputs, in the order in which they were given.
    ///
    /// ```
    /// let outcome = stepyard_sdk::Outcome::new().output("a", 1);
    /// assert_eq!(outcome.outputs().collect::<Vec<_>>(), [("a", "1")]);
    /// ```
    pub fn outputs(&self) -> impl Iterator<Item = (&str, &str)> {
        let outputs = self.outputs.iter();
        outputs.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// An output.
    ///
    /// ```
    /// assert_eq!(stepyard_sdk::Outcome::new().get("digest"), None);
    /// ```
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut outputs = self.outputs();
        outputs.find(|(of, _)| *of == name).map(|(_, value)| value)
    }

    /// The images, each as `registry/repository:tag` with its digest.
    ///
    /// ```
    /// use stepyard_sdk::{Outcome, grammar::{Digest, ImageReference, Tag}};
    ///
    /// let digest = Digest::parse(&format!("sha256:{}", "a".repeat(64)))?;
    /// let image = ImageReference::parse("ghcr.io/team/app")?;
    /// let outcome = Outcome::new().image(&image, &Tag::parse("1.0")?, &digest);
    /// let images: Vec<(String, &str)> = outcome.images().collect();
    /// assert_eq!(images, [("ghcr.io/team/app:1.0".to_owned(), digest.as_str())]);
    /// # Ok::<(), stepyard_sdk::Error>(())
    /// ```
    pub fn images(&self) -> impl Iterator<Item = (String, &str)> {
        self.images.iter().map(|image| {
            let reference = format!("{}/{}:{}", image.registry, image.repository, image.tag);
            (reference, image.digest.as_str())
        })
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
