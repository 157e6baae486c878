//! Secrets in the environment of the host's own process.

use async_trait::async_trait;
use secrecy::SecretString;

use super::{SecretName, SecretStore, SecretStoreError};

/// Secrets in variables called `STEPYARD_SECRET_<NAME>`: the name in upper case, each character
/// that a variable cannot have as `_`, a scope before it (`STEPYARD_SECRET_ORG_TOKEN`). No other
/// variable is ever read.
#[derive(Clone, Copy, Debug, Default)]
pub struct EnvironmentSecrets;

impl EnvironmentSecrets {
    /// The variable that holds the secret `name`.
    pub fn variable(name: &SecretName) -> String {
        let name: String = name
            .to_string()
            .chars()
            .map(|character| {
                if character.is_ascii_alphanumeric() {
                    character.to_ascii_uppercase()
                } else {
                    '_'
                }
            })
            .collect();
        format!("STEPYARD_SECRET_{name}")
    }
}

#[async_trait]
impl SecretStore for EnvironmentSecrets {
    fn describe(&self, name: &SecretName) -> String {
        format!("the environment variable {}", Self::variable(name))
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretString>, SecretStoreError> {
        let variable = Self::variable(name);
        match std::env::var(&variable) {
            Ok(value) => Ok(Some(SecretString::from(value))),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => Err(SecretStoreError {
                store: "environment".to_owned(),
                problem: format!("the value of {variable} is not UTF-8"),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_the_name_in_upper_case() {
        let name = |scope: Option<&str>, identifier: &str| {
            EnvironmentSecrets::variable(&SecretName {
                scope: scope.map(ToOwned::to_owned),
                identifier: identifier.to_owned(),
            })
        };
        assert_eq!(name(None, "aws-key"), "STEPYARD_SECRET_AWS_KEY");
        assert_eq!(name(Some("org"), "token"), "STEPYARD_SECRET_ORG_TOKEN");
    }
}
