//! Who is asking: signed AWS requests, temporary credentials, registry tokens.

mod seal;
mod session;
mod signature;
mod token;

pub(crate) use seal::Seal;
pub(crate) use session::TemporaryCredentials;
pub(crate) use token::TokenError;

use http::request::Parts;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use signature::Signature;
use std::sync::atomic::AtomicU64;
use stepyard_grammar::AwsRegion;

/// A long-term access key that the server accepts.
#[derive(Debug, Clone)]
pub struct AccessKey {
    /// The access key id, such as `AKIAIOSFODNN7EXAMPLE`.
    pub id: String,
    /// The secret access key.
    pub secret: SecretString,
}

/// Who made a request, as GetCallerIdentity tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Principal {
    pub(crate) account: String,
    pub(crate) arn: String,
    pub(crate) user_id: String,
}

/// Issues and checks credentials.
pub(crate) struct Authority {
    pub(crate) seal: Seal,
    pub(crate) account: String,
    pub(crate) region: AwsRegion,
    /// Empty: any access key is accepted and no signature is verified.
    pub(crate) access_keys: Vec<AccessKey>,
    /// Milliseconds.
    pub(crate) token_lifetime: u64,
    /// Tokens that expire up to this time (milliseconds since 1970) count as expired.
    pub(crate) revoked_until: AtomicU64,
}

/// Why a signed request was turned away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AuthenticationError {
    #[error("Missing Authentication Token")]
    Missing,
    #[error("The security token included in the request is invalid.")]
    Unrecognized,
    #[error("The security token included in the request is expired")]
    Expired,
    #[error("{0}")]
    Signature(String),
}

impl Authority {
    /// Tells who signed a request.
    ///
    /// Where access keys are configured, the key must be one of them, or temporary credentials of
    /// this server, and the signature is verified in full. Otherwise any signed request passes.
    pub(crate) fn authenticate(
        &self,
        request: &Parts,
        body: &[u8],
    ) -> Result<Principal, AuthenticationError> {
        let signature = Signature::parse(&request.headers).ok_or(AuthenticationError::Missing)?;
        let token = request.headers.get("x-amz-security-token");
        let token = token.map(|value| String::from_utf8_lossy(value.as_bytes()));
        let session = token.as_ref().and_then(|token| self.read_session(token));
        let (principal, secret) = if let Some(session) = session {
            if session.access_key_id != signature.access_key_id {
                return Err(AuthenticationError::Unrecognized);
            }
            if session.expired {
                return Err(AuthenticationError::Expired);
            }
            (session.principal, session.secret_access_key)
        } else {
            let principal = self.user(signature.access_key_id);
            if self.access_keys.is_empty() {
                return Ok(principal);
            }
            let key = self
                .access_keys
                .iter()
                .find(|key| key.id == signature.access_key_id);
            match key {
                Some(key) if token.is_none() => (principal, key.secret.clone()),
                _ => return Err(AuthenticationError::Unrecognized),
            }
        };
        if signature.service == "ecr" && signature.region != self.region.as_str() {
            return Err(AuthenticationError::Signature(format!(
                "Credential should be scoped to a valid region: this is {}, the request was signed for {}",
                self.region, signature.region
            )));
        }
        signature
            .verify(request, body, &secret)
            .map_err(AuthenticationError::Signature)?;
        Ok(principal)
    }

    fn user(&self, access_key_id: &str) -> Principal {
        Principal {
            account: self.account.clone(),
            arn: self.user_arn(),
            user_id: access_key_id.to_owned(),
        }
    }

    /// The user that long-term access keys belong to.
    pub(crate) fn user_arn(&self) -> String {
        format!(
            "arn:{}:iam::{}:user/local-ecr",
            self.region.partition().name(),
            self.account
        )
    }
}
