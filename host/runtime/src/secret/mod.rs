//! Secrets: where they are kept, the placeholders that stand for them in a step's settings, and the
//! mask that keeps them out of what is shown.

mod command;
mod directory;
mod environment;
mod file;
mod mask;
mod memory;
mod placeholder;
pub(crate) mod program;
mod scoped;
mod stores;

use std::fmt;

use async_trait::async_trait;
use secrecy::SecretString;

pub use command::CommandSecrets;
pub use directory::DirectorySecrets;
pub use environment::EnvironmentSecrets;
pub use file::{FileSecrets, SecretFileError};
pub use mask::Mask;
pub use memory::MemorySecrets;
pub use placeholder::Placeholders;
pub use scoped::ScopedSecrets;
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

impl SecretName {
    /// The scope by its name: `project` where none is written.
    #[must_use]
    pub fn scope(&self) -> &str {
        self.scope.as_deref().unwrap_or("project")
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

    /// Whether the store is meant for `name`. It is not asked for others.
    fn serves(&self, _name: &SecretName) -> bool {
        true
    }

    /// The secret, or nothing where the store does not have it.
    ///
    /// # Errors
    /// Where the store cannot answer.
    async fn get(&self, name: &SecretName) -> Result<Option<SecretString>, SecretStoreError>;
}

/// What a file or a command gives for a secret, without the one line end that editors and `echo`
/// leave.
fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}
