//! The services that tests and demo talk to. A value is a running service; dropping it stops it.
pub(crate) mod docker_engine;
pub(crate) mod docker_registry;
pub(crate) mod keeper;
pub(crate) mod local_ecr;
pub(crate) mod moto;

use std::net::TcpListener;

use crate::error::{Doing, Result};
use crate::prepare::python;
use crate::{base_image, paths};
use docker_engine::DockerEngine;
use docker_registry::{Access, DockerRegistry};
use moto::Moto;

/// The base image that the tests find in the engine.
const TEST_BASE_IMAGE: &str = "stepyard-test/busybox:1";

/// All that the tests need.
pub(crate) struct TestServices {
    engine: DockerEngine,
    registry: DockerRegistry,
    open_registry: DockerRegistry,
    moto: Moto,
}

impl TestServices {
    /// Starts every service, and puts the base image into the engine.
    pub(crate) fn start() -> Result<Self> {
        let services = Self {
            engine: DockerEngine::find_or_start()?,
            registry: DockerRegistry::start(Access::Password)?,
            open_registry: DockerRegistry::start(Access::Open)?,
            moto: Moto::start()?,
        };
        base_image::import(&services.engine, TEST_BASE_IMAGE)?;
        Ok(services)
    }

    /// The variables by which the tests find the services.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("DOCKER_HOST", self.engine.host().to_owned()),
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
            ("STEPYARD_TEST_BASE_IMAGE", TEST_BASE_IMAGE.to_owned()),
        ]
    }
}

/// A loopback address with a port that nobody listens on now.
fn free_address() -> Result<String> {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    address
        .map(|address| address.to_string())
        .doing(|| "looking for a free port".into())
}
