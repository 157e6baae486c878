use super::{Authority, Principal};
use crate::names::{hexadecimal, now};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

const SESSION_TOKEN: &str = "session token";
const SECRET_KEY: &str = "secret access key";

/// Temporary credentials, as AssumeRole gives them out.
#[derive(Debug)]
pub(crate) struct TemporaryCredentials {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: SecretString,
    pub(crate) session_token: SecretString,
    /// Milliseconds since 1970.
    pub(crate) expires_at: u64,
}

/// What a session token says; it is sealed, not secret.
#[derive(Serialize, Deserialize)]
struct Claims {
    access_key_id: String,
    principal: Principal,
    expires_at: u64,
}

/// A session token that this server made.
pub(super) struct Session {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: SecretString,
    pub(super) principal: Principal,
    pub(super) expired: bool,
}

impl Authority {
    /// Makes credentials for `principal` that live for `seconds`. Their secret is derived from
    /// the session token, so nothing is kept of them.
    ///
    /// # Errors
    /// The operating system's random numbers cannot be read.
    pub(crate) fn issue_credentials(
        &self,
        principal: Principal,
        seconds: u64,
    ) -> Result<TemporaryCredentials, getrandom::Error> {
        let mut random = [0; 8];
        getrandom::fill(&mut random)?;
        let access_key_id = format!("ASIA{}", hexadecimal(&random).to_uppercase());
        let expires_at = now().saturating_add(seconds.saturating_mul(1000));
        let claims = Claims {
            access_key_id: access_key_id.clone(),
            principal,
            expires_at,
        };
        let claims = BASE64.encode(serde_json::to_vec(&claims).unwrap_or_default());
        let seal = BASE64.encode(self.seal.sign(SESSION_TOKEN, claims.as_bytes()));
        let token = format!("{claims}.{seal}");
        Ok(TemporaryCredentials {
            access_key_id,
            secret_access_key: self.session_secret(&token),
            session_token: token.into(),
            expires_at,
        })
    }

    /// Reads a session token. None where it is not one of this server's.
    pub(super) fn read_session(&self, token: &str) -> Option<Session> {
        let (claims, seal) = token.split_once('.')?;
        let seal = BASE64.decode(seal).ok()?;
        if !self.seal.verify(SESSION_TOKEN, claims.as_bytes(), &seal) {
            return None;
        }
        let claims: Claims = serde_json::from_slice(&BASE64.decode(claims).ok()?).ok()?;
        Some(Session {
            access_key_id: claims.access_key_id,
            secret_access_key: self.session_secret(token),
            principal: claims.principal,
            expired: claims.expires_at <= now(),
        })
    }

    fn session_secret(&self, token: &str) -> SecretString {
        BASE64
            .encode(self.seal.sign(SECRET_KEY, token.as_bytes()))
            .into()
    }
}
