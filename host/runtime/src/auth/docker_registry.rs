//! Connectors of type `DockerRegistry`: a user name and password for one registry.

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::ExposeSecret;
use stepyard_grammar::RegistryHost;

use super::{BasicCredential, Credential, CredentialSource};
use crate::capability::CapabilityError;
use crate::connector::{DockerRegistryAuthentication, DockerRegistryConnector, Username};
use crate::secret::{SecretName, SecretStores};

/// The credential of a connector, for its own registry alone.
pub(super) async fn log_in(
    name: &str,
    connector: &DockerRegistryConnector,
    registry: Option<RegistryHost>,
    secrets: &SecretStores,
) -> Result<Credential, CapabilityError> {
    let own = &connector.registry;
    if let Some(other) = registry.filter(|registry| registry != own) {
        return Err(CapabilityError::invalid(format!(
            "the connector {name} is for {own}, not for {other}; name a connector whose \
             dockerRegistryUrl is that of {other}"
        )));
    }
    match &connector.authentication {
        DockerRegistryAuthentication::Anonymous => Ok(Credential::anonymous(own.clone())),
        DockerRegistryAuthentication::UsernamePassword { username, password } => {
            let source = PasswordSource {
                user: format!("the connector {name}"),
                username: username.clone(),
                password: password.clone(),
                secrets: secrets.clone(),
            };
            // A secret that is missing is best told now.
            source.basic().await?;
            Ok(Credential::new(own.clone(), Arc::new(source)))
        }
    }
}

/// Reads the secrets each time, so that they are held no longer than needed.
#[derive(Debug)]
struct PasswordSource {
    user: String,
    username: Username,
    password: SecretName,
    secrets: SecretStores,
}

#[async_trait]
impl CredentialSource for PasswordSource {
    async fn basic(&self) -> Result<BasicCredential, CapabilityError> {
        let username = match &self.username {
            Username::Literal(username) => username.clone(),
            Username::Secret(name) => {
                let secret = self.secrets.get(name, &self.user).await?;
                secret.expose_secret().to_owned()
            }
        };
        Ok(BasicCredential {
            username,
            password: self.secrets.get(&self.password, &self.user).await?,
        })
    }
}
