//! Building an image from a Dockerfile, with whichever engine the operator chose.
//!
//! Engines differ in where a built image goes. Some *hold* it, so that [`Image::push`] can push it
//! under any name; others push it while they build, to [`Request::destination`]. [`supports`] with
//! [`feature::HOLD`] and [`feature::PUSH_WHILE_BUILDING`] tells them apart before anything is built.
//!
//! ```
//! use stepyard_sdk::{Credential, Descriptor, Error, build::{self, feature}, grammar::ImageReference};
//!
//! fn build_and_push(image: &ImageReference, credential: &Credential) -> Result<Descriptor, Error> {
//!     let request = build::Request::new()
//!         .context("app")
//!         .build_argument("VERSION", "1.0")
//!         .label("org.opencontainers.image.version", "1.0");
//!     if build::supports(feature::PUSH_WHILE_BUILDING) {
//!         let built = request.destination(image, credential).build()?;
//!         let pushed = built.pushed();
//!         return pushed.ok_or_else(|| Error::unsupported("the engine has pushed nothing"));
//!     }
//!     request.build()?.push(image, credential)
//! }
//!
//! use stepyard_sdk::testing::{self, BuiltImage, Host, descriptor};
//!
//! let image = ImageReference::parse("ghcr.io/team/app:1.0")?;
//! let credential = testing::credential("ghcr.io");
//! let run = Host::new()
//!     .engine("docker", [feature::HOLD])
//!     .on_build(Ok(BuiltImage::new("sha256:1f…")))
//!     .on_push(&image, Ok(descriptor("sha256:2e…")))
//!     .call(|| build_and_push(&image, &credential));
//! assert_eq!(run.value().digest, "sha256:2e…");
//! let request = run.call("build.build").argument("request");
//! assert_eq!(request["build-arguments"][0][1], "1.0");
//! # Ok::<(), Error>(())
//! ```

use stepyard_grammar::{CacheOptions, CpuQuantity, ImageReference, MemoryQuantity};

use crate::{Credential, Descriptor, Error, bindings::stepyard::step::build};

pub use build::IgnoredSetting;

/// The names of features, for [`supports`].
///
/// ```
/// use stepyard_sdk::build::feature;
///
/// assert_eq!(feature::HOLD, "hold");
/// ```
pub mod feature {
    /// A built image is kept and can be pushed afterwards.
    pub const HOLD: &str = "hold";
    /// The image is pushed while it is built.
    pub const PUSH_WHILE_BUILDING: &str = "push-while-building";
    /// Layers of earlier builds are used or not.
    pub const BUILD_CACHE: &str = "build-cache";
    /// Layers are taken from an image in a registry.
    pub const CACHE_FROM: &str = "cache-from";
    /// Layers are kept in a registry for later builds.
    pub const CACHE_TO: &str = "cache-to";
    /// Layers are kept in the image itself.
    pub const CACHE_INLINE: &str = "cache-inline";
    /// Layers are taken from and kept in a folder of the operator's.
    pub const CACHE_LOCAL: &str = "cache-local";
    /// Layers are taken from and kept in services such as S3.
    pub const CACHE_OTHER: &str = "cache-other";
    /// `RUN --mount=type=secret`.
    pub const BUILD_SECRETS: &str = "build-secrets";
    /// `RUN --mount=type=ssh`.
    pub const SSH: &str = "ssh";
    /// Several platforms make an image index.
    pub const PLATFORMS: &str = "platforms";
    /// There can be further build contexts.
    pub const NAMED_CONTEXTS: &str = "named-contexts";
    /// `RUN` can resolve further names.
    pub const EXTRA_HOSTS: &str = "extra-hosts";
    /// The network of `RUN` can be chosen.
    pub const NETWORK_MODE: &str = "network-mode";
    /// The time that an image carries can be chosen.
    pub const SOURCE_DATE_EPOCH: &str = "source-date-epoch";
    /// The manifest can have annotations.
    pub const ANNOTATIONS: &str = "annotations";
    /// How an image was built can be attested.
    pub const PROVENANCE: &str = "provenance";
    /// What is in an image can be attested.
    pub const SBOM: &str = "sbom";
    /// The compression of layers can be chosen.
    pub const COMPRESSION: &str = "compression";
    /// The way of finding changed files can be chosen.
    pub const SNAPSHOT_MODE: &str = "snapshot-mode";
    /// The builder can run as another user.
    pub const RUN_AS_USER: &str = "run-as-user";
    /// The builder's memory and processor time can be limited.
    pub const RESOURCE_LIMITS: &str = "resource-limits";

    /// The feature that a cache of this type needs, to take layers from it where `export` is
    /// false and to keep them in it where it is true.
    ///
    /// ```
    /// use stepyard_sdk::build::feature;
    ///
    /// assert_eq!(feature::of_cache("registry", true), feature::CACHE_TO);
    /// ```
    pub fn of_cache(kind: &str, export: bool) -> &'static str {
        match kind {
            "registry" if export => CACHE_TO,
            "registry" => CACHE_FROM,
            "inline" => CACHE_INLINE,
            "local" => CACHE_LOCAL,
            _ => CACHE_OTHER,
        }
    }
}

/// The engine that this run uses: `docker`, `buildkit`, `kubernetes`, `buildah`, or another name.
///
/// ```
/// use stepyard_sdk::{build, testing::Host};
///
/// let run = Host::new().engine("buildkit", []).call(build::engine);
/// assert_eq!(run.value(), "buildkit");
/// ```
///
/// # Errors
/// `denied`; `unavailable` where no engine answers.
pub fn engine() -> Result<String, Error> {
    Ok(build::engine()?)
}

