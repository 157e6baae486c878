//! What the user writes, in the shape of Harness's step `BuildAndPushECR`.

use std::collections::BTreeMap;

use stepyard_sdk::{
    grammar::EcrEndpoint,
    setting::{Amount, OneOrMany, Text},
    settings,
};

use crate::repository::CreateRepository;

/// Builds an image from a Dockerfile and pushes it to a repository of Amazon ECR.
#[settings]
#[derive(Clone)]
pub struct BuildPushEcr {
    /// The AWS connector to push with.
    #[setting(connector)]
    pub connector_ref: String,
    /// The registry's AWS region, such as `us-east-1`.
    #[setting(ecr_region)]
    pub region: String,
    /// The AWS account that owns the registry: 12 digits, in quotes where the first is 0.
    #[setting(ecr_account)]
    pub account: Text,
    /// The repository, without registry and tag. It must exist, unless `createRepository` is set.
    #[setting(ecr_repository)]
    pub image_name: String,
    /// The tags, in the order in which they are written.
    #[setting(tag)]
    pub tags: OneOrMany<Text>,
    /// Which of the registry's host names to use.
    #[setting(ecr_endpoint, default)]
    pub registry_endpoint: RegistryEndpoint,
    /// Connectors for the registries of private base images.
    #[setting(base_image_connector, default)]
    pub base_image_connector_refs: OneOrMany<String>,
    /// Whether kaniko finds changed files by `redo` (the default) or by reading them all.
    pub optimize: Option<bool>,
    /// The Dockerfile, relative to the workspace. Default: `Dockerfile` in the context.
    #[setting(workspace_path)]
    pub dockerfile: Option<String>,
    /// The folder whose files the Dockerfile sees, relative to the workspace.
    #[setting(workspace_path, default = ".")]
    pub context: String,
    /// Labels of the image.
    #[setting(default)]
    pub labels: BTreeMap<String, Text>,
    /// Values for `ARG` instructions. They stay readable in the image's history.
    #[setting(default)]
    pub build_args: BTreeMap<String, Text>,
    /// The stage of the Dockerfile to build. Default: the last one.
    pub target: Option<String>,
    /// An image or repository of the same registry that keeps the layers of all stages between
    /// builds.
    #[setting(ecr_cache_destination)]
    pub remote_cache_image: Option<String>,
    /// The numeric user that the builder runs as.
    pub run_as_user: Option<Text>,
    /// How much memory and processor time the builder may use and asks for.
    pub resources: Option<Resources>,
    /// Whether layers of earlier builds may be used. Default: as the engine does. Where it is true
    /// and no other cache is written, the image keeps its own cache for later builds.
    pub caching: Option<bool>,
    /// Caches to take layers from: images of the same registry, or in BuildKit's notation.
    #[setting(ecr_cache_repository, default)]
    pub cache_from: OneOrMany<String>,
    /// A cache to keep layers in: an image of the same registry, or in BuildKit's notation.
    #[setting(ecr_cache_destination)]
    pub cache_to: Option<String>,
    /// Variables for `envDockerSecrets` to name.
    #[setting(secret, default)]
    pub env_variables: BTreeMap<String, Text>,
    /// Build secrets: an id, and a variable of `envVariables` or a secret expression.
    #[setting(secret, default)]
    pub env_docker_secrets: BTreeMap<String, Text>,
    /// Build secrets: an id, and a file of the workspace.
    #[setting(workspace_path, default)]
    pub file_docker_secrets: BTreeMap<String, String>,
    /// Ids under which `RUN --mount=type=ssh` finds the SSH agent of the machine; `default` where
    /// the Dockerfile names none.
    #[setting(ssh_agent, default)]
    pub ssh: OneOrMany<String>,
    /// Platforms such as `linux/arm64`. Several make an image index. Default: the engine's own.
    #[setting(default)]
    pub platforms: OneOrMany<String>,
    /// Further build contexts: a name, and a folder of the workspace or
    /// `docker-image://REFERENCE`.
    #[setting(build_context, default)]
    pub build_contexts: BTreeMap<String, String>,
    /// Names that `RUN` instructions resolve: a name, and an IP address or `host-gateway`.
    #[setting(default)]
    pub extra_hosts: BTreeMap<String, String>,
    /// The network of `RUN` instructions.
    #[setting(network_mode, default)]
    pub network: Network,
    /// Whether to look for newer base images even where the engine has one.
    #[setting(default)]
    pub pull: bool,
    /// How layers are compressed: `gzip`, `zstd` or `estargz`, with an optional level (`zstd:3`).
    pub compression: Option<String>,
    /// Annotations of the image's manifest.
    #[setting(default)]
    pub annotations: BTreeMap<String, Text>,
    /// Attests how the image was built. The tag then names an image index.
    pub provenance: Option<ProvenanceMode>,
    /// Whether to attest what is in the image. The tag then names an image index.
    #[setting(default)]
    pub sbom: bool,
    /// The time that the image and its files carry at most, in seconds since 1970.
    pub source_date_epoch: Option<Text>,
    /// Whether to build nothing where nothing has changed since the image was pushed last.
    #[setting(default)]
    pub skip_unchanged: bool,
    /// Whether to make the repository where it does not exist: `true`, `on-push` where the registry
    /// makes it when something is pushed, or what it is to be like.
    #[setting(ecr_create_repository, default)]
    pub create_repository: CreateRepository,
    /// A JSON file of the workspace that says which images of the repository expire.
    #[setting(ecr_lifecycle_policy)]
    pub lifecycle_policy: Option<String>,
    /// A JSON file of the workspace that says who may use the repository.
    #[setting(ecr_repository_policy)]
    pub repository_policy: Option<String>,
    /// Whether to build and push nothing where all the tags exist already.
    #[setting(default)]
    pub skip_push_if_tag_exists: bool,
}

