//! What a guest sees in place of a secret.

use std::collections::BTreeMap;

use super::SecretName;

/// The placeholders of one run. A text stands for a secret only where it was made here, so a
/// guest that forges one gains nothing.
#[derive(Clone, Debug, Default)]
pub struct Placeholders {
    by_text: BTreeMap<String, SecretName>,
}

impl Placeholders {
    /// The placeholder for the secret `name`.
    pub fn add(&mut self, name: SecretName) -> String {
        let text = format!("[stepyard-secret:{name}]");
        self.by_text.insert(text.clone(), name);
        text
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
