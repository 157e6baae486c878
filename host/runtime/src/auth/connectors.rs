//! The authenticator for the connectors of users' files.

use std::sync::Arc;

use async_trait::async_trait;
use stepyard_grammar::{EcrRegistry, RegistryHost};

use super::aws::{AwsClients, AwsEndpoints, EcrToken};
use super::{Authenticator, Credential, CredentialSource, Login, docker_registry};
use crate::capability::CapabilityError;
use crate::connector::{AwsConnector, Connector, ConnectorKind, ConnectorReference, Connectors};
use crate::policy::Authorized;
use crate::secret::SecretStores;

/// Logs in with the connectors of users' files.
#[derive(Clone, Debug)]
pub struct ConnectorAuthenticator {
    connectors: Arc<Connectors>,
    secrets: SecretStores,
    aws: Arc<AwsClients>,
}

impl ConnectorAuthenticator {
    /// An authenticator for `connectors`, whose secrets are in `secrets`. AWS is reached where
    /// `endpoints` says.
    pub fn new(connectors: Connectors, secrets: SecretStores, endpoints: AwsEndpoints) -> Self {
        let connectors = Arc::new(connectors);
        let aws = AwsClients::new(connectors.clone(), secrets.clone(), endpoints);
        Self {
            connectors,
            secrets,
            aws: Arc::new(aws),
        }
    }

    /// The clients of AWS's APIs.
    pub(crate) fn aws(&self) -> Arc<AwsClients> {
        self.aws.clone()
    }

    async fn log_in_to_ecr(
        &self,
        name: String,
        connector: &AwsConnector,
        registry: Option<RegistryHost>,
    ) -> Result<Credential, CapabilityError> {
        let registry = match registry {
            Some(host) => EcrRegistry::from_host(&host).ok_or_else(|| {
                let public = if EcrRegistry::is_public(&host) {
                    " (ECR Public can be read anonymously)"
                } else {
                    ""
                };
                CapabilityError::invalid(format!(
                    "the connector {name} is of type Aws, which is for the private registries of \
                     Amazon ECR and not for {host}{public}; name a connector of type \
                     DockerRegistry for it"
                ))
            })?,
            None => self.aws.own_registry(&name, connector).await?,
        };
        let host = registry.host().clone();
        let token = EcrToken {
            clients: self.aws.clone(),
            connector: name,
            registry,
        };
        // Wrong keys are best told now; the token is kept for its first use.
        token.basic().await?;
        Ok(Credential::new(host, Arc::new(token)))
    }
}

#[async_trait]
impl Authenticator for ConnectorAuthenticator {
    async fn login(&self, call: Authorized<Login>) -> Result<Credential, CapabilityError> {
        let Login {
            connector: name,
            registry,
        } = call.into_call();
        match &find_connector(&self.connectors, &name)?.kind {
            ConnectorKind::Aws(connector) => self.log_in_to_ecr(name, connector, registry).await,
            ConnectorKind::DockerRegistry(connector) => {
                docker_registry::log_in(&name, connector, registry, &self.secrets).await
            }
        }
    }
}

/// The connector that a step calls `name`.
pub(super) fn find_connector<'a>(
    connectors: &'a Connectors,
    name: &str,
) -> Result<&'a Connector, CapabilityError> {
    let reference = ConnectorReference::parse(name)
        .map_err(|error| CapabilityError::invalid(error.to_string()))?;
    connectors.get(&reference).ok_or_else(|| {
        let known: Vec<&str> = connectors
            .iter()
            .map(|connector| connector.identifier.as_str())
            .collect();
        CapabilityError::not_found(format!("there is no connector {name}")).with_hint(
            if known.is_empty() {
                "give the host a file of connectors".to_owned()
            } else {
                format!("the connectors are {}", known.join(", "))
            },
        )
    })
}
