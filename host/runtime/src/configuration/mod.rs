//! `stepyard.toml`: what the operator of a machine sets, as opposed to the author of a pipeline.
//!
//! | key | meaning |
//! | --- | --- |
//! | `registries."HOST".endpoint` | where a registry is reached instead of at its own name |
//! | `aws.endpoint-url` | where AWS's APIs are reached |
//! | `docker.host` | the Docker Engine |
//! | `build.allow`, `build.cache` | what builds may have of the machine, and where their caches are |
//! | `limits.memory`, `.cpu-time`, `.wall-clock`, `.output-bytes` | the most that a step may use |
//! | `audit.file`, `.sync` | where it is recorded what steps ask for |
//! | `policy.files`, `.mode`, `.built-in` | what steps may do |
//! | `secrets.directory`, `.file`, `.command`, `.environment` | where secrets are read from |
//! | `components.cache` | where compiled components are kept |
//! | `build.records` | where it is recorded what was pushed |
//!
//! Every key is optional, an unknown one is an error. Relative paths start at the file's folder.

mod audit;
mod endpoint;
mod file;
mod policy;
mod secrets;

pub use audit::AuditConfiguration;
pub use endpoint::{DockerHost, DockerHostError, Endpoint, EndpointError};
pub use file::{
    AwsConfiguration, BuildConfiguration, BuildKitConfiguration, ComponentsConfiguration,
    Configuration, DockerConfiguration, EngineName, LimitsConfiguration, RegistryConfiguration,
};
pub use policy::PolicyConfiguration;
pub use secrets::{SecretCommand, SecretSource, SecretStoreConfiguration, SecretsConfiguration};
