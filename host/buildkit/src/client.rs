//! The client.

use bollard_buildkit_proto::moby::buildkit::v1::{InfoRequest, ListWorkersRequest};

use crate::connect::{Control, Endpoint};
use crate::error::Error;
use crate::solve::{self, BuildProgress, BuildResult, DockerfileBuild};
use crate::status::Event;

/// A client of one daemon. It holds no connection: each build has its own, which ends with it.
#[derive(Clone)]
pub struct Client {
    endpoint: Endpoint,
}

/// What a daemon says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DaemonInformation {
    /// BuildKit's version, such as `v0.13.2`; daemons before 0.11 do not tell.
    pub version: Option<String>,
    /// The platforms that it builds for, such as `linux/amd64`.
    pub platforms: Vec<String>,
    /// Labels of its workers.
    pub labels: Vec<(String, String)>,
}

impl DaemonInformation {
    /// Whether the daemon keeps layers as registries have them, which is what pushing, external
    /// caches, indexes and attestations need. A Docker Engine with its classic image store does
    /// not; only a worker on containerd or of a BuildKit daemon names its snapshotter.
    pub fn has_content_store(&self) -> bool {
        self.labels
            .iter()
            .any(|(name, _)| name == "org.mobyproject.buildkit.worker.snapshotter")
    }

    /// The address of the daemon's machine as `RUN` reaches it, which newer Docker Engines tell.
    /// BuildKit itself does not know the name `host-gateway`.
    pub fn host_gateway(&self) -> Option<&str> {
        const LABEL: &str = "org.mobyproject.buildkit.worker.moby.host-gateway-ip";
        let told = self.labels.iter().find(|(name, _)| name == LABEL);
        told.map(|(_, address)| address.as_str())
            .filter(|address| !address.is_empty())
    }

    /// Whether it is BuildKit 0.11 or later, which is the first to tell its version. Named
    /// contexts, `SOURCE_DATE_EPOCH`, annotations, attestations and source rules need it.
    pub fn is_recent(&self) -> bool {
        self.version.is_some()
    }
}

impl Client {
    /// A client of the daemon at `endpoint`. Nothing is connected yet.
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    /// Where the daemon is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Asks the daemon what it is.
    ///
    /// # Errors
    /// [`Error::Connect`], [`Error::NoBuildKit`], [`Error::Daemon`].
    pub async fn information(&self) -> Result<DaemonInformation, Error> {
        let control = self.endpoint.control().await?;
        self.endpoint.patiently(self.ask(&control)).await
    }

    async fn ask(&self, control: &Control) -> Result<DaemonInformation, Error> {
        let workers = control
            .client()
            .list_workers(ListWorkersRequest::default())
            .await
            .map_err(|status| Error::of_call(&self.endpoint, &status))?
            .into_inner()
            .record;
        let version = match control.client().info(InfoRequest {}).await {
            Ok(information) => information.into_inner().buildkit_version,
            // Daemons before 0.11 do not know the call.
            Err(_) => None,
        };
        let mut information = DaemonInformation {
            version: version.map(|version| version.version),
            ..DaemonInformation::default()
        };
        for worker in workers {
            information.labels.extend(worker.labels);
            for platform in worker.platforms {
                let mut name = format!("{}/{}", platform.os, platform.architecture);
                if !platform.variant.is_empty() {
                    name = format!("{name}/{}", platform.variant);
                }
                if !information.platforms.contains(&name) {
                    information.platforms.push(name);
                }
            }
        }
        information.labels.sort();
        Ok(information)
    }

    /// Builds, and hands each event to `on_event` as it happens. Dropping the future ends the
    /// daemon's work and the session at once.
    ///
    /// # Errors
    /// [`Error::Failed`] where the build ran and failed; what this side could not give to the
    /// daemon, as [`Error::Context`], [`Error::Credential`] and so on; [`Error::Connect`],
    /// [`Error::NoBuildKit`] and [`Error::Daemon`] for the daemon itself.
    pub async fn build(
        &self,
        build: DockerfileBuild,
        progress: &BuildProgress,
        mut on_event: impl FnMut(Event) + Send,
    ) -> Result<BuildResult, Error> {
        solve::solve(&self.endpoint, build, progress, &mut on_event).await
    }
}
