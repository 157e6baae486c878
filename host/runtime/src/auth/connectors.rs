//! The authenticator for the connectors of users' files.

use std::sync::Arc;

use async_trait::async_trait;
use stepyard_grammar::RegistryHost;

use super::aws::{
    AwsCaller, AwsClients, AwsEndpoints, EcrToken, Identity, OidcTokenSource, ServiceAccount,
    TokenRegistry,
};
use super::{
    Authenticator, Credential, CredentialSource, Identify, Login, RegistryLogins, docker_registry,
};
use crate::capability::CapabilityError;
use crate::connector::{Connector, ConnectorKind, ConnectorReference, Connectors};
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

    /// The connectors.
    pub fn connectors(&self) -> &Connectors {
        &self.connectors
    }

    /// Where their secrets are.
    pub fn secret_stores(&self) -> &SecretStores {
        &self.secrets
    }

    /// The clients of AWS's APIs.
    pub(crate) fn aws(&self) -> Arc<AwsClients> {
        self.aws.clone()
    }

    /// The same, where connectors of the type `OidcAuthentication` exchange tokens from `source`.
    /// What it has cached is dropped.
    #[must_use]
    pub fn with_oidc_tokens(self, source: impl OidcTokenSource + 'static) -> Self {
        Self {
            aws: Arc::new(self.aws.with_oidc_tokens(Arc::new(source))),
            ..self
        }
    }

    /// The same, where connectors of the type `Irsa` take the role of `service_account` and not of
    /// the one in this process's environment. What it has cached is dropped.
    #[must_use]
    pub fn with_service_account(self, service_account: ServiceAccount) -> Self {
        Self {
            aws: Arc::new(self.aws.with_service_account(service_account)),
            ..self
        }
    }

    async fn log_in_to_ecr(
        &self,
        caller: AwsCaller,
        registry: Option<RegistryHost>,
    ) -> Result<Credential, CapabilityError> {
        let (host, registry) = match registry {
            Some(host) => match TokenRegistry::at(&host) {
                Some(registry) => (host, registry),
                None => {
                    return Err(CapabilityError::invalid(format!(
                        "the connector {} is of type Aws, which is for the registries of Amazon \
                         ECR and not for {host}; name a connector of type DockerRegistry for it",
                        caller.connector
                    )));
                }
            },
            None => {
                let own = self.aws.own_registry(&caller).await?;
                (own.host().clone(), TokenRegistry::Private(own))
            }
        };
        let token = EcrToken {
            clients: self.aws.clone(),
            caller,
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
        let step = call.step().clone();
        let Login {
            connector: name,
            registry,
        } = call.into_call();
        match &find_connector(&self.connectors, &name)?.kind {
            ConnectorKind::Aws(_) => {
                let caller = AwsCaller {
                    connector: name,
                    step,
                };
                self.log_in_to_ecr(caller, registry).await
            }
            ConnectorKind::DockerRegistry(connector) => {
                docker_registry::log_in(&name, connector, registry, &self.secrets).await
            }
        }
    }

    async fn identify(
        &self,
        call: Authorized<Identify>,
    ) -> Result<Option<Identity>, CapabilityError> {
        let step = call.step().clone();
        let Identify { connector, region } = call.into_call();
        match &find_connector(&self.connectors, &connector)?.kind {
            ConnectorKind::Aws(_) => {
                let caller = AwsCaller { connector, step };
                self.aws.identity(&caller, &region).await.map(Some)
            }
            ConnectorKind::DockerRegistry(_) => Ok(None),
        }
    }
}

/// The connector of type `DockerRegistry` for a registry, or the only one of type `Aws` for a
/// registry of Amazon ECR.
#[async_trait]
impl RegistryLogins for ConnectorAuthenticator {
    async fn find(&self, registry: &RegistryHost) -> Result<Option<Credential>, CapabilityError> {
        for connector in self.connectors.iter() {
            if let ConnectorKind::DockerRegistry(docker) = &connector.kind
                && docker.registry == *registry
            {
                let name = connector.name();
                let host = Some(registry.clone());
                let login = docker_registry::log_in(&name, docker, host, &self.secrets).await?;
                return Ok(Some(login));
            }
        }
        if TokenRegistry::at(registry).is_none() {
            return Ok(None);
        }
        let mut of_aws = self
            .connectors
            .iter()
            .filter(|connector| matches!(connector.kind, ConnectorKind::Aws(_)));
        let (Some(connector), None) = (of_aws.next(), of_aws.next()) else {
            return Ok(None);
        };
        let caller = AwsCaller {
            connector: connector.name(),
            step: Arc::from("components"),
        };
        let login = self.log_in_to_ecr(caller, Some(registry.clone())).await?;
        Ok(Some(login))
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
