//! ECR's authorization tokens, kept until shortly before they expire.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::SecretString;
use stepyard_grammar::{AwsRegion, EcrEndpoint, EcrRegistry};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::{AwsClients, untraced};
use crate::auth::{BasicCredential, CredentialSource};
use crate::capability::{CapabilityError, ErrorKind};

/// How long before its end a token is no longer used: the time that a login and the first
/// requests with it may take.
const MARGIN: Duration = Duration::from_secs(5 * 60);
/// How long a token is used that has expired already when it arrives, as a stand-in for AWS may have
/// it: otherwise it would be fetched anew for every request.
const LEAST_USE: Duration = Duration::from_secs(60);

/// A token serves every registry of a region that the identity may use.
type TokenKey = (String, AwsRegion, EcrEndpoint);
/// Locked while it is fetched, so that many requests at once fetch one token.
type TokenSlot = Arc<Mutex<Option<Token>>>;

/// The tokens of all connectors and regions.
#[derive(Debug, Default)]
pub(super) struct EcrTokens(Mutex<HashMap<TokenKey, TokenSlot>>);

#[derive(Clone, Debug)]
struct Token {
    basic: BasicCredential,
    usable_until: SystemTime,
    /// As ECR says.
    expires: SystemTime,
}

/// The token for one registry through one connector.
#[derive(Debug)]
pub(in crate::auth) struct EcrToken {
    pub(in crate::auth) clients: Arc<AwsClients>,
    pub(in crate::auth) connector: String,
    pub(in crate::auth) registry: EcrRegistry,
}

#[async_trait]
impl CredentialSource for EcrToken {
    async fn basic(&self) -> Result<BasicCredential, CapabilityError> {
        let slot = self.slot().await;
        let mut slot = slot.lock().await;
        if let Some(token) = slot.as_ref()
            && SystemTime::now() < token.usable_until
        {
            return Ok(token.basic.clone());
        }
        let fetched = self.fetch().await;
        if let Err(error) = &fetched
            && error.kind == ErrorKind::Unauthenticated
        {
            self.clients.forget(&self.connector).await;
        }
        Ok(slot.insert(fetched?).basic.clone())
    }

    async fn valid_until(&self) -> Option<SystemTime> {
        let slot = self.slot().await;
        let slot = slot.lock().await;
        slot.as_ref().map(|token| token.expires)
    }
}

impl EcrToken {
    async fn slot(&self) -> TokenSlot {
        let key = (
            self.connector.clone(),
            self.registry.region().clone(),
            self.registry.endpoint(),
        );
        let mut tokens = self.clients.tokens.0.lock().await;
        tokens.entry(key).or_default().clone()
    }

    async fn fetch(&self) -> Result<Token, CapabilityError> {
        let (client, call) = self
            .clients
            .ecr(&self.connector, &self.registry, "ecr:GetAuthorizationToken")
            .await?;
        let answer = untraced(client.get_authorization_token().send())
            .await
            .map_err(|error| call.told(&error))?;
        let data = answer.authorization_data().first();
        let basic = data
            .and_then(|data| decode(data.authorization_token()?))
            .ok_or_else(|| {
                CapabilityError::unsupported(format!(
                    "{} answers without an authorization token",
                    call.endpoint
                ))
            })?;
        let now = SystemTime::now();
        let expires = data
            .and_then(|data| SystemTime::try_from(*data.expires_at()?).ok())
            .unwrap_or(now);
        Ok(Token {
            basic,
            usable_until: usable_until(now, expires),
            expires,
        })
    }
}

fn usable_until(now: SystemTime, expires: SystemTime) -> SystemTime {
    match expires.duration_since(now) {
        // A token of less than two margins is used for half of its life.
        Ok(lifetime) => now + lifetime.saturating_sub(MARGIN).max(lifetime / 2),
        Err(_) => now + LEAST_USE,
    }
}

/// `base64(USER:PASSWORD)`.
fn decode(token: &str) -> Option<BasicCredential> {
    let bytes = Zeroizing::new(BASE64_STANDARD.decode(token).ok()?);
    let (username, password) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    Some(BasicCredential {
        username: username.to_owned(),
        password: SecretString::from(password),
    })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_token_is_user_and_password() {
        let basic = decode(&BASE64_STANDARD.encode("AWS:pass:word")).unwrap();
        assert_eq!(basic.username, "AWS");
        assert_eq!(basic.password.expose_secret(), "pass:word");
        assert!(!format!("{basic:?}").contains("pass:word"));
        assert!(decode("AWS").is_none());
        assert!(decode("!").is_none());
    }

    #[test]
    fn a_token_is_used_until_shortly_before_its_end() {
        let now = SystemTime::now();
        let hours = Duration::from_secs(12 * 3600);
        assert_eq!(usable_until(now, now + hours), now + hours - MARGIN);
        assert_eq!(usable_until(now, now - hours), now + LEAST_USE);
        assert_eq!(usable_until(now, now + MARGIN), now + MARGIN / 2);
    }
}
