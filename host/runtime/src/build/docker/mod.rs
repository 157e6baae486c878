//! The Docker Engine, or Podman's service, as a build engine: its classic builder, which holds
//! the built image, and its push.
//!
//! | | |
//! | --- | --- |
//! | `host` | where the engine is |
//! | `client`, `message` | its API: requests and streams of messages |
//! | `build`, `output`, `ignored` | building |
//! | `push`, `pull`, `name`, `registry_auth` | transfers from and to registries |
//! | `failure` | errors for a person |

mod build;
mod client;
mod failure;
mod host;
mod ignored;
mod message;
mod name;
mod output;
mod pull;
mod push;
mod registry_auth;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use stepyard_grammar::Digest;
use tokio::sync::OnceCell;

pub use host::DockerHost;

use self::client::{Client, EngineError};
use self::host::{Candidate, Environment};
use super::address::Address;
use super::{Build, BuildEngine, BuiltImage, Feature, InspectEngine, Push};
use crate::capability::CapabilityError;
use crate::event::Reporter;
use crate::policy::Authorized;
use crate::registry::Endpoints;

/// A Docker Engine. It is looked for when it is first needed, and again as long as none answers.
pub struct DockerEngine {
    host: DockerHost,
    environment: Environment,
    endpoints: Endpoints,
    client: OnceCell<Arc<Client>>,
    retries: push::Retries,
}

impl DockerEngine {
    /// The engine at `host`, which reaches registries at `endpoints`. Nothing is connected yet.
    ///
    /// A registry that is reached by plain HTTP and is not on the engine's own loopback interface
    /// (`127.0.0.0/8`) must be in the engine's `insecure-registries`.
    pub fn new(host: DockerHost, endpoints: Endpoints) -> Self {
        Self {
            host,
            environment: Environment::of_process(),
            endpoints,
            client: OnceCell::new(),
            retries: push::Retries::default(),
        }
    }

    async fn client(&self) -> Result<&Arc<Client>, CapabilityError> {
        self.client.get_or_try_init(|| self.find()).await
    }

    async fn find(&self) -> Result<Arc<Client>, CapabilityError> {
        let mut tried = Vec::new();
        for candidate in self.environment.candidates(&self.host)? {
            match Client::open(candidate.address.clone()).await {
                Ok(client) => return Ok(Arc::new(client)),
                Err(error) => tried.push((candidate, error)),
            }
        }
        Err(unreachable_error(&tried))
    }
}

impl std::fmt::Debug for DockerEngine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("DockerEngine")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

/// What was tried, and what to do about it.
fn unreachable_error(tried: &[(Candidate, EngineError)]) -> CapabilityError {
    let attempts: Vec<String> = tried
        .iter()
        .map(|(candidate, error)| format!("{} ({}): {error}", candidate.address, candidate.origin))
        .collect();
    let kind_is = |kind: std::io::ErrorKind| {
        tried
            .iter()
            .any(|(_, error)| matches!(error, EngineError::Connect(error) if error.kind() == kind))
    };
    let local = tried
        .iter()
        .all(|(candidate, _)| matches!(candidate.address, Address::Unix(_)));
    let hint = if kind_is(std::io::ErrorKind::PermissionDenied) {
        "this user may not use the socket: add it to the group docker \
         (`sudo usermod -aG docker $USER`, then log in again), or use rootless Docker"
    } else if local {
        "start the engine (`sudo systemctl start docker`, or `systemctl --user start \
         podman.socket`), or say where it is with DOCKER_HOST"
    } else {
        "check that the engine runs at that address, and that DOCKER_HOST, DOCKER_TLS_VERIFY and \
         DOCKER_CERT_PATH fit it"
    };
    CapabilityError::unavailable(format!(
        "no Docker Engine answers; tried {}",
        attempts.join("; ")
    ))
    .with_hint(hint)
}

#[async_trait]
impl BuildEngine for DockerEngine {
    fn name(&self) -> &str {
        "docker"
    }

    async fn ping(&self, _call: Authorized<InspectEngine>) -> Result<(), CapabilityError> {
        let client = self.client().await?;
        match client.ping().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failure::request_error(client, &error)),
        }
    }

    async fn supports(&self, feature: Feature) -> bool {
        matches!(
            feature,
            Feature::Hold
                | Feature::CacheFrom
                | Feature::ExtraHosts
                | Feature::NetworkMode
                | Feature::BuildCache
        )
    }

    async fn build(
        &self,
        call: Authorized<Build>,
        reporter: &Reporter,
    ) -> Result<BuiltImage, CapabilityError> {
        let client = self.client().await?;
        build::build(client, &self.endpoints, call.call(), reporter).await
    }

    async fn push(
        &self,
        call: Authorized<Push>,
        reporter: &Reporter,
    ) -> Result<Digest, CapabilityError> {
        let client = self.client().await?;
        push::push(client, &self.endpoints, self.retries, call.call(), reporter).await
    }
}
