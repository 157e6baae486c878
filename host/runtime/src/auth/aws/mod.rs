//! Connectors of type `Aws`: the one place that makes clients of AWS's APIs.

mod configuration;
mod error;
mod noted;
mod oidc;
mod retry;
mod role;
mod service_account;
mod session_name;
mod sessions;
mod token;

use std::sync::Arc;

use aws_config::SdkConfig;
use stepyard_grammar::{AwsAccountId, AwsRegion, EcrEndpoint, EcrRegistry};
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

#[cfg(test)]
pub(crate) use self::error::CallProof;
pub(crate) use self::error::{AwsCall, missing_action, said};
pub use self::oidc::{EnvironmentOidcToken, OidcTokenFile, OidcTokenRequest, OidcTokenSource};
use self::retry::Retries;
pub use self::service_account::ServiceAccount;
use self::session_name::SessionName;
use self::sessions::{Session, SessionKey, Sessions};
pub(super) use self::token::{EcrToken, TokenRegistry};
use super::connectors::find_connector;
use crate::capability::CapabilityError;
use crate::connector::{AwsConnector, ConnectorKind, Connectors};
use crate::secret::SecretStores;

/// Where the API of ECR Public is.
const PUBLIC_REGION: &str = "us-east-1";

/// Where AWS's APIs are reached. What is not set here is taken from the variables
/// `AWS_ENDPOINT_URL_ECR`, `AWS_ENDPOINT_URL_ECR_PUBLIC`, `AWS_ENDPOINT_URL_STS` and
/// `AWS_ENDPOINT_URL`, else from the region.
#[derive(Clone, Debug, Default)]
pub struct AwsEndpoints {
    /// The URL of ECR's API, such as that of a VPC endpoint.
    pub ecr: Option<String>,
    /// The URL of ECR Public's API.
    pub ecr_public: Option<String>,
    /// The URL of STS.
    pub sts: Option<String>,
}

/// On whose behalf AWS is called.
#[derive(Clone, Debug)]
pub(crate) struct AwsCaller {
    /// The connector, as the step names it.
    pub(crate) connector: String,
    /// The step's identifier: it names the sessions of roles.
    pub(crate) step: Arc<str>,
}

/// Who a connector's identity is, as AWS says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account that the identity belongs to.
    pub account: AwsAccountId,
    /// The user or the role's session, such as `arn:aws:sts::123456789012:assumed-role/push/NAME`.
    pub arn: String,
}

