//! What the operator lets builds read and reach, whatever their Dockerfiles say. The engine holds a
//! build to it: a Dockerfile's `ARG`, `ONBUILD`, `COPY --from` and frontends name sources that nobody
//! knows before the build runs.

mod pattern;

use std::sync::Arc;

pub use pattern::{ImagePattern, PatternError, RemotePattern};

use super::{BuildEngine, BuildRequest, ContextSource, Feature, NetworkMode};
use crate::capability::{CapabilityError, ErrorKind};
use crate::event::{LogLevel, Reporter};

/// The most network that `RUN` may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MostNetwork {
    /// None but loopback.
    None,
    /// The engine's own.
    Default,
}

/// The operator's rules for builds: `[build]` of `stepyard.toml`. By default there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildRules {
    /// The images that a build may read (base images, images that `COPY --from` names, frontends,
    /// further contexts); none is all.
    pub base_images: Option<Vec<ImagePattern>>,
    /// The addresses of `ADD` and of Git contexts that a build may read; none is all, or, where
    /// there is a list of base images, no address.
    pub remote_sources: Option<Vec<RemotePattern>>,
    /// The most network of `RUN`. Without it the request decides, and the policy on the network of
    /// the engine's machine.
    pub network: Option<MostNetwork>,
    /// Builds also with an engine that cannot hold a build to the rules, which is told then.
    pub allow_unenforced: bool,
}

impl BuildRules {
    /// Whether there is a list of sources.
    pub fn restrict_sources(&self) -> bool {
        self.base_images.is_some() || self.remote_sources.is_some()
    }

    /// Gives the request the network that it may have.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] where it asks for more.
    pub(crate) fn limit_network(&self, request: &mut BuildRequest) -> Result<(), CapabilityError> {
        let Some(most) = self.network else {
            return Ok(());
        };
        match (most, request.network_mode) {
            (_, NetworkMode::Host) => Err(denied_network()),
            (MostNetwork::None, NetworkMode::Default) => {
                request.network_mode = NetworkMode::None;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether the engine holds the build to the rules; where it need not, that is told.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where it cannot, and [`ErrorKind::Denied`] where the request itself
    /// names an image that may not be read.
    pub(crate) async fn check(
        &self,
        request: &BuildRequest,
        engine: &dyn BuildEngine,
        reporter: &Reporter,
    ) -> Result<(), CapabilityError> {
        for named in &request.named_contexts {
            if let (ContextSource::Image(image), Some(list)) = (&named.source, &self.base_images)
                && !list.iter().any(|pattern| pattern.matches(image))
            {
                return Err(denied_image(&image.to_string()));
            }
        }
        for (setting, what) in self.unenforced(engine).await {
            if !self.allow_unenforced {
                return Err(unenforced_error(engine.name(), setting, what));
            }
            let line = format!(
                "the engine {} cannot {what}, as {setting} asks for: the build is not held to it",
                engine.name()
            );
            reporter.log(LogLevel::Warn, line);
        }
        Ok(())
    }

    /// The settings that the engine cannot hold a build to, and what it cannot do.
    pub(crate) async fn unenforced(
        &self,
        engine: &dyn BuildEngine,
    ) -> Vec<(&'static str, &'static str)> {
        let mut found = Vec::new();
        if self.restrict_sources() && !engine.enforces_source_rules().await {
            let setting = match self.base_images {
                Some(_) => "base-images",
                None => "remote-sources",
            };
            found.push((setting, "limit what a Dockerfile reads"));
        }
        let limits_network = self.network == Some(MostNetwork::None);
        if limits_network && !engine.supports(Feature::NetworkMode).await {
            found.push(("network", "build without a network"));
        }
        found
    }

    /// Shared, as a build has it.
    pub(crate) fn shared(self) -> Arc<Self> {
        Arc::new(self)
    }
}

/// That an engine cannot hold a build to a setting.
pub(crate) fn unenforced_error(engine: &str, setting: &str, what: &str) -> CapabilityError {
    CapabilityError::unsupported(format!(
        "the engine {engine} cannot {what}, as {setting} under [build] of stepyard.toml asks for"
    ))
    .with_hint(
        "the operator uses an engine with BuildKit 0.11 or later (Docker Engine 23, or a BuildKit \
         daemon), or writes allow-unenforced = true under [build] to build all the same",
    )
}

/// A build would read an image that is not in the operator's list.
pub(super) fn denied_image(image: &str) -> CapabilityError {
    CapabilityError::new(
        ErrorKind::Denied,
        format!("denied: the build reads the image {image}, which is not among the permitted ones"),
    )
    .with_hint("the operator lists images with base-images under [build] of stepyard.toml")
}

/// A build would read an address that is not in the operator's list.
pub(super) fn denied_address(address: &str) -> CapabilityError {
    CapabilityError::new(
        ErrorKind::Denied,
        format!("denied: the build reads {address}, which is not among the permitted sources"),
    )
    .with_hint("the operator lists addresses with remote-sources under [build] of stepyard.toml")
}

fn denied_network() -> CapabilityError {
    CapabilityError::new(
        ErrorKind::Denied,
        "denied: the build asks for the network of the engine's machine",
    )
    .with_hint("the operator limits it with network under [build] of stepyard.toml")
}
