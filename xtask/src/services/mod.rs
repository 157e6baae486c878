//! The services that tests and demo talk to. A value is a running service; dropping it stops it.
pub(crate) mod buildkit_bridge;
pub(crate) mod docker_engine;
pub(crate) mod docker_registry;
pub(crate) mod keeper;
pub(crate) mod local_ecr;
pub(crate) mod moto;

use std::net::TcpListener;
use std::thread::{self, ScopedJoinHandle};

use crate::error::{Doing, Error, Result};
use crate::prepare::{python, step_tools};
use crate::{base_image, paths};
use buildkit_bridge::{BuildKitBridge, Transport};
use docker_engine::{DockerEngine, Edition, ImageStore};
use docker_registry::{Access, DockerRegistry};
use moto::Moto;

/// The base image that the tests find in each engine.
const TEST_BASE_IMAGE: &str = "stepyard-test/busybox:1";
/// The old engine that the tests are to cover.
const OLD_ENGINE: &str = "20.10";

/// All that the tests need.
pub(crate) struct TestServices {
    // A bridge before the engine that it leads to: services stop in this order.
    bridge_unix: BuildKitBridge,
    bridge_tcp: BuildKitBridge,
    bridge_tls: BuildKitBridge,
    engine: DockerEngine,
    /// Absent where `engine` is that one.
    engine_20: Option<DockerEngine>,
    engine_26_classic: DockerEngine,
    engine_26_containerd: DockerEngine,
    registry: DockerRegistry,
    open_registry: DockerRegistry,
    moto: Moto,
}

impl TestServices {
    /// Starts every service, and puts the base image into each engine.
    pub(crate) fn start() -> Result<Self> {
        thread::scope(|scope| {
            let engines = scope.spawn(engines_for_all);
            let classic = scope.spawn(|| newer_engine(ImageStore::Classic));
            let containerd = scope.spawn(|| {
                let engine = newer_engine(ImageStore::Containerd)?;
                let bridge = |transport| BuildKitBridge::start(&engine, transport);
                let bridges = (
                    bridge(Transport::Unix)?,
                    bridge(Transport::Tcp)?,
                    bridge(Transport::MutualTls)?,
                );
                Ok((engine, bridges))
            });
            let registry = DockerRegistry::start(Access::Password)?;
            let open_registry = DockerRegistry::start(Access::Open)?;
            let moto = Moto::start()?;
            let (engine, engine_20) = started(engines)?;
            let (engine_26_containerd, (bridge_unix, bridge_tcp, bridge_tls)) =
                started(containerd)?;
            Ok(Self {
                bridge_unix,
                bridge_tcp,
                bridge_tls,
                engine,
                engine_20,
                engine_26_classic: started(classic)?,
                engine_26_containerd,
                registry,
                open_registry,
                moto,
            })
        })
    }

    /// The variables by which the tests find the services.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let engine_20 = self.engine_20.as_ref().unwrap_or(&self.engine);
        vec![
            ("DOCKER_HOST", self.engine.host().to_owned()),
            ("STEPYARD_TEST_DOCKER_20", engine_20.host().to_owned()),
            (
                "STEPYARD_TEST_DOCKER_26_CLASSIC",
                self.engine_26_classic.host().to_owned(),
            ),
            (
                "STEPYARD_TEST_DOCKER_26_CONTAINERD",
                self.engine_26_containerd.host().to_owned(),
            ),
            (
                "STEPYARD_TEST_BUILDKIT_UNIX",
                self.bridge_unix.address().to_owned(),
            ),
            (
                "STEPYARD_TEST_BUILDKIT_TCP",
                self.bridge_tcp.address().to_owned(),
            ),
            (
                "STEPYARD_TEST_BUILDKIT_TLS",
                self.bridge_tls.address().to_owned(),
            ),
            (
                "STEPYARD_TEST_BUILDKIT_CERTIFICATES",
                self.bridge_tls.certificates().display().to_string(),
            ),
            (
                "STEPYARD_TEST_AWS",
                python::program("aws").display().to_string(),
            ),
            ("STEPYARD_TEST_MOTO", self.moto.endpoint()),
            ("STEPYARD_TEST_REGISTRY", self.registry.address().to_owned()),
            (
                "STEPYARD_TEST_REGISTRY_OPEN",
                self.open_registry.address().to_owned(),
            ),
            (
                "STEPYARD_TEST_GUESTS",
                paths::guest_components().display().to_string(),
            ),
            (
                "STEPYARD_TEST_STEP_TOOLS",
                step_tools::folder().display().to_string(),
            ),
            ("STEPYARD_TEST_BASE_IMAGE", TEST_BASE_IMAGE.to_owned()),
        ]
    }
}

/// The engine that a person would use, and an old one where that is another.
fn engines_for_all() -> Result<(DockerEngine, Option<DockerEngine>)> {
    let engine = DockerEngine::find_or_start()?;
    base_image::import(&engine, TEST_BASE_IMAGE)?;
    if engine.is_private() {
        check_old(&engine)?;
        return Ok((engine, None));
    }
    let engine_20 = DockerEngine::start_private(Edition::Distribution)?;
    check_old(&engine_20)?;
    base_image::import(&engine_20, TEST_BASE_IMAGE)?;
    Ok((engine, Some(engine_20)))
}

fn check_old(engine: &DockerEngine) -> Result<()> {
    let version = engine.version()?;
    if version.starts_with(OLD_ENGINE) {
        return Ok(());
    }
    Err(Error::Unmet(format!(
        "the tests need the Docker Engine {OLD_ENGINE} that Debian 12 has; \
         this machine's dockerd is of {version}"
    )))
}

fn newer_engine(store: ImageStore) -> Result<DockerEngine> {
    let engine = DockerEngine::start_private(Edition::Unpacked(store))?;
    base_image::import(&engine, TEST_BASE_IMAGE)?;
    Ok(engine)
}

/// What a thread that started a service returned.
fn started<T>(service: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    service
        .join()
        .unwrap_or_else(|_| Err(Error::Unmet("starting a service broke off".into())))
}

/// A loopback address with a port that nobody listens on now.
fn free_address() -> Result<String> {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    address
        .map(|address| address.to_string())
        .doing(|| "looking for a free port".into())
}
