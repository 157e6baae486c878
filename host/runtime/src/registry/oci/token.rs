//! The values of the header `Authorization`.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::failure::Failure;
use crate::auth::BasicCredential;

/// The longest answer of a token realm that is read, in bytes.
pub(super) const LARGEST_ANSWER: usize = 256 << 10;

/// Docker's token authentication specification, "Token Response Fields".
#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default)]
    token: Option<SecretString>,
    #[serde(default)]
    access_token: Option<SecretString>,
}

/// RFC 7617.
pub(super) fn basic_header(basic: &BasicCredential) -> Result<HeaderValue, Failure> {
    let pair = Zeroizing::new(format!(
        "{}:{}",
        basic.username,
        basic.password.expose_secret()
    ));
    let encoded = Zeroizing::new(BASE64_STANDARD.encode(pair.as_bytes()));
    sensitive(&format!("Basic {}", encoded.as_str()))
        .ok_or_else(|| Failure::Malformed("the credential makes no header".to_owned()))
}

/// The header for the token in a realm's answer, where there is one.
pub(super) fn bearer_header(answer: &[u8]) -> Option<HeaderValue> {
    let answer: TokenAnswer = serde_json::from_slice(answer).ok()?;
    let token = answer.token.or(answer.access_token)?;
    sensitive(&format!("Bearer {}", token.expose_secret()))
}

/// A header value that the HTTP client does not show.
fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_from_either_field_and_never_shown() {
        for answer in [
            r#"{"token":"secret-token","expires_in":300}"#,
            r#"{"access_token":"secret-token"}"#,
        ] {
            let header = bearer_header(answer.as_bytes()).unwrap();
            assert_eq!(header.to_str().unwrap(), "Bearer secret-token");
            assert!(!format!("{header:?}").contains("secret-token"));
        }
        assert_eq!(bearer_header(b"{}"), None);
        assert_eq!(bearer_header(b"<html>"), None);
    }
}
