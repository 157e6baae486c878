//! Secrets that an embedder holds already.

use std::collections::BTreeMap;

use async_trait::async_trait;
use secrecy::SecretString;

use super::{SecretName, SecretStore, SecretStoreError};

/// Secrets in the memory of the process, collected from pairs of name and value.
#[derive(Clone, Debug, Default)]
pub struct MemorySecrets(BTreeMap<SecretName, SecretString>);

impl FromIterator<(SecretName, SecretString)> for MemorySecrets {
    fn from_iter<I: IntoIterator<Item = (SecretName, SecretString)>>(secrets: I) -> Self {
        Self(secrets.into_iter().collect())
    }
}

#[async_trait]
impl SecretStore for MemorySecrets {
    fn describe(&self, name: &SecretName) -> String {
        format!("{name} among the secrets that the host was given")
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretString>, SecretStoreError> {
        Ok(self.0.get(name).cloned())
    }
}
