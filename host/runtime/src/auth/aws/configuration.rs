//! From a connector to a configuration of AWS's SDK.

use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use secrecy::ExposeSecret;
use stepyard_grammar::EcrEndpoint;

use super::error::CallProof;
use super::noted::noted;
use super::oidc::{self, OidcTokenRequest, OidcTokenSource};
use super::role::{AssumedRole, Proof};
use super::session_name::SessionName;
use super::sessions::SessionKey;
use super::{AwsCaller, AwsClients, untraced};
use crate::capability::CapabilityError;
use crate::connector::{AccessKey, AwsConnector, AwsCredential, ManualCredential, RoleArn};

impl AwsClients {
    /// The configuration for the connector of `caller`, with the identity that it leads to. No
    /// role is assumed before it is needed.
    pub(super) async fn configuration(
        &self,
        caller: &AwsCaller,
        key: &SessionKey,
    ) -> Result<SdkConfig, CapabilityError> {
        let connector = self.connector(&caller.connector)?;
        let loader = loader(key);
        let configuration = match &connector.credential {
            AwsCredential::Manual(manual) => {
                let keys = self.access_key(&caller.connector, manual).await?;
                untraced(loader.credentials_provider(keys).load()).await
            }
            AwsCredential::InheritFromDelegate => {
                noted(untraced(loader.load()).await, self.secrets.mask())
            }
            AwsCredential::Irsa => {
                let token = self.service_account.token_file(&caller.connector)?;
                let role = self.service_account.role(&caller.connector)?;
                let name = self.service_account.session_name();
                let login = WebIdentity {
                    source: Arc::new(token),
                    role,
                    session_tag_keys: &[],
                    name: name.unwrap_or_else(|| SessionName::of_step(&caller.step)),
                };
                let configuration = untraced(loader.no_credentials().load()).await;
                self.with_web_identity(configuration, caller, key, login)?
            }
            AwsCredential::Oidc {
                role,
                session_tag_keys,
            } => {
                let source = self.oidc_tokens.clone();
                let source = source.ok_or_else(|| oidc::no_source(&caller.connector))?;
                let login = WebIdentity {
                    source,
                    role: role.clone(),
                    session_tag_keys,
                    name: SessionName::of_step(&caller.step),
                };
                let configuration = untraced(loader.no_credentials().load()).await;
                self.with_web_identity(configuration, caller, key, login)?
            }
        };
        let configuration = noted(configuration, self.secrets.mask());
        Ok(match &connector.cross_account_access {
            Some(access) => {
                let mut call = self.sts_call(caller, "sts:AssumeRole", &key.region)?;
                call.proof = proof_of_credential(&connector.credential);
                call.role = Some(access.role.clone());
                let role = AssumedRole {
                    client: self.sts(&configuration, call.action),
                    call,
                    role: access.role.clone(),
                    session: SessionName::of_step(&caller.step),
                    proof: Proof::Identity {
                        external_id: access.external_id.clone(),
                    },
                    mask: self.secrets.mask().clone(),
                };
                with_identity(configuration, role)
            }
            None => configuration,
        })
    }

    fn with_web_identity(
        &self,
        configuration: SdkConfig,
        caller: &AwsCaller,
        key: &SessionKey,
        login: WebIdentity<'_>,
    ) -> Result<SdkConfig, CapabilityError> {
        let mut call = self.sts_call(caller, "sts:AssumeRoleWithWebIdentity", &key.region)?;
        call.proof = CallProof::Token(login.source.describe());
        call.role = Some(login.role.clone());
        let request = OidcTokenRequest {
            connector: caller.connector.clone(),
            step: caller.step.clone(),
            role: login.role.clone(),
            session_tag_keys: login.session_tag_keys.to_vec(),
        };
        let role = AssumedRole {
            client: self.sts(&configuration, call.action),
            call,
            role: login.role,
            session: login.name,
            proof: Proof::Token {
                source: login.source,
                request,
            },
            mask: self.secrets.mask().clone(),
        };
        Ok(with_identity(configuration, role))
    }

    async fn access_key(
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
}

/// A role and the token that it is assumed with.
struct WebIdentity<'a> {
    source: Arc<dyn OidcTokenSource>,
    role: RoleArn,
    session_tag_keys: &'a [String],
    name: SessionName,
}

fn loader(key: &SessionKey) -> ConfigLoader {
    let fips = matches!(key.endpoint, EcrEndpoint::Fips | EcrEndpoint::DualStackFips);
    let dual_stack = matches!(
        key.endpoint,
        EcrEndpoint::DualStack | EcrEndpoint::DualStackFips
    );
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(key.region.to_string()))
        .retry_config(RetryConfig::standard().with_max_attempts(4))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(5))
                .operation_attempt_timeout(Duration::from_secs(30))
                .build(),
        );
    if fips {
        loader = loader.use_fips(true);
    }
    if dual_stack {
        loader = loader.use_dual_stack(true);
    }
    loader
}

fn with_identity(configuration: SdkConfig, role: AssumedRole) -> SdkConfig {
    configuration
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(role))
        .build()
}

/// What the calls of `connector` are signed with.
pub(super) fn proof(connector: &AwsConnector) -> CallProof {
    match connector.cross_account_access {
        Some(_) => CallProof::Session,
        None => proof_of_credential(&connector.credential),
    }
}

fn proof_of_credential(credential: &AwsCredential) -> CallProof {
    match credential {
        AwsCredential::Manual(_) => CallProof::AccessKey,
        AwsCredential::InheritFromDelegate => CallProof::Machine,
        AwsCredential::Irsa | AwsCredential::Oidc { .. } => CallProof::Session,
    }
}
