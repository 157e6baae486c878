//! Connectors of type `Aws`: the one place that makes clients of AWS's APIs.

mod error;
mod noted;
mod token;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use secrecy::ExposeSecret;
use stepyard_grammar::{AwsAccountId, AwsRegion, EcrEndpoint, EcrRegistry};
use tokio::sync::Mutex;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

pub(crate) use self::error::AwsCall;
pub(super) use self::token::EcrToken;
use self::token::EcrTokens;
use super::connectors::find_connector;
use crate::capability::CapabilityError;
use crate::connector::{
    AccessKey, AwsConnector, AwsCredential, ConnectorKind, Connectors, ManualCredential,
};
use crate::secret::SecretStores;

/// Where AWS's APIs are reached. What is not set here is taken from the variables
/// `AWS_ENDPOINT_URL_ECR`, `AWS_ENDPOINT_URL_STS` and `AWS_ENDPOINT_URL`, else from the region.
#[derive(Clone, Debug, Default)]
pub struct AwsEndpoints {
    /// The URL of ECR's API, such as that of a VPC endpoint.
    pub ecr: Option<String>,
    /// The URL of STS.
    pub sts: Option<String>,
}

/// What a client is made for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ClientKey {
    connector: String,
    region: AwsRegion,
    endpoint: EcrEndpoint,
}

/// Makes clients of AWS's APIs, one configuration a connector and region.
#[derive(Debug)]
pub(crate) struct AwsClients {
    connectors: Arc<Connectors>,
    secrets: SecretStores,
    endpoints: AwsEndpoints,
    configurations: Mutex<HashMap<ClientKey, SdkConfig>>,
    tokens: EcrTokens,
}

impl AwsClients {
    pub(super) fn new(
        connectors: Arc<Connectors>,
        secrets: SecretStores,
        endpoints: AwsEndpoints,
    ) -> Self {
        Self {
            connectors,
            secrets,
            endpoints,
            configurations: Mutex::default(),
            tokens: EcrTokens::default(),
        }
    }

    /// A client of ECR's API for `registry`, and the call for the words of its errors.
    pub(crate) async fn ecr(
        &self,
        connector: &str,
        registry: &EcrRegistry,
        action: &'static str,
    ) -> Result<(aws_sdk_ecr::Client, AwsCall), CapabilityError> {
        let key = ClientKey {
            connector: connector.to_owned(),
            region: registry.region().clone(),
            endpoint: registry.endpoint(),
        };
        let configuration = self.configuration(&key).await?;
        let mut builder = aws_sdk_ecr::config::Builder::from(&configuration);
        if let Some(url) = &self.endpoints.ecr {
            builder = builder.endpoint_url(url);
        }
        let suffix = registry.partition().dns_suffix();
        let usual = format!("https://api.ecr.{}.{suffix}", registry.region());
        let call = AwsCall {
            connector: connector.to_owned(),
            action,
            endpoint: address(self.endpoints.ecr.as_deref(), "AWS_ENDPOINT_URL_ECR", usual),
        };
        Ok((aws_sdk_ecr::Client::from_conf(builder.build()), call))
    }

    /// The registry of the account that the connector's identity belongs to, in the connector's
    /// region.
    pub(super) async fn own_registry(
        &self,
        name: &str,
        connector: &AwsConnector,
    ) -> Result<EcrRegistry, CapabilityError> {
        let Some(region) = &connector.region else {
            return Err(CapabilityError::invalid(format!(
                "the connector {name} has no region, so it has no registry of its own; set its \
                 region or name the registry"
            )));
        };
        let key = ClientKey {
            connector: name.to_owned(),
            region: region.clone(),
            endpoint: EcrEndpoint::Standard,
        };
        let configuration = self.sts_configuration(&self.configuration(&key).await?);
        let client = aws_sdk_sts::Client::new(&configuration);
        let suffix = region.partition().dns_suffix();
        let call = AwsCall {
            connector: name.to_owned(),
            action: "sts:GetCallerIdentity",
            endpoint: address(
                self.endpoints.sts.as_deref(),
                "AWS_ENDPOINT_URL_STS",
                format!("https://sts.{region}.{suffix}"),
            ),
        };
        let identity = untraced(client.get_caller_identity().send())
            .await
            .map_err(|error| call.told(&error))?;
        let account = AwsAccountId::parse(identity.account().unwrap_or_default());
        account
            .and_then(|account| EcrRegistry::new(account, region.clone(), EcrEndpoint::Standard))
            .map_err(|error| CapabilityError::unsupported(format!("AWS answers with {error}")))
    }