/// Which of the registry's host names to use.
#[settings]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RegistryEndpoint {
    /// `<account>.dkr.ecr.<region>.amazonaws.com`, or the suffix of the region's partition.
    #[default]
    Standard,
    /// The endpoint with cryptography validated by FIPS 140.
    Fips,
    /// The endpoint with IPv4 and IPv6.
    DualStack,
    /// Both.
    FipsDualStack,
}

impl From<RegistryEndpoint> for EcrEndpoint {
    fn from(endpoint: RegistryEndpoint) -> Self {
        match endpoint {
            RegistryEndpoint::Standard => Self::Standard,
            RegistryEndpoint::Fips => Self::Fips,
            RegistryEndpoint::DualStack => Self::DualStack,
            RegistryEndpoint::FipsDualStack => Self::DualStackFips,
        }
    }
}

/// The network of `RUN` instructions.
#[settings]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// The engine's default.
    #[default]
    Default,
    /// None but loopback.
    None,
    /// That of the engine's machine, which its operator must allow.
    Host,
}

/// How much an attestation says of how the image was built.
#[settings]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProvenanceMode {
    /// That it was built, and of what.
    Min,
    /// Also the build's arguments and its steps.
    Max,
}

/// Kubernetes' resources of a container.
#[settings]
#[derive(Clone)]
pub struct Resources {
    /// The most that the builder may use.
    #[setting(default)]
    pub limits: Quantities,
    /// What the builder asks the scheduler for.
    #[setting(default)]
    pub requests: Quantities,
}

/// Amounts in Kubernetes' notation.
#[settings]
#[derive(Clone, Default)]
pub struct Quantities {
    /// Such as `500Mi`.
    pub memory: Option<Amount>,
    /// Such as `0.5` or `400m`.
    pub cpu: Option<Amount>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_says_what_the_settings_name() {
        let schema = schemars::schema_for!(BuildPushEcr).to_value();
        let properties = schema["properties"].as_object().unwrap();
        let mut named: Vec<(&str, &str)> = properties
            .iter()
            .filter_map(|(name, property)| Some((name.as_str(), property["x-stepyard"].as_str()?)))
            .collect();
        named.sort_unstable();
        let expected = [
            ("account", "ecr-account"),
            ("baseImageConnectorRefs", "base-image-connector"),
            ("buildContexts", "build-context"),
            ("cacheFrom", "ecr-cache-repository"),
            ("cacheTo", "ecr-cache-destination"),
            ("connectorRef", "connector"),
            ("context", "workspace-path"),
            ("createRepository", "ecr-create-repository"),
            ("dockerfile", "workspace-path"),
            ("envDockerSecrets", "secret"),
            ("envVariables", "secret"),
            ("fileDockerSecrets", "workspace-path"),
            ("imageName", "ecr-repository"),
            ("lifecyclePolicy", "ecr-lifecycle-policy"),
            ("network", "network-mode"),
            ("region", "ecr-region"),
            ("registryEndpoint", "ecr-endpoint"),
            ("remoteCacheImage", "ecr-cache-destination"),
            ("repositoryPolicy", "ecr-repository-policy"),
            ("ssh", "ssh-agent"),
            ("tags", "tag"),
        ];
        assert_eq!(named, expected);
        assert_eq!(properties["context"]["default"], ".");
        assert_eq!(
            schema["required"],
            serde_json::json!(["connectorRef", "region", "account", "imageName", "tags"])
        );
    }
}
