use super::Authority;
use crate::names::now;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering;

/// The bytes of a real token's payload, about; clients must cope with its length.
const PAYLOAD_BYTES: usize = 1100;
const PURPOSE: &str = "authorization token";

/// What GetAuthorizationToken gives out.
#[derive(Debug)]
pub(crate) struct AuthorizationToken {
    /// Base64 of `AWS:<password>`.
    pub(crate) basic: SecretString,
    /// Milliseconds since 1970.
    pub(crate) expires_at: u64,
}

/// The password within a token: base64 of this as JSON, the shape that ECR's own have.
#[derive(Serialize, Deserialize)]
struct Password {
    payload: String,
    datakey: String,
    version: String,
    r#type: String,
    /// Milliseconds since 1970.
    expiration: u64,
}

/// Why the registry API turned a request away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("Not Authorized")]
    Absent,
    #[error("Your Authorization Token is invalid.")]
    Invalid,
    #[error("Your authorization token has expired. Reauthenticate and try again.")]
    Expired,
}

impl Authority {
    /// Makes an authorization token.
    ///
    /// # Errors
    /// The operating system's random numbers cannot be read.
    pub(crate) fn issue_token(&self) -> Result<AuthorizationToken, getrandom::Error> {
        let mut random = vec![0; PAYLOAD_BYTES];
        getrandom::fill(&mut random)?;
        let revoked = self.revoked_until.load(Ordering::SeqCst);
        let expires_at = now()
            .saturating_add(self.token_lifetime)
            .max(revoked.saturating_add(1));
        let payload = BASE64.encode(random);
        let seal = self.seal.sign(PURPOSE, &sealed(&payload, expires_at));
        let password = Password {
            payload,
            datakey: BASE64.encode(seal),
            version: "2".into(),
            r#type: "DATA_KEY".into(),
            expiration: expires_at,
        };
        let password = serde_json::to_vec(&password).unwrap_or_default();
        let basic = BASE64.encode(format!("AWS:{}", BASE64.encode(password)));
        Ok(AuthorizationToken {
            basic: basic.into(),
            expires_at,
        })
    }

    /// Checks the value of an `Authorization` header.
    pub(crate) fn check_token(&self, header: Option<&str>) -> Result<(), TokenError> {
        let basic = header.and_then(|value| value.split_once(' '));
        let basic = basic.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
        let (_, basic) = basic.ok_or(TokenError::Absent)?;
        let expires_at = self
            .token_expiration(basic.trim())
            .ok_or(TokenError::Invalid)?;
        if expires_at <= now() || expires_at <= self.revoked_until.load(Ordering::SeqCst) {
            return Err(TokenError::Expired);
        }
        Ok(())
    }

    fn token_expiration(&self, basic: &str) -> Option<u64> {
        let credentials = SecretString::from(String::from_utf8(BASE64.decode(basic).ok()?).ok()?);
        let password = credentials.expose_secret().strip_prefix("AWS:")?;
        let password: Password = serde_json::from_slice(&BASE64.decode(password).ok()?).ok()?;
        let seal = BASE64.decode(password.datakey).ok()?;
        let message = sealed(&password.payload, password.expiration);
        self.seal
            .verify(PURPOSE, &message, &seal)
            .then_some(password.expiration)
    }

    /// Makes all tokens given out so far expired.
    pub(crate) fn expire_tokens(&self) {
        let latest = now().saturating_add(self.token_lifetime);
        self.revoked_until.fetch_max(latest, Ordering::SeqCst);
    }
}

fn sealed(payload: &str, expires_at: u64) -> Vec<u8> {
    format!("{expires_at} {payload}").into_bytes()
}
