//! The Docker Engine, or Podman's service, as a build engine. It builds with the engine's BuildKit,
//! or with the classic builder where there is none.
//!
//! | | |
//! | --- | --- |
//! | `host` | where the engine is |
//! | `client`, `message` | its API: requests and streams of messages |
//! | `build`, `output` | the classic builder |
//! | `push`, `pull`, `name`, `registry_auth` | transfers from and to registries |
//! | `failure` | errors for a person |

mod build;
mod client;
mod failure;
mod host;
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
use stepyard_buildkit::Endpoint;
use stepyard_grammar::Digest;
use tokio::sync::OnceCell;

pub use host::DockerHost;

use self::client::{Client, EngineError};
use self::host::{Candidate, Environment};
use super::address::Address;
use super::buildkit;
use super::{Build, BuildEngine, BuiltImage, Feature, InspectEngine, Push};
use crate::capability::CapabilityError;
use crate::event::Reporter;
use crate::patience::Patience;
use crate::policy::Authorized;
use crate::registry::Endpoints;

/// A Docker Engine. It is looked for when it is first needed, and again as long as none answers.
///
/// It builds with the engine's BuildKit, and with the classic builder only where the engine has no
/// BuildKit or `DOCKER_BUILDKIT=0` turns it off.
pub struct DockerEngine {
    host: DockerHost,
    environment: Environment,
    endpoints: Endpoints,
    found: OnceCell<Found>,
    patience: Patience,
}

/// An engine that answers.
struct Found {
    client: Arc<Client>,
    builder: Builder,
}

/// Which of the engine's builders is used.
enum Builder {
    BuildKit(Box<buildkit::Builder>),
    /// With the reason.
    Classic(&'static str),
}

impl Found {
    /// What it is, for a person.
    fn description(&self) -> String {
        let engine = self.client.product();
        let address = self.client.transport();
        match &self.builder {
            Builder::BuildKit(builder) if builder.information.has_content_store() => {
                format!("{engine} at {address}, BuildKit, containerd image store")
            }
            Builder::BuildKit(_) => {
                format!("{engine} at {address}, BuildKit, classic image store")
            }
            Builder::Classic(reason) => {
                format!("{engine} at {address}, classic builder ({reason})")
            }
        }
    }

    fn supports(&self, feature: Feature) -> bool {
        match &self.builder {
            Builder::BuildKit(builder) => builder.supports(feature),
            Builder::Classic(_) => build::supports(feature),
        }
    }
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
            found: OnceCell::new(),
            patience: Patience::PUSH,
        }
    }

    /// Builds with the classic builder even where the engine has BuildKit, as `DOCKER_BUILDKIT=0`
    /// asks for.
    #[must_use]
    pub fn with_classic_builder(mut self) -> Self {
        self.environment.classic_builder = true;
        self
    }

    async fn found(&self) -> Result<&Found, CapabilityError> {
        self.found.get_or_try_init(|| self.find()).await
    }

    async fn find(&self) -> Result<Found, CapabilityError> {
        let mut tried = Vec::new();
        for candidate in self.environment.candidates(&self.host)? {
            match Client::open(&candidate.address).await {
                Ok(client) => {
                    let builder = self.builder(&client).await?;
                    return Ok(Found {
                        client: Arc::new(client),
                        builder,
                    });
                }
                Err(error) => tried.push((candidate, error)),
            }
        }
        Err(unreachable_error(&tried))
    }

    async fn builder(&self, client: &Client) -> Result<Builder, CapabilityError> {
        if client.is_podman() {
            return Ok(Builder::Classic("Podman has no BuildKit"));
        }
        if self.environment.classic_builder {
            return Ok(Builder::Classic("DOCKER_BUILDKIT is 0"));
        }
        let endpoint = Endpoint::DockerEngine(client.transport().clone());
        let buildkit = stepyard_buildkit::Client::new(endpoint);
        match buildkit.information().await {
            Ok(information) => Ok(Builder::BuildKit(Box::new(buildkit::Builder {
                client: buildkit,
                information,
                endpoints: self.endpoints.clone(),
                name: format!("the Docker Engine at {}", client.transport()),
                holds: true,
                patience: self.patience.clone(),
            }))),
            Err(stepyard_buildkit::Error::NoBuildKit { .. }) => {
                Ok(Builder::Classic("the engine has no BuildKit"))
            }
            Err(error) => Err(CapabilityError::unavailable(error.to_string())),
        }
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

    async fn ping(&self, _call: Authorized<InspectEngine>) -> Result<String, CapabilityError> {
        let found = self.found().await?;
        match found.client.ping().await {
            Ok(_) => Ok(found.description()),
            Err(error) => Err(failure::request_error(&found.client, &error)),
        }
    }

    async fn supports(&self, feature: Feature) -> bool {
        match self.found().await {
            Ok(found) => found.supports(feature),
            Err(_) => false,
        }
    }

    async fn enforces_source_rules(&self) -> bool {
        match self.found().await {
            Ok(Found {
                builder: Builder::BuildKit(builder),
                ..
            }) => builder.information.is_recent(),
            _ => false,
        }
    }

    async fn platform(&self) -> Option<String> {
        let found = self.found().await.ok()?;
        match &found.builder {
            Builder::BuildKit(builder) => builder.platform(),
            Builder::Classic(_) => found.client.platform().await.ok(),
        }
    }

    async fn build(
        &self,
        call: Authorized<Build>,
        reporter: &Reporter,
    ) -> Result<BuiltImage, CapabilityError> {
        let found = self.found().await?;
        match &found.builder {
            Builder::BuildKit(builder) => builder.build(&call, reporter).await,
            Builder::Classic(_) => {
                build::build(&found.client, &self.endpoints, call.call(), reporter).await
            }
        }
    }

    async fn push(
        &self,
        call: Authorized<Push>,
        reporter: &Reporter,
    ) -> Result<Digest, CapabilityError> {
        let client = &self.found().await?.client;
        push::push(client, &self.endpoints, &self.patience, &call, reporter).await
    }
}
