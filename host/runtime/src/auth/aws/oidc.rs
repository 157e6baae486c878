//! Where the tokens come from that connectors exchange for a role.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::io::AsyncReadExt;
use zeroize::Zeroizing;

use crate::capability::{CapabilityError, ErrorKind};
use crate::connector::RoleArn;

/// The longest token that STS accepts, in bytes (STS API Reference, AssumeRoleWithWebIdentity).
const LONGEST_TOKEN: usize = 20_000;
/// The variable with a token.
const VARIABLE: &str = "STEPYARD_OIDC_TOKEN";
/// What Drone's plugins read.
const VARIABLE_OF_DRONE: &str = "PLUGIN_OIDC_TOKEN_ID";

/// What a token is asked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OidcTokenRequest {
    /// The connector, as the step names it.
    pub connector: String,
    /// The identifier of the step that logs in.
    pub step: Arc<str>,
    /// The role that the token is exchanged for.
    pub role: RoleArn,
    /// The connector's `oidcSessionTagKeys`: claims that become session tags. Only the issuer of
    /// the token can put them into it.
    pub session_tag_keys: Vec<String>,
}

/// Supplies the OpenID Connect token of the CI system, which connectors of the type
/// `OidcAuthentication` exchange for a role. An embedder brings one that asks its CI system.
#[async_trait]
pub trait OidcTokenSource: Send + Sync + fmt::Debug {
    /// Where the tokens come from, in a few words for a person: `the file /run/token`.
    fn describe(&self) -> String;

    /// A token that is valid now. It is asked for at each exchange: when a step logs in, and
    /// again shortly before the session ends.
    ///
    /// # Errors
    /// As the CI system answers.
    async fn token(&self, request: &OidcTokenRequest) -> Result<SecretString, CapabilityError>;
}

/// A file with a token, which may be renewed at any time: it is read anew at each exchange.
#[derive(Clone, Debug)]
pub struct OidcTokenFile {
    path: PathBuf,
    /// What names the file, for a person who has to mend it.
    named_by: String,
}

impl OidcTokenFile {
    /// The file at `path`, which `named_by` (a setting or a variable) names.
    pub fn new(path: impl Into<PathBuf>, named_by: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            named_by: named_by.into(),
        }
    }

    /// As much of the file as a token can have, and a byte more.
    async fn read(&self) -> std::io::Result<Zeroizing<Vec<u8>>> {
        let file = tokio::fs::File::open(&self.path).await?;
        // The whole size at once, so that growing leaves no copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST_TOKEN + 1));
        let most = u64::try_from(LONGEST_TOKEN + 1).unwrap_or(u64::MAX);
        file.take(most).read_to_end(&mut bytes).await?;
        Ok(bytes)
    }
}

#[async_trait]
impl OidcTokenSource for OidcTokenFile {
    fn describe(&self) -> String {
        format!("the file {} ({})", self.path.display(), self.named_by)
    }

    async fn token(&self, _request: &OidcTokenRequest) -> Result<SecretString, CapabilityError> {
        let read = self.read().await;
        read.map_err(|error| format!("cannot be read: {error}"))
            .and_then(|bytes| checked(&bytes))
            .map_err(|problem| {
                without_token(format!("{} {problem}", self.describe())).with_hint(format!(
                    "let {} name a file that this process can read, with a token and nothing else",
                    self.named_by
                ))
            })
    }
}

/// A token in the environment: in `STEPYARD_OIDC_TOKEN`, else in `PLUGIN_OIDC_TOKEN_ID`.
#[derive(Clone, Copy, Debug)]
pub struct EnvironmentOidcToken;

impl EnvironmentOidcToken {
    fn variable() -> Option<(&'static str, OsString)> {
        [VARIABLE, VARIABLE_OF_DRONE].into_iter().find_map(|name| {
            let value = std::env::var_os(name)?;
            (!value.is_empty()).then_some((name, value))
        })
    }
}

#[async_trait]
impl OidcTokenSource for EnvironmentOidcToken {
    fn describe(&self) -> String {
        let name = Self::variable().map_or(VARIABLE, |(name, _)| name);
        format!("the variable {name}")
    }

    async fn token(&self, request: &OidcTokenRequest) -> Result<SecretString, CapabilityError> {
        let Some((name, value)) = Self::variable() else {
            return Err(no_source(&request.connector));
        };
        let bytes = Zeroizing::new(value.into_encoded_bytes());
        checked(&bytes).map_err(|problem| {
            without_token(format!("the variable {name} {problem}"))
                .with_hint("let the CI system set it to a token and nothing else")
        })
    }
}

/// The token in `bytes`, without the white space around it.
fn checked(bytes: &[u8]) -> Result<SecretString, String> {
    let token = bytes.trim_ascii();
    if token.is_empty() {
        return Err("is empty".to_owned());
    }
    if bytes.len() > LONGEST_TOKEN {
        return Err(format!("is longer than {LONGEST_TOKEN} bytes"));
    }
    match std::str::from_utf8(token) {
        Ok(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(SecretString::from(text))
        }
        _ => Err("does not hold a token".to_owned()),
    }
}

/// Nobody said where the host gets a token from.
pub(super) fn no_source(connector: &str) -> CapabilityError {
    without_token(format!(
        "the connector {connector} exchanges a token of the CI system for a role, and this host \
         has none"
    ))
    .with_hint(
        "let the CI system set STEPYARD_OIDC_TOKEN, or name a file that it keeps a token in with \
         oidc-token-file under [aws] of stepyard.toml",
    )
}

fn without_token(message: String) -> CapabilityError {
    CapabilityError::new(ErrorKind::Unauthenticated, message)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[tokio::test]
    async fn a_file_is_read_anew_and_its_faults_are_told_without_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let source = OidcTokenFile::new(&path, "oidc-token-file");
        let request = OidcTokenRequest {
            connector: "aws".to_owned(),
            step: "step".into(),
            role: RoleArn::parse("arn:aws:iam::123456789012:role/r").unwrap(),
            session_tag_keys: Vec::new(),
        };
        for (content, token) in [("first.to.ken\n", "first.to.ken"), ("second", "second")] {
            std::fs::write(&path, content).unwrap();
            let read = source.token(&request).await.unwrap();
            assert_eq!(read.expose_secret(), token);
        }
        let long = "a".repeat(LONGEST_TOKEN + 1);
        for (content, problem) in [
            (" \n", "is empty"),
            ("secret and more", "does not hold a token"),
            (long.as_str(), "is longer than 20000 bytes"),
        ] {
            std::fs::write(&path, content).unwrap();
            let error = source.token(&request).await.unwrap_err();
            let described = source.describe();
            assert_eq!(error.message, format!("{described} {problem}"));
            assert_eq!(error.kind, ErrorKind::Unauthenticated);
        }
        std::fs::remove_file(&path).unwrap();
        let error = source.token(&request).await.unwrap_err();
        assert!(error.message.contains("cannot be read"), "{error}");
        assert!(error.hint.unwrap().contains("oidc-token-file"));
    }
}
