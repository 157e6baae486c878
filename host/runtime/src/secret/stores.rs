//! Several stores as one.

use std::fmt;
use std::sync::Arc;

use secrecy::SecretString;

use super::{SecretName, SecretStore};
use crate::capability::CapabilityError;

/// Secret stores that are asked one after the other; the first that has a secret supplies it.
#[derive(Clone, Default)]
pub struct SecretStores(Vec<Arc<dyn SecretStore>>);

impl SecretStores {
    /// These stores, in this order.
    pub fn new(stores: Vec<Arc<dyn SecretStore>>) -> Self {
        Self(stores)
    }

    /// The secret `name`, which `user` (such as `the connector aws_main`) needs.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`], which says where each store looks, where none has it;
    /// [`crate::ErrorKind::Unavailable`] where a store fails.
    pub async fn get(
        &self,
        name: &SecretName,
        user: &str,
    ) -> Result<SecretString, CapabilityError> {
        for store in &self.0 {
            let found = store.get(name).await.map_err(|error| {
                CapabilityError::unavailable(format!("{user} needs the secret {name}: {error}"))
            })?;
            if let Some(secret) = found {
                return Ok(secret);
            }
        }
        let error =
            CapabilityError::not_found(format!("{user} needs the secret {name}, which is nowhere"));
        let places: Vec<String> = self.0.iter().map(|store| store.describe(name)).collect();
        Err(error.with_hint(if places.is_empty() {
            "give the host a secret store".to_owned()
        } else {
            format!("set {}", places.join(", or "))
        }))
    }
}

impl fmt::Debug for SecretStores {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SecretStores({})", self.0.len())
    }
}
