//! Credentials in the form in which the engine takes them: headers of JSON in URL-safe base64
//! (Docker Engine API, "Authentication"; Go's `base64.URLEncoding`, with padding).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use http::{HeaderName, HeaderValue};
use secrecy::ExposeSecret;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::auth::{BasicCredential, Credential};
use crate::capability::CapabilityError;

/// For one registry, with a push or pull.
const REGISTRY_AUTH: HeaderName = HeaderName::from_static("x-registry-auth");
/// For several registries, with a build.
const REGISTRY_CONFIG: HeaderName = HeaderName::from_static("x-registry-config");
/// What Docker calls Docker Hub in credentials.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// `AuthConfig` of the API. Docker names its fields in lower case.
#[derive(Default, Serialize)]
struct AuthConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serveraddress: Option<&'a str>,
}

impl<'a> AuthConfig<'a> {
    fn new(basic: &'a BasicCredential, registry: &'a str) -> Self {
        Self {
            username: Some(&basic.username),
            password: Some(basic.password.expose_secret()),
            serveraddress: Some(registry),
        }
    }
}

/// The header for a push to, or a pull from, the registry that the engine knows as `registry`.
/// The engine wants it from the anonymous too.
///
/// # Errors
/// As the credential's source.
pub(super) async fn for_one(
    credential: Option<&Credential>,
    registry: &str,
) -> Result<(HeaderName, HeaderValue), CapabilityError> {
    let basic = match credential {
        Some(credential) => credential.basic().await?,
        None => None,
    };
    let configuration = match &basic {
        Some(basic) => AuthConfig::new(basic, registry),
        None => AuthConfig::default(),
    };
    Ok((REGISTRY_AUTH, header(&configuration)?))
}

/// The header for a build with base images from the registries of `credentials`.
///
/// # Errors
/// As the credentials' sources.
pub(super) async fn for_several(
    credentials: &[Credential],
) -> Result<(HeaderName, HeaderValue), CapabilityError> {
    let mut known = BTreeMap::new();
    for credential in credentials {
        if let Some(basic) = credential.basic().await? {
            let registry = credential.registry();
            let key = if registry.is_docker_hub() {
                DOCKER_HUB
            } else {
                registry.as_str()
            };
            known.insert(key, basic);
        }
    }
    let configurations: BTreeMap<&str, AuthConfig<'_>> = known
        .iter()
        .map(|(registry, basic)| (*registry, AuthConfig::new(basic, registry)))
        .collect();
    Ok((REGISTRY_CONFIG, header(&configurations)?))
}

fn header(configuration: &impl Serialize) -> Result<HeaderValue, CapabilityError> {
    let fault = |error: &dyn std::fmt::Display| {
        CapabilityError::invalid(format!(
            "the credential cannot be handed to Docker: {error}"
        ))
    };
    let json = Zeroizing::new(serde_json::to_vec(configuration).map_err(|error| fault(&error))?);
    let text = Zeroizing::new(URL_SAFE.encode(json.as_slice()));
    let mut value = HeaderValue::from_str(&text).map_err(|error| fault(&error))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::FixedCredential;
    use std::sync::Arc;
    use stepyard_grammar::RegistryHost;

    fn credential(registry: &str, password: &str) -> Credential {
        let basic = BasicCredential {
            username: "AWS".to_owned(),
            password: password.to_owned().into(),
        };
        let registry = RegistryHost::parse(registry).unwrap();
        Credential::new(registry, Arc::new(FixedCredential(basic)))
    }

    fn decoded(value: &HeaderValue) -> serde_json::Value {
        assert!(value.is_sensitive());
        serde_json::from_slice(&URL_SAFE.decode(value.as_bytes()).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn passwords_of_any_characters_survive() {
        // In the standard alphabet this one has both '+' and '/'.
        let password = "~~~>>>???/+ÿþ»";
        let credential = credential("registry.example.com", password);
        let (_, value) = for_one(Some(&credential), "127.0.0.1:5000").await.unwrap();
        assert!(value.as_bytes().iter().all(|byte| !b"+/".contains(byte)));
        assert_eq!(
            decoded(&value),
            serde_json::json!({
                "username": "AWS", "password": password, "serveraddress": "127.0.0.1:5000"
            })
        );
    }

    #[tokio::test]
    async fn the_anonymous_send_an_empty_object() {
        let (name, value) = for_one(None, "registry.example.com").await.unwrap();
        assert_eq!(
            (name.as_str(), decoded(&value)),
            ("x-registry-auth", serde_json::json!({}))
        );
    }

    #[tokio::test]
    async fn base_images_of_docker_hub_have_its_old_name() {
        let credentials = [
            credential("docker.io", "a"),
            credential("127.0.0.1:5000", "b"),
            Credential::anonymous(RegistryHost::parse("quay.io").unwrap()),
        ];
        let (_, value) = for_several(&credentials).await.unwrap();
        let value = decoded(&value);
        assert_eq!(value["https://index.docker.io/v1/"]["password"], "a");
        assert_eq!(value["127.0.0.1:5000"]["password"], "b");
        assert_eq!(value.as_object().unwrap().len(), 2);
    }
}
