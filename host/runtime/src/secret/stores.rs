//! Several stores as one.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::{Mask, SecretName, SecretStore};
use crate::capability::CapabilityError;

/// Secret stores that are asked one after the other; the first that has a secret supplies it.
/// Clones share the stores and the mask that knows every secret which was supplied.
#[derive(Clone, Default)]
pub struct SecretStores {
    stores: Vec<Arc<dyn SecretStore>>,
    mask: Mask,
}

impl SecretStores {
    /// These stores, in this order.
    pub fn new(stores: Vec<Arc<dyn SecretStore>>) -> Self {
        Self {
            stores,
            mask: Mask::default(),
        }
    }

    /// What keeps the secrets out of whatever is shown.
    pub fn mask(&self) -> &Mask {
        &self.mask
    }

    /// The secret `name`, which `user` (such as `the connector aws_main`) needs. From then on it is
    /// masked.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`], which says where each store looks, where none has it;
    /// [`crate::ErrorKind::Unavailable`] where a store fails.
    pub async fn get(
        &self,
        name: &SecretName,
        user: &str,
    ) -> Result<SecretString, CapabilityError> {
        let serving = || self.stores.iter().filter(|store| store.serves(name));
        for store in serving() {
            let found = store.get(name).await.map_err(|error| {
                CapabilityError::unavailable(format!("{user} needs the secret {name}: {error}"))
            })?;
            if let Some(secret) = found {
                self.mask.note(secret.expose_secret());
                return Ok(secret);
            }
        }
        let error =
            CapabilityError::not_found(format!("{user} needs the secret {name}, which is nowhere"));
        let places: Vec<String> = serving().map(|store| store.describe(name)).collect();
        Err(error.with_hint(if places.is_empty() {
            "give the host a secret store".to_owned()
        } else {
            format!("set {}", places.join(", or "))
        }))
    }
}

impl fmt::Debug for SecretStores {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SecretStores({})", self.stores.len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MemorySecrets, ScopedSecrets};
    use super::*;
    use crate::connector::ReferenceScope;

    fn store(secrets: &[(&str, &str)]) -> Arc<dyn SecretStore> {
        let pairs = secrets
            .iter()
            .map(|(name, value)| (SecretName::parse(name).unwrap(), SecretString::from(*value)));
        Arc::new(pairs.collect::<MemorySecrets>())
    }

    async fn get(stores: &SecretStores, name: &str) -> Result<String, CapabilityError> {
        let name = SecretName::parse(name).unwrap();
        let secret = stores.get(&name, "a test").await?;
        Ok(secret.expose_secret().to_owned())
    }

    #[tokio::test]
    async fn the_first_store_that_has_a_secret_supplies_it() {
        let stores = SecretStores::new(vec![
            store(&[("token", "first-token")]),
            store(&[("token", "second-token"), ("other", "other-token")]),
        ]);
        assert_eq!(get(&stores, "token").await.unwrap(), "first-token");
        assert_eq!(get(&stores, "other").await.unwrap(), "other-token");
        // What was not supplied is not known.
        let text = "first-token second-token other-token";
        assert_eq!(stores.clone().mask().text(text), "*** second-token ***");
    }

    #[tokio::test]
    async fn a_store_is_asked_for_its_scopes_alone() {
        let all = [
            ("token", "project"),
            ("org.token", "org"),
            ("account.token", "account"),
        ];
        let scoped = |scopes: &[ReferenceScope], secrets: &[(&str, &str)]| {
            let scoped = ScopedSecrets::new(store(secrets), scopes.to_vec());
            Arc::new(scoped) as Arc<dyn SecretStore>
        };
        let stores = SecretStores::new(vec![scoped(
            &[ReferenceScope::Organization, ReferenceScope::Account],
            &all,
        )]);
        assert_eq!(get(&stores, "org.token").await.unwrap(), "org");
        assert_eq!(get(&stores, "account.token").await.unwrap(), "account");
        let error = get(&stores, "token").await.unwrap_err();
        assert_eq!(error.hint.as_deref(), Some("give the host a secret store"));
        let stores = SecretStores::new(vec![scoped(&[ReferenceScope::Project], &all)]);
        assert_eq!(get(&stores, "token").await.unwrap(), "project");
    }
}
