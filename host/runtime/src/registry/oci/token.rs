//! The values of the header `Authorization`.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::failure::Failure;
use crate::auth::BasicCredential;
use crate::secret::Mask;

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

/// Where a token is asked for.
///
/// # Errors
/// Where the realm is no URL, or would see the credential without TLS though the registry is
/// reached with it.
pub(super) fn realm_url(
    realm: &str,
    plain_http: bool,
    service: Option<&str>,
    scopes: &[String],
) -> Result<Url, Failure> {
    let malformed =
        |problem: &str| Failure::Malformed(format!("the token realm {realm:?} {problem}"));
    let mut url = Url::parse(realm).map_err(|_| malformed("is no URL"))?;
    if url.scheme() != "https" && !(plain_http && url.scheme() == "http") {
        return Err(malformed(
            "is not reached by HTTPS, so the credential is not sent there",
        ));
    }
    url.query_pairs_mut()
        .extend_pairs(service.map(|service| ("service", service)))
        .extend_pairs(scopes.iter().map(|scope| ("scope", scope)));
    Ok(url)
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

/// The header for the token in a realm's answer, where there is one. `mask` comes to know the token.
pub(super) fn bearer_header(answer: &[u8], mask: &Mask) -> Option<HeaderValue> {
    let answer: TokenAnswer = serde_json::from_slice(answer).ok()?;
    let token = answer.token.or(answer.access_token)?;
    mask.note(token.expose_secret());
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
    fn a_realm_must_be_reached_by_https() {
        let url = |realm: &str, plain_http| realm_url(realm, plain_http, Some("s"), &[]);
        assert!(url("https://auth.example.com/token", false).is_ok());
        assert!(url("http://127.0.0.1:1/token", true).is_ok());
        assert!(url("http://auth.example.com/token", false).is_err());
        assert!(url("ftp://auth.example.com/token", true).is_err());
        assert!(url("/token", true).is_err());
    }

    #[test]
    fn a_token_is_read_from_either_field_and_never_shown() {
        for answer in [
            r#"{"token":"secret-token","expires_in":300}"#,
            r#"{"access_token":"secret-token"}"#,
        ] {
            let mask = Mask::default();
            let header = bearer_header(answer.as_bytes(), &mask).unwrap();
            assert_eq!(mask.text("Bearer secret-token"), "Bearer ***");
            assert_eq!(header.to_str().unwrap(), "Bearer secret-token");
            assert!(!format!("{header:?}").contains("secret-token"));
        }
        assert_eq!(bearer_header(b"{}", &Mask::default()), None);
        assert_eq!(bearer_header(b"<html>", &Mask::default()), None);
    }
}
