//! Secrets: where they are kept, and the placeholders that stand for them in a step's settings.

mod directory;
mod environment;
mod file;
mod placeholder;
mod stores;

use std::fmt;

use async_trait::async_trait;
use secrecy::SecretString;

pub use directory::DirectorySecrets;
pub use environment::EnvironmentSecrets;
pub use file::{FileSecrets, SecretFileError};
pub use placeholder::Placeholders;
pub use stores::SecretStores;

/// The name of a secret, with the scope that Harness writes before it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName {
    /// `account`, `org`, or none for the project's own.
    pub scope: Option<String>,
    /// The identifier.
    pub identifier: String,
}

impl fmt::Display for SecretName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scope {
            Some(scope) => write!(formatter, "{scope}.{}", self.identifier),
            None => formatter.write_str(&self.identifier),
        }
    }
}

/// A store that failed, which is not the same as a secret that it does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret store {store} failed: {problem}")]
pub struct SecretStoreError {
    /// The store, for a person.
    pub store: String,
    /// What happened. Never holds a secret.
    pub problem: String,
}

/// Keeps secrets. An embedder brings its own.
#[async_trait]
pub trait SecretStore: Send + Sync {
    /// What the store is and where it looks for `name`, for a person who has to put it there.
    fn describe(&self, name: &SecretName) -> String;

    /// The secret, or nothing where the store does not have it.
    ///
    /// # Errors
    /// Where the store cannot answer.
    async fn get(&self, name: &SecretName) -> Result<Option<SecretString>, SecretStoreError>;
}
