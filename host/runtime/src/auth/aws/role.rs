//! Sessions of roles, as STS gives them out.

use std::sync::Arc;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use secrecy::ExposeSecret;

use super::error::AwsCall;
use super::oidc::{OidcTokenRequest, OidcTokenSource};
use super::session_name::SessionName;
use super::token::{SESSION_MARGIN, usable_until};
use crate::capability::CapabilityError;
use crate::connector::RoleArn;
use crate::secret::Mask;

/// Assumes a role as often as the session before comes to its end. How long a session lasts is
/// left to AWS.
#[derive(Debug)]
pub(super) struct AssumedRole {
    pub(super) client: aws_sdk_sts::Client,
    pub(super) call: AwsCall,
    pub(super) role: RoleArn,
    pub(super) session: SessionName,
    pub(super) proof: Proof,
    /// Comes to know the tokens.
    pub(super) mask: Mask,
}

/// Why STS lets the role be assumed.
#[derive(Debug)]
pub(super) enum Proof {
    /// Another identity, which signs the call.
    Identity {
        /// What the role's trust policy may ask for besides.
        external_id: Option<String>,
    },
    /// A token; the call is not signed.
    Token {
        source: Arc<dyn OidcTokenSource>,
        request: OidcTokenRequest,
    },
}

impl AssumedRole {
    async fn begin_session(&self) -> Result<Credentials, CapabilityError> {
        let credentials = match &self.proof {
            Proof::Identity { external_id } => {
                let request = self
                    .client
                    .assume_role()
                    .role_arn(self.role.as_str())
                    .role_session_name(self.session.as_str())
                    .set_external_id(external_id.clone());
                let answer = request.send().await;
                answer.map_err(|error| self.call.told(&error))?.credentials
            }
            Proof::Token { source, request } => {
                let token = source.token(request).await?;
                self.mask.note(token.expose_secret());
                let request = self
                    .client
                    .assume_role_with_web_identity()
                    .role_arn(self.role.as_str())
                    .role_session_name(self.session.as_str())
                    .web_identity_token(token.expose_secret());
                let answer = request.send().await;
                answer.map_err(|error| self.call.told(&error))?.credentials
            }
        };
        let credentials = credentials.ok_or_else(|| self.call.answers_without("credentials"))?;
        let now = SystemTime::now();
        let expires = SystemTime::try_from(credentials.expiration).unwrap_or(now);
        self.mask.note(&credentials.secret_access_key);
        self.mask.note(&credentials.session_token);
        Ok(Credentials::new(
            credentials.access_key_id,
            credentials.secret_access_key,
            Some(credentials.session_token),
            Some(usable_until(now, expires, SESSION_MARGIN)),
            "stepyard-assumed-role",
        ))
    }
}

impl ProvideCredentials for AssumedRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let session = self.begin_session().await;
            session.map_err(CredentialsError::provider_error)
        })
    }
}
