//! The engine `buildkit`: a BuildKit daemon, which pushes what it builds.

use std::path::PathBuf;

use async_trait::async_trait;
use stepyard_buildkit as buildkit;
use stepyard_grammar::Digest;
use tokio::sync::OnceCell;

use super::builder::Builder;
use crate::build::address::{TlsFiles, parse_address};
use crate::build::{Build, BuildEngine, BuiltImage, Feature, InspectEngine, Push};
use crate::capability::CapabilityError;
use crate::event::Reporter;
use crate::patience::Patience;
use crate::policy::Authorized;
use crate::registry::Endpoints;

/// The port of a daemon whose address has none.
const PORT: u16 = 1234;

/// Where a BuildKit daemon is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildKitDaemon {
    /// `unix:///PATH` or `tcp://HOST:PORT`.
    pub address: String,
    /// A folder with `ca.pem` and, for mutual TLS, `cert.pem` and `key.pem`; none is plain text.
    pub certificates: Option<PathBuf>,
    /// Who says so, for messages.
    pub origin: String,
}

impl BuildKitDaemon {
    /// The daemon that the environment names with `BUILDKIT_HOST`, as it does for buildctl, if it
    /// does. The folder of certificates is `BUILDKIT_CERT_PATH`.
    pub fn of_environment() -> Option<Self> {
        let value = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Some(Self {
            address: value("BUILDKIT_HOST")?.to_string_lossy().into_owned(),
            certificates: value("BUILDKIT_CERT_PATH").map(PathBuf::from),
            origin: "BUILDKIT_HOST".to_owned(),
        })
    }

    fn endpoint(&self) -> Result<buildkit::Endpoint, CapabilityError> {
        let tls = self.certificates.clone().map(|folder| TlsFiles { folder });
        let address = parse_address(&self.address, PORT, tls, &self.origin)?;
        let transport = address.transport().map_err(|error| {
            CapabilityError::invalid(format!("the TLS files for {address}: {error}"))
                .with_hint("the folder needs ca.pem and, for mutual TLS, cert.pem and key.pem")
        })?;
        Ok(buildkit::Endpoint::Daemon(transport))
    }
}

/// A BuildKit daemon. It is connected to when it is first needed.
pub struct BuildKitEngine {
    daemon: BuildKitDaemon,
    endpoints: Endpoints,
    builder: OnceCell<Builder>,
}

impl BuildKitEngine {
    /// The daemon, which reaches registries at `endpoints`. Nothing is connected yet.
    pub fn new(daemon: BuildKitDaemon, endpoints: Endpoints) -> Self {
        Self {
            daemon,
            endpoints,
            builder: OnceCell::new(),
        }
    }

    async fn builder(&self) -> Result<&Builder, CapabilityError> {
        self.builder.get_or_try_init(|| self.find()).await
    }

    async fn find(&self) -> Result<Builder, CapabilityError> {
        let client = buildkit::Client::new(self.daemon.endpoint()?);
        let information = client.information().await.map_err(|error| {
            CapabilityError::unavailable(format!("{error} ({})", self.daemon.origin)).with_hint(
                "check that buildkitd runs there (`buildctl --addr ADDRESS debug info`), and that \
                 the certificates fit it",
            )
        })?;
        Ok(Builder {
            name: format!("BuildKit at {}", client.endpoint()),
            client,
            information,
            endpoints: self.endpoints.clone(),
            holds: false,
            patience: Patience::PUSH,
        })
    }
}

impl std::fmt::Debug for BuildKitEngine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("BuildKitEngine")
            .field("daemon", &self.daemon)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl BuildEngine for BuildKitEngine {
    fn name(&self) -> &str {
        "buildkit"
    }

    async fn ping(&self, _call: Authorized<InspectEngine>) -> Result<String, CapabilityError> {
        let builder = self.builder().await?;
        Ok(match &builder.information.version {
            Some(version) => format!("{}, version {version}", builder.name),
            None => builder.name.clone(),
        })
    }

    async fn supports(&self, feature: Feature) -> bool {
        match self.builder().await {
            Ok(builder) => builder.supports(feature),
            Err(_) => false,
        }
    }

    async fn enforces_source_rules(&self) -> bool {
        match self.builder().await {
            Ok(builder) => builder.information.is_recent(),
            Err(_) => false,
        }
    }

    async fn platform(&self) -> Option<String> {
        self.builder().await.ok()?.platform()
    }

    async fn build(
        &self,
        call: Authorized<Build>,
        reporter: &Reporter,
    ) -> Result<BuiltImage, CapabilityError> {
        self.builder().await?.build(&call, reporter).await
    }

    async fn push(
        &self,
        _call: Authorized<Push>,
        _reporter: &Reporter,
    ) -> Result<Digest, CapabilityError> {
        Err(CapabilityError::unsupported(
            "BuildKit holds no images: it pushes while it builds, to the request's destination",
        ))
    }
}
