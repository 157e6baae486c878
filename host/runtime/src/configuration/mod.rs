//! `stepyard.toml`: what the operator of a machine sets, as opposed to the author of a pipeline.
//!
//! | key | meaning |
//! | --- | --- |
//! | `registries."HOST".endpoint` | where a registry is reached instead of at its own name |
//! | `aws.endpoint-url` | where AWS's APIs are reached |
//! | `docker.host` | the Docker Engine |
//! | `build.engine`, `.engines` | what builds |
//! | `build.allow`, `build.cache` | what builds may have of the machine, and where their caches are |
//! | `build.base-images`, `.remote-sources`, `.network` | what builds may read and reach |
//! | `limits`, `steps."NAME".limits` | the most that steps may use |
//! | `audit.file`, `.sync` | where it is recorded what steps ask for |
//! | `policy.files`, `.mode`, `.built-in` | what steps may do |
//! | `secrets.directory`, `.file`, `.command`, `.environment` | where secrets are read from |
//! | `components."NAME"`, `.allow-unpinned` | the components that may run |
//! | `components.cache` | where compiled components are kept |
//! | `build.records` | where it is recorded what was pushed |
//!
//! Every key is optional, an unknown one is an error. Relative paths start at the file's folder.

mod audit;
mod build;
mod components;
mod endpoint;
mod file;
mod limits;
mod policy;
mod secrets;

pub use audit::AuditConfiguration;
pub use build::{BuildConfiguration, EngineName};
pub use components::{ComponentsConfiguration, PinnedComponent};
pub use endpoint::{DockerHost, DockerHostError, Endpoint, EndpointError};
pub use file::{
    AwsConfiguration, BuildKitConfiguration, Configuration, DockerConfiguration,
    RegistryConfiguration,
};
pub use limits::LimitsConfiguration;
pub use policy::PolicyConfiguration;
pub use secrets::{SecretCommand, SecretSource, SecretStoreConfiguration, SecretsConfiguration};
