//! What a guest sees in place of a secret.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use super::SecretName;

/// The placeholders of one run. A text stands for a secret only where it was made here, and it
/// holds a random part, so that neither a guest nor a commit message can forge one.
#[derive(Clone, Debug)]
pub struct Placeholders {
    by_text: BTreeMap<String, SecretName>,
    random: u64,
}

impl Default for Placeholders {
    fn default() -> Self {
        Self {
            by_text: BTreeMap::new(),
            // The keys of a `RandomState` come from the operating system.
            random: RandomState::new().hash_one("placeholder"),
        }
    }
}

impl Placeholders {
    /// The placeholder for the secret `name`.
    pub fn add(&mut self, name: SecretName) -> String {
        let text = format!("[secret {name} {:016x}]", self.random);
        self.by_text.insert(text.clone(), name);
        text
    }

    /// The placeholders that are somewhere in `text`, such as the settings of one step.
    #[must_use]
    pub fn within(&self, text: &str) -> Self {
        let mut placeholders = self.clone();
        placeholders
            .by_text
            .retain(|placeholder, _| text.contains(placeholder.as_str()));
        placeholders
    }

    /// The secrets that are stood for.
    pub fn names(&self) -> impl Iterator<Item = &SecretName> {
        self.by_text.values()
    }

    /// The secret that `text` as a whole stands for.
    pub fn whole(&self, text: &str) -> Option<&SecretName> {
        self.by_text.get(text)
    }

    /// The first secret whose placeholder is somewhere in `text`.
    pub fn first_in(&self, text: &str) -> Option<&SecretName> {
        self.by_text
            .iter()
            .find(|(placeholder, _)| text.contains(placeholder.as_str()))
            .map(|(_, name)| name)
    }
}
