//! A store for some scopes.

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;

use super::{SecretName, SecretStore, SecretStoreError};
use crate::connector::ReferenceScope;

/// A store that is asked for the secrets of some scopes only, so that `account.` and `org.` can
/// have stores of their own.
pub struct ScopedSecrets {
    store: Arc<dyn SecretStore>,
    scopes: Vec<ReferenceScope>,
}

impl ScopedSecrets {
    /// `store` for the secrets of `scopes`.
    pub fn new(store: Arc<dyn SecretStore>, scopes: Vec<ReferenceScope>) -> Self {
        Self { store, scopes }
    }
}

#[async_trait]
impl SecretStore for ScopedSecrets {
    fn describe(&self, name: &SecretName) -> String {
        self.store.describe(name)
    }

    fn serves(&self, name: &SecretName) -> bool {
        let mut scopes = self.scopes.iter();
        scopes.any(|scope| scope.name() == name.scope()) && self.store.serves(name)
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretString>, SecretStoreError> {
        self.store.get(name).await
    }
}