    /// Drops what was made from the connector's secrets, so that the next call reads them anew.
    async fn forget(&self, connector: &str) {
        let mut configurations = self.configurations.lock().await;
        configurations.retain(|key, _| key.connector != connector);
    }

    async fn configuration(&self, key: &ClientKey) -> Result<SdkConfig, CapabilityError> {
        let mut configurations = self.configurations.lock().await;
        if let Some(configuration) = configurations.get(key) {
            return Ok(configuration.clone());
        }
        let configuration = self.make_configuration(key).await?;
        let configuration = noted::noted(configuration, self.secrets.mask());
        configurations.insert(key.clone(), configuration.clone());
        Ok(configuration)
    }

    async fn make_configuration(&self, key: &ClientKey) -> Result<SdkConfig, CapabilityError> {
        let name = &key.connector;
        let connector = match &find_connector(&self.connectors, name)?.kind {
            ConnectorKind::Aws(connector) => connector,
            ConnectorKind::DockerRegistry(_) => {
                return Err(CapabilityError::invalid(format!(
                    "the connector {name} is of type DockerRegistry; Amazon ECR needs one of type Aws"
                )));
            }
        };
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(key.region.to_string()))
            .retry_config(RetryConfig::standard().with_max_attempts(4))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(5))
                    .operation_attempt_timeout(Duration::from_secs(30))
                    .build(),
            );
        if matches!(key.endpoint, EcrEndpoint::Fips | EcrEndpoint::DualStackFips) {
            loader = loader.use_fips(true);
        }
        if matches!(
            key.endpoint,
            EcrEndpoint::DualStack | EcrEndpoint::DualStackFips
        ) {
            loader = loader.use_dual_stack(true);
        }
        match &connector.credential {
            AwsCredential::Manual(manual) => {
                loader = loader.credentials_provider(self.manual(name, manual).await?);
            }
            AwsCredential::InheritFromDelegate => {}
            AwsCredential::Irsa => return Err(unsupported(name, "Irsa")),
            AwsCredential::Oidc { .. } => return Err(unsupported(name, "OidcAuthentication")),
        }
        let configuration = untraced(loader.load()).await;
        let Some(access) = &connector.cross_account_access else {
            return Ok(configuration);
        };
        let mut role = AssumeRoleProvider::builder(access.role.as_str())
            .session_name("stepyard")
            .configure(&self.sts_configuration(&configuration));
        if let Some(external_id) = &access.external_id {
            role = role.external_id(external_id);
        }
        let role = SharedCredentialsProvider::new(untraced(role.build()).await);
        Ok(configuration
            .into_builder()
            .credentials_provider(role)
            .build())
    }

    async fn manual(
        &self,
        connector: &str,
        manual: &ManualCredential,
    ) -> Result<Credentials, CapabilityError> {
        let user = format!("the connector {connector}");
        let access_key = match &manual.access_key {
            AccessKey::Literal(access_key) => access_key.clone(),
            AccessKey::Secret(name) => {
                let secret = self.secrets.get(name, &user).await?;
                secret.expose_secret().trim().to_owned()
            }
        };
        let secret_key = self.secrets.get(&manual.secret_key, &user).await?;
        let session_token = match &manual.session_token {
            Some(name) => Some(self.secrets.get(name, &user).await?),
            None => None,
        };
        Ok(Credentials::new(
            access_key,
            secret_key.expose_secret().trim(),
            session_token.map(|token| token.expose_secret().trim().to_owned()),
            None,
            "stepyard-connector",
        ))
    }

    fn sts_configuration(&self, configuration: &SdkConfig) -> SdkConfig {
        match &self.endpoints.sts {
            Some(url) => configuration.to_builder().endpoint_url(url).build(),
            None => configuration.clone(),
        }
    }
}

fn unsupported(connector: &str, credential: &str) -> CapabilityError {
    CapabilityError::unsupported(format!(
        "the connector {connector} has a credential of type {credential}, which this version does \
         not offer yet; use ManualConfig or InheritFromDelegate"
    ))
}

/// Where an API is reached, for a person: in the order in which the SDK looks.
fn address(configured: Option<&str>, variable: &str, usual: String) -> String {
    let of = |variable: &str| std::env::var(variable).ok();
    configured
        .map(ToOwned::to_owned)
        .or_else(|| of(variable))
        .or_else(|| of("AWS_ENDPOINT_URL"))
        .unwrap_or(usual)
}

/// Runs a call of the SDK without a `tracing` subscriber: at its most talkative the SDK writes
/// the bodies of answers, and those hold tokens.
pub(crate) async fn untraced<F: Future>(call: F) -> F::Output {
    call.with_subscriber(NoSubscriber::default()).await
}
