//! ECR's authorization tokens, kept until shortly before they expire.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::SecretString;
use stepyard_grammar::{EcrRegistry, RegistryHost};
use tokio::sync::MutexGuard;
use zeroize::Zeroizing;

use super::sessions::Session;
use super::{AwsCaller, AwsClients, untraced};
use crate::auth::{BasicCredential, CredentialSource};
use crate::capability::{CapabilityError, ErrorKind};

/// How long before its end a token is no longer used. An engine gets it once for a push, which may
/// take long.
const TOKEN_MARGIN: Duration = Duration::from_secs(3600);
/// How long before its end a session is no longer used: each request is signed for itself.
pub(super) const SESSION_MARGIN: Duration = Duration::from_secs(5 * 60);
/// How long one is used that has expired already when it arrives, as a stand-in for AWS may have it:
/// otherwise it would be fetched anew for every request.
const LEAST_USE: Duration = Duration::from_secs(60);

/// Which registries a token is for.
#[derive(Clone, Debug)]
pub(in crate::auth) enum TokenRegistry {
    /// One of an account. The token serves all that the identity may use in the region.
    Private(EcrRegistry),
    /// The one that all accounts share.
    Public,
}

impl TokenRegistry {
    /// The registry of ECR that answers at `host`, where it is one.
    pub(in crate::auth) fn at(host: &RegistryHost) -> Option<Self> {
        if EcrRegistry::is_public(host) {
            return Some(Self::Public);
        }
        EcrRegistry::from_host(host).map(Self::Private)
    }
}

/// A user name and password of ECR, kept until shortly before they expire.
#[derive(Clone, Debug)]
pub(super) struct Token {
    basic: BasicCredential,
    usable_until: SystemTime,
    /// As ECR says.
    expires: SystemTime,
}

/// The token for one registry through one connector.
#[derive(Clone, Debug)]
pub(in crate::auth) struct EcrToken {
    pub(in crate::auth) clients: Arc<AwsClients>,
    pub(in crate::auth) caller: AwsCaller,
    pub(in crate::auth) registry: TokenRegistry,
}

#[async_trait]
impl CredentialSource for EcrToken {
    async fn basic(&self) -> Result<BasicCredential, CapabilityError> {
        let session = self.session()?;
        let mut token = self.kept_in(&session).await;
        if let Some(token) = token.as_ref()
            && SystemTime::now() < token.usable_until
        {
            return Ok(token.basic.clone());
        }
        let mut fetched = self.fetch().await;
        if matches!(&fetched, Err(error) if error.kind == ErrorKind::Unauthenticated) {
            // The next attempt reads the connector's secrets anew.
            session.forget_configuration().await;
            // They were accepted before, so they may have been renewed since.
            if token.is_some() {
                fetched = self.fetch().await;
            }
        }
        Ok(token.insert(fetched?).basic.clone())
    }

    async fn valid_until(&self) -> Option<SystemTime> {
        let session = self.session().ok()?;
        let token = self.kept_in(&session).await;
        token.as_ref().map(|token| token.expires)
    }

    fn at(&self, registry: &RegistryHost) -> Option<Arc<dyn CredentialSource>> {
        Some(Arc::new(Self {
            registry: TokenRegistry::at(registry)?,
            ..self.clone()
        }))
    }
}

impl EcrToken {
    fn session(&self) -> Result<Arc<Session>, CapabilityError> {
        match &self.registry {
            TokenRegistry::Private(registry) => {
                self.clients
                    .session(&self.caller, registry.region(), registry.endpoint())
            }
            TokenRegistry::Public => self.clients.public_session(&self.caller),
        }
    }

    async fn kept_in<'a>(&self, session: &'a Session) -> MutexGuard<'a, Option<Token>> {
        match &self.registry {
            TokenRegistry::Private(_) => session.token.lock().await,
            TokenRegistry::Public => session.public_token.lock().await,
        }
    }

    async fn fetch(&self) -> Result<Token, CapabilityError> {
        let (call, token, expires) = match &self.registry {
            TokenRegistry::Private(registry) => {
                let action = "ecr:GetAuthorizationToken";
                let (client, call) = self.clients.ecr(&self.caller, registry, action).await?;
                let answer = untraced(client.get_authorization_token().send())
                    .await
                    .map_err(|error| call.told(&error))?;
                let data = answer.authorization_data.unwrap_or_default();
                let data = data.into_iter().next();
                let (token, expires) = data
                    .map(|data| (data.authorization_token, data.expires_at))
                    .unwrap_or_default();
                (call, token, expires)
            }
            TokenRegistry::Public => {
                let action = "ecr-public:GetAuthorizationToken";
                let (client, call) = self.clients.ecr_public(&self.caller, action).await?;
                let answer = untraced(client.get_authorization_token().send())
                    .await
                    .map_err(|error| call.told(&error))?;
                let (token, expires) = answer
                    .authorization_data
                    .map(|data| (data.authorization_token, data.expires_at))
                    .unwrap_or_default();
                (call, token, expires)
            }
        };
        let token = token.map(Zeroizing::new);
        let basic = token.and_then(|token| decode(&token));
        let now = SystemTime::now();
        let expires = expires
            .and_then(|expires| SystemTime::try_from(expires).ok())
            .unwrap_or(now);
        Ok(Token {
            basic: basic.ok_or_else(|| call.answers_without("an authorization token"))?,
            usable_until: usable_until(now, expires, TOKEN_MARGIN),
            expires,
        })
    }
}

/// Until when a token or a session is used that expires at `expires`: until `margin` before.
pub(super) fn usable_until(now: SystemTime, expires: SystemTime, margin: Duration) -> SystemTime {
    match expires.duration_since(now) {
        // One of less than two margins is used for half of its life.
        Ok(lifetime) => now + lifetime.saturating_sub(margin).max(lifetime / 2),
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
        let hour = Duration::from_secs(3600);
        let until = |expires| usable_until(now, expires, TOKEN_MARGIN);
        assert_eq!(until(now + 12 * hour), now + 11 * hour);
        assert_eq!(until(now - hour), now + LEAST_USE);
        assert_eq!(until(now + hour), now + hour / 2);
        let session = usable_until(now, now + hour, SESSION_MARGIN);
        assert_eq!(session, now + hour - SESSION_MARGIN);
    }
}