/// Makes clients of AWS's APIs, one configuration a connector, region and, where a role is
/// assumed, step.
#[derive(Debug)]
pub(crate) struct AwsClients {
    connectors: Arc<Connectors>,
    secrets: SecretStores,
    endpoints: AwsEndpoints,
    service_account: ServiceAccount,
    oidc_tokens: Option<Arc<dyn OidcTokenSource>>,
    sessions: Sessions,
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
            service_account: ServiceAccount::of_environment(),
            oidc_tokens: None,
            sessions: Sessions::default(),
        }
    }

    /// The same, without what it has cached, with tokens from `source`.
    pub(super) fn with_oidc_tokens(&self, source: Arc<dyn OidcTokenSource>) -> Self {
        Self {
            oidc_tokens: Some(source),
            ..self.anew()
        }
    }

    /// The same, without what it has cached, as the pod of `service_account`.
    pub(super) fn with_service_account(&self, service_account: ServiceAccount) -> Self {
        Self {
            service_account,
            ..self.anew()
        }
    }

    fn anew(&self) -> Self {
        Self {
            connectors: self.connectors.clone(),
            secrets: self.secrets.clone(),
            endpoints: self.endpoints.clone(),
            service_account: self.service_account.clone(),
            oidc_tokens: self.oidc_tokens.clone(),
            sessions: Sessions::default(),
        }
    }

    /// A client of ECR's API for `registry`, and the call for the words of its errors.
    pub(crate) async fn ecr(
        &self,
        caller: &AwsCaller,
        registry: &EcrRegistry,
        action: &'static str,
    ) -> Result<(aws_sdk_ecr::Client, AwsCall), CapabilityError> {
        let key = self.key(caller, registry.region(), registry.endpoint())?;
        let configuration = self.configured(caller, &key).await?;
        let mut builder = aws_sdk_ecr::config::Builder::from(&configuration)
            .retry_classifier(Retries::of(action));
        if let Some(url) = &self.endpoints.ecr {
            builder = builder.endpoint_url(url);
        }
        let suffix = registry.partition().dns_suffix();
        let usual = format!("https://api.ecr.{}.{suffix}", registry.region());
        let endpoint = address(self.endpoints.ecr.as_deref(), "AWS_ENDPOINT_URL_ECR", usual);
        let call = self.call(caller, action, endpoint)?;
        Ok((aws_sdk_ecr::Client::from_conf(builder.build()), call))
    }

    /// A client of ECR Public's API, and the call for the words of its errors.
    async fn ecr_public(
        &self,
        caller: &AwsCaller,
        action: &'static str,
    ) -> Result<(aws_sdk_ecrpublic::Client, AwsCall), CapabilityError> {
        let configuration = self.configured(caller, &self.public_key(caller)?).await?;
        let mut builder = aws_sdk_ecrpublic::config::Builder::from(&configuration)
            .retry_classifier(Retries::of(action));
        let url = self.endpoints.ecr_public.as_deref();
        if let Some(url) = url {
            builder = builder.endpoint_url(url);
        }
        let usual = format!("https://api.ecr-public.{PUBLIC_REGION}.amazonaws.com");
        let endpoint = address(url, "AWS_ENDPOINT_URL_ECR_PUBLIC", usual);
        let call = self.call(caller, action, endpoint)?;
        Ok((aws_sdk_ecrpublic::Client::from_conf(builder.build()), call))
    }

    /// Who the connector's identity is. Every identity may ask for it.
    pub(crate) async fn identity(
        &self,
        caller: &AwsCaller,
        region: &AwsRegion,
    ) -> Result<Identity, CapabilityError> {
        let key = self.key(caller, region, EcrEndpoint::Standard)?;
        let configuration = self.configured(caller, &key).await?;
        let call = self.sts_call(caller, "sts:GetCallerIdentity", region)?;
        let client = self.sts(&configuration, call.action);
        let identity = untraced(client.get_caller_identity().send())
            .await
            .map_err(|error| call.told(&error))?;
        let account = AwsAccountId::parse(identity.account().unwrap_or_default());
        Ok(Identity {
            account: account.map_err(|_| call.answers_without("an account"))?,
            arn: identity.arn().unwrap_or_default().to_owned(),
        })
    }

    /// The registry of the account that the connector's identity belongs to, in the connector's
    /// region.
    pub(super) async fn own_registry(
        &self,
        caller: &AwsCaller,
    ) -> Result<EcrRegistry, CapabilityError> {
        let name = &caller.connector;
        let Some(region) = &self.connector(name)?.region else {
            return Err(CapabilityError::invalid(format!(
                "the connector {name} has no region, so it has no registry of its own; set its \
                 region or name the registry"
            )));
        };
        let identity = self.identity(caller, region).await?;
        EcrRegistry::new(identity.account, region.clone(), EcrEndpoint::Standard)
            .map_err(|error| CapabilityError::invalid(error.to_string()))
    }

    /// The session of `caller` for a region's private registries.
    fn session(
        &self,
        caller: &AwsCaller,
        region: &AwsRegion,
        endpoint: EcrEndpoint,
    ) -> Result<Arc<Session>, CapabilityError> {
        Ok(self.sessions.get(&self.key(caller, region, endpoint)?))
    }

    /// The session of `caller` for ECR Public.
    fn public_session(&self, caller: &AwsCaller) -> Result<Arc<Session>, CapabilityError> {
        Ok(self.sessions.get(&self.public_key(caller)?))
    }

    /// The configuration of a session, made where it is not there yet.
    async fn configured(
        &self,
        caller: &AwsCaller,
        key: &SessionKey,
    ) -> Result<SdkConfig, CapabilityError> {
        let session = self.sessions.get(key);
        let mut configuration = session.configuration.lock().await;
        if let Some(configuration) = &*configuration {
            return Ok(configuration.clone());
        }
        let made = self.configuration(caller, key).await?;
        Ok(configuration.insert(made).clone())
    }

    fn connector(&self, name: &str) -> Result<&AwsConnector, CapabilityError> {
        match &find_connector(&self.connectors, name)?.kind {
            ConnectorKind::Aws(connector) => Ok(connector),
            ConnectorKind::DockerRegistry(_) => Err(CapabilityError::invalid(format!(
                "the connector {name} is of type DockerRegistry; Amazon ECR needs one of type Aws"
            ))),
        }
    }

    fn key(
        &self,
        caller: &AwsCaller,
        region: &AwsRegion,
        endpoint: EcrEndpoint,
    ) -> Result<SessionKey, CapabilityError> {
        let connector = self.connector(&caller.connector)?;
        Ok(SessionKey {
            connector: caller.connector.clone(),
            region: region.clone(),
            endpoint,
            name: connector
                .assumes_a_role()
                .then(|| SessionName::of_step(&caller.step)),
        })
    }

    /// ECR Public's API is in one region only.
    fn public_key(&self, caller: &AwsCaller) -> Result<SessionKey, CapabilityError> {
        let region = AwsRegion::parse(PUBLIC_REGION)
            .map_err(|error| CapabilityError::unsupported(error.to_string()))?;
        self.key(caller, &region, EcrEndpoint::Standard)
    }

    fn call(
        &self,
        caller: &AwsCaller,
        action: &'static str,
        endpoint: String,
    ) -> Result<AwsCall, CapabilityError> {
        Ok(AwsCall {
            connector: caller.connector.clone(),
            action,
            endpoint,
            proof: configuration::proof(self.connector(&caller.connector)?),
            role: None,
        })
    }

    fn sts_call(
        &self,
        caller: &AwsCaller,
        action: &'static str,
        region: &AwsRegion,
    ) -> Result<AwsCall, CapabilityError> {
        let usual = format!("https://sts.{region}.{}", region.partition().dns_suffix());
        let endpoint = address(self.endpoints.sts.as_deref(), "AWS_ENDPOINT_URL_STS", usual);
        self.call(caller, action, endpoint)
    }

    fn sts(&self, configuration: &SdkConfig, action: &'static str) -> aws_sdk_sts::Client {
        let mut builder =
            aws_sdk_sts::config::Builder::from(configuration).retry_classifier(Retries::of(action));
        if let Some(url) = &self.endpoints.sts {
            builder = builder.endpoint_url(url);
        }
        aws_sdk_sts::Client::from_conf(builder.build())
    }
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