/// Whether the engine honours a feature, one of [`feature`]. Where no engine answers, and for an
/// unknown feature, it does not.
///
/// ```
/// use stepyard_sdk::{build::{self, feature}, testing::Host};
///
/// let run = Host::new()
///     .engine("docker", [feature::HOLD])
///     .call(|| Ok(build::supports(feature::SNAPSHOT_MODE)));
/// assert!(!run.value());
/// ```
pub fn supports(feature: &str) -> bool {
    build::supports(feature)
}

/// What to build. A setter that is called again replaces its value; the plural ones append.
///
/// The host validates the whole when [`build`](Request::build) is called.
///
/// ```
/// use stepyard_sdk::{build::Request, grammar::{CacheOptions, MemoryQuantity}, testing::{BuiltImage, Host}};
///
/// let cache = CacheOptions::parse_import("type=registry,ref=ghcr.io/team/app:cache")?;
/// let limit = MemoryQuantity::parse("500Mi")?;
/// let request = || {
///     Request::new()
///         .dockerfile("app/Dockerfile")
///         .platform("linux/amd64")
///         .platform("linux/arm64")
///         .cache_import(&cache, None)
///         .memory_limit(limit)
///         .pull(true)
/// };
/// let run = Host::new()
///     .on_build(Ok(BuiltImage::new("sha256:1f…")))
///     .call(|| request().build());
/// assert_eq!(run.value().id(), "sha256:1f…");
/// # Ok::<(), stepyard_sdk::Error>(())
/// ```
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
        /// Appends an annotation of the image's manifest.
        annotation(name, value) => add_annotation;
        /// Attests how the image was built: `min` or `max`. An attestation makes an image index,
        /// which not every service takes.
        provenance(mode) => set_provenance;
        /// Appends a further build context, for `FROM name` and `COPY --from=name`: a folder of
        /// the workspace, or `docker-image://REFERENCE`.
        named_context(name, source) => add_named_context;
        /// Appends a name that `RUN` resolves: to an IP address, or with `host-gateway` to the
        /// engine's own machine.
        extra_host(name, address) => add_extra_host;
        /// Appends a platform such as `linux/arm64`. Several make an image index.
        platform(platform) => add_platform;
        /// Lets `RUN --mount=type=secret,id=…` read a value that is in no layer: text, or a
        /// secret placeholder from the step's settings.
        secret(id, value) => add_secret;
        /// The same with the content of a file of the workspace.
        secret_file(id, path) => add_secret_file;
        /// Lets `RUN --mount=type=ssh` ask the host's SSH agent to sign, under this id; `default`
        /// where the Dockerfile names none.
        ssh_agent(id) => add_ssh_agent;
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

    /// Appends a cache to take layers from. The credential is for the type `registry`. One that
    /// cannot be read is reported and tolerated.
    pub fn cache_import(self, cache: &CacheOptions, credential: Option<&Credential>) -> Self {
        self.0.add_cache_import(&cache.to_string(), credential);
        self
    }

    /// Appends a cache to keep layers in. One that cannot be written is reported and tolerated,
    /// except with `ignore-error=false`.
    pub fn cache_export(self, cache: &CacheOptions, credential: Option<&Credential>) -> Self {
        self.0.add_cache_export(&cache.to_string(), credential);
        self
    }

    /// Appends an image to take cached layers from. One that does not exist is tolerated.
    pub fn cache_source(self, reference: &ImageReference, credential: Option<&Credential>) -> Self {
        self.0.add_cache_source(&reference.to_string(), credential);
        self
    }

    /// Appends an image to keep the layers of all stages in for later builds.
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

    /// The time that the image and its files carry at most, in seconds since 1970.
    pub fn source_date_epoch(self, seconds: u64) -> Self {
        self.0.set_source_date_epoch(&seconds.to_string());
        self
    }

    /// Whether to attest what is in the image. Default false.
    pub fn sbom(self, enabled: bool) -> Self {
        self.0.set_sbom(enabled);
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

    /// Skips the build where nothing has changed since an image was last pushed to this
    /// repository, and it is still there: see [`Image::unchanged`].
    pub fn skip_unchanged(self, repository: &ImageReference, credential: &Credential) -> Self {
        self.0
            .set_skip_unchanged(&repository.to_string(), credential);
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
///
/// ```
/// use stepyard_sdk::{build::Request, testing::{BuiltImage, Host, descriptor}};
///
/// let answer = BuiltImage::new("sha256:1f…")
///     .with_pushed(descriptor("sha256:2e…"))
///     .with_nothing_changed()
///     .with_ignored("run-as-user", "Docker builds as root");
/// let run = Host::new().on_build(Ok(answer)).call(|| Request::new().build());
/// let image = run.value();
/// assert!(image.unchanged());
/// assert_eq!(image.pushed(), Some(descriptor("sha256:2e…")));
/// assert_eq!(image.ignored_settings()[0].setting, "run-as-user");
/// ```
#[derive(Debug)]
pub struct Image(build::Image);

impl Image {
    /// The engine's name for it.
    pub fn id(&self) -> String {
        self.0.id()
    }

    /// What the registry holds, where the image was pushed while it was built, or is unchanged.
    pub fn pushed(&self) -> Option<Descriptor> {
        self.0.pushed()
    }

    /// Whether nothing was built, because nothing has changed. The repository then has the image,
    /// not necessarily under a tag of this run.
    pub fn unchanged(&self) -> bool {
        self.0.unchanged()
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
