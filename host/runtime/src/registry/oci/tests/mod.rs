//! The client against a scripted server, and against a real registry.

mod against_registry;
mod protocol;
mod server;

use std::time::Duration;

use secrecy::SecretString;
use stepyard_grammar::{ImageReference, RegistryHost};

use super::{Limits, OciRegistry};
use crate::auth::{BasicCredential, Credential, FixedCredential};
use crate::patience::Patience;
use crate::registry::{Endpoint, Endpoints};

/// The name by which settings call the registry.
const REGISTRY: &str = "registry.example.com";
const PASSWORD: &str = "hunter2-hunter2";

fn host() -> RegistryHost {
    RegistryHost::parse(REGISTRY).unwrap()
}

fn image(text: &str) -> ImageReference {
    ImageReference::parse(&format!("{REGISTRY}/{text}")).unwrap()
}

fn credential(registry: RegistryHost, username: &str, password: &str) -> Credential {
    let basic = BasicCredential {
        username: username.to_owned(),
        password: SecretString::from(password),
    };
    Credential::new(registry, std::sync::Arc::new(FixedCredential(basic)))
}

fn login() -> Credential {
    credential(host(), "user", PASSWORD)
}

/// A client that reaches [`REGISTRY`] at `address` and does not pause for long.
fn client(address: &str) -> OciRegistry {
    let mut endpoints = Endpoints::new();
    endpoints.map(host(), Endpoint::parse(address).unwrap());
    let limits = Limits {
        idle: Duration::from_secs(5),
        patience: Patience {
            first_pause: Duration::from_millis(1),
            attempts: 4,
            ..Patience::REQUEST
        },
        ..Limits::default()
    };
    OciRegistry::with_limits(endpoints, limits).unwrap()
}
