//! Registries: where they are reached, who logs in to them, and components in them.

use std::path::Path;

use stepyard::auth::aws::{AwsEndpoints, EnvironmentOidcToken, OidcTokenFile};
use stepyard::auth::{ConnectorAuthenticator, DockerLogins};
use stepyard::configuration::Configuration;
use stepyard::connector::{ConnectorKind, Connectors};
use stepyard::registry::{Endpoint, Endpoints};
use stepyard::sharing::ComponentRegistry;

use super::{cache_folder, secret_stores};
use crate::exit::Failure;
use crate::view::TransferProgress;

/// The registries that components are fetched from and published to.
pub(crate) fn component_registry(
    configuration: &Configuration,
    authenticator: Option<&ConnectorAuthenticator>,
) -> Result<ComponentRegistry, Failure> {
    let connectors = authenticator.map(ConnectorAuthenticator::connectors);
    let mut registry = ComponentRegistry::new(endpoints(configuration, connectors)?)
        .events(TransferProgress::default());
    if let Some(authenticator) = authenticator {
        registry = registry.logins(authenticator.clone());
    }
    if let Some(logins) = DockerLogins::of_environment() {
        registry = registry.logins(logins);
    }
    let kept = |folder: &Path| registry.clone().keep_in(&folder.join("fetched"));
    Ok(match &configuration.components.cache {
        Some(folder) => kept(folder).map_err(|error| {
            Failure::input(
                error.to_string(),
                "name another folder with `cache` under [components] of stepyard.toml",
            )
        })?,
        // Nobody asked for this folder, and a component can be fetched anew.
        None => cache_folder("components")
            .and_then(|folder| kept(&folder).ok())
            .unwrap_or(registry),
    })
}

/// Where registries are reached.
pub(super) fn endpoints(
    configuration: &Configuration,
    connectors: Option<&Connectors>,
) -> Result<Endpoints, Failure> {
    let mut endpoints = Endpoints::new();
    for (registry, configured) in &configuration.registries {
        let endpoint = Endpoint::parse(configured.endpoint.as_str())
            .map_err(|error| Failure::input(error.to_string(), "mend it in stepyard.toml"))?;
        endpoints.map(registry.clone(), endpoint);
    }
    for connector in connectors.into_iter().flat_map(Connectors::iter) {
        if let ConnectorKind::DockerRegistry(docker) = &connector.kind
            && docker.plain_http
            && !configuration.registries.contains_key(&docker.registry)
        {
            let endpoint = Endpoint {
                plain_http: true,
                host: docker.registry.clone(),
            };
            endpoints.map(docker.registry.clone(), endpoint);
        }
    }
    Ok(endpoints)
}

/// Logs in with connectors, where AWS and the secrets are that the configuration names.
pub(crate) fn authenticator(
    configuration: &Configuration,
    connectors: Connectors,
) -> Result<ConnectorAuthenticator, Failure> {
    let aws_url = configuration.aws.endpoint_url.as_ref();
    let aws_url = aws_url.map(|endpoint| endpoint.as_str().to_owned());
    let aws_endpoints = AwsEndpoints {
        ecr: aws_url.clone(),
        ecr_public: aws_url.clone(),
        sts: aws_url,
    };
    let stores = secret_stores(configuration)?;
    let authenticator = ConnectorAuthenticator::new(connectors, stores, aws_endpoints);
    Ok(match &configuration.aws.oidc_token_file {
        Some(path) => {
            let named_by = "oidc-token-file under [aws] of stepyard.toml";
            authenticator.with_oidc_tokens(OidcTokenFile::new(path, named_by))
        }
        None => authenticator.with_oidc_tokens(EnvironmentOidcToken),
    })
}
