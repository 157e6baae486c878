//! Building an image from a Dockerfile, with whichever engine the operator chose.
//!
//! Engines differ in where a built image goes. Some *hold* it, so that [`Image::push`] can push it
//! under any name; others push it while they build, to [`Request::destination`]. [`supports`] with
//! [`HOLD`] and [`PUSH_WHILE_BUILDING`] tells them apart before anything is built.

use stepyard_grammar::{CpuQuantity, ImageReference, MemoryQuantity};

use crate::{Credential, Descriptor, Error, bindings::stepyard::step::build};

pub use build::IgnoredSetting;

/// The feature of engines that hold a built image.
pub const HOLD: &str = "hold";
/// The feature of engines that push while they build.
pub const PUSH_WHILE_BUILDING: &str = "push-while-building";

/// The engine that this run uses: `docker`, `buildkit`, `kubernetes`, `buildah`, or another name.
///
/// # Errors
/// `denied`; `unavailable` where no engine answers.
pub fn engine() -> Result<String, Error> {
    Ok(build::engine()?)
}

/// Whether the engine honours a feature, one of `hold`, `push-while-building`, `cache-from`,
/// `cache-to`, `build-secrets`, `platforms`, `compression`, `snapshot-mode`, `run-as-user`,
/// `resource-limits`, `network-mode`, `build-cache`. An unknown feature is not supported.
pub fn supports(feature: &str) -> bool {
    build::supports(feature)
}

/// What to build. A setter that is called again replaces its value; the plural ones append.
///
/// The host validates the whole when [`build`](Request::build) is called.
#[derive(Debug)]
#[must_use]
pub struct Request(build::Request);

impl Default for Request {
    fn default() -> Self {
        Self::new()
    }
}

/// Defines setters that pass texts on.
macro_rules! setters {
    ($($(#[$documentation:meta])* $name:ident($($argument:ident),+) => $setter:ident;)+) => {
        $(
            $(#[$documentation])*
            pub fn $name(self $(, $argument: &str)+) -> Self {
                self.0.$setter($($argument),+);
                self
            }
        )+
    };
}

impl Request {
    /// A request for the Dockerfile in the root of the workspace, with the workspace as its
    /// context.
    pub fn new() -> Self {
        Self(build::Request::new())
    }

    setters! {
        /// The folder whose files `COPY` and `ADD` see, relative to the workspace.
        context(path) => set_context;
        /// The Dockerfile, relative to the workspace. Default: `Dockerfile` in the context.
        dockerfile(path) => set_dockerfile;
        /// The stage of a multi-stage Dockerfile to build. Default: the last one.
        target(stage) => set_target;
        /// Appends a value for an `ARG`. It is visible in the image's history: never a secret.
        build_argument(name, value) => add_build_argument;
        /// Appends a label of the image.
        label(name, value) => add_label;
        /// Appends a platform such as `linux/arm64`. Several make an image index.
        platform(platform) => add_platform;
        /// Lets `RUN --mount=type=secret,id=…` read a value that is in no layer: text, or a
        /// secret placeholder from the step's settings.
        secret(id, value) => add_secret;
        /// The same with the content of a file of the workspace.
        secret_file(id, path) => add_secret_file;
        /// The network of `RUN` instructions: `default`, `none` or `host`.
        network_mode(mode) => set_network_mode;
        /// The numeric user id that the builder runs as.
        run_as_user(user) => set_run_as_user;
        /// How a builder without layers finds changed files: `full` or `redo` (kaniko).
        snapshot_mode(mode) => set_snapshot_mode;
        /// How layers are compressed: `gzip`, `zstd` or `estargz`, with an optional level
        /// (`zstd:3`).
        compression(compression) => set_compression;
    }

    /// Appends a credential for the registry of a base image.
    pub fn base_image_credential(self, credential: &Credential) -> Self {
        self.0.add_base_image_credential(credential);
        self
    }

    /// Appends an image to take cached layers from. One that does not exist is tolerated.
    pub fn cache_source(self, reference: &ImageReference, credential: Option<&Credential>) -> Self {
        self.0.add_cache_source(&reference.to_string(), credential);
        self
    }

    /// Appends a place to keep the layers for later builds.
    pub fn cache_destination(self, reference: &ImageReference, credential: &Credential) -> Self {
        self.0
            .add_cache_destination(&reference.to_string(), credential);
        self
    }

    /// Whether layers of earlier builds may be used. Default true.
    pub fn build_cache(self, enabled: bool) -> Self {
        self.0.set_build_cache(enabled);
        self
    }

    /// Whether to look for newer base images even where one is at hand. Default false.
    pub fn pull(self, enabled: bool) -> Self {
        self.0.set_pull(enabled);
        self
    }

    /// The most memory that the build may use.
    pub fn memory_limit(self, limit: MemoryQuantity) -> Self {
        self.0.set_memory_limit(&limit.to_string());
        self
    }

    /// The most processor time that the build may use.
    pub fn cpu_limit(self, limit: CpuQuantity) -> Self {
        self.0.set_cpu_limit(&limit.to_string());
        self
    }

    /// The memory that the builder asks its scheduler for.
    pub fn memory_request(self, amount: MemoryQuantity) -> Self {
        self.0.set_memory_request(&amount.to_string());
        self
    }

    /// The processor time that the builder asks its scheduler for.
    pub fn cpu_request(self, amount: CpuQuantity) -> Self {
        self.0.set_cpu_request(&amount.to_string());
        self
    }

    /// Where an engine that pushes while it builds puts the image.
    pub fn destination(self, reference: &ImageReference, credential: &Credential) -> Self {
        self.0.set_destination(&reference.to_string(), credential);
        self
    }

    /// Builds. The output goes to the run's log as it is made.
    ///
    /// # Errors
    /// `denied`; `invalid-settings`, with every faulty setting; `not-found` for a context or
    /// Dockerfile that is not in the workspace, or a base image that does not exist;
    /// `engine-failure` with the failing instruction; `unavailable`.
    pub fn build(self) -> Result<Image, Error> {
        Ok(Image(build::build(self.0)?))
    }
}

/// A built image.
#[derive(Debug)]
pub struct Image(build::Image);

impl Image {
    /// The engine's name for it.
    pub fn id(&self) -> String {
        self.0.id()
    }

    /// What the registry holds, where the image was pushed while it was built.
    pub fn pushed(&self) -> Option<Descriptor> {
        self.0.pushed()
    }

    /// What of the request the engine did not apply.
    pub fn ignored_settings(&self) -> Vec<IgnoredSetting> {
        self.0.ignored_settings()
    }

    /// Pushes an image that the engine holds to `reference`, which has a tag, and verifies it.
    ///
    /// # Errors
    /// As [`crate::registry::put_manifest`]; `unsupported` where the engine holds no images.
    pub fn push(
        &self,
        reference: &ImageReference,
        credential: &Credential,
    ) -> Result<Descriptor, Error> {
        Ok(self.0.push(&reference.to_string(), credential)?)
    }
}
