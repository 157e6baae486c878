//! What the user writes, in the shape of Harness's step `BuildAndPushECR`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use stepyard_sdk::{
    grammar::EcrEndpoint,
    setting::{Amount, OneOrMany, Text},
};

/// Builds an image from a Dockerfile and pushes it to a repository of Amazon ECR.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BuildPushEcr {
    /// The AWS connector to push with.
    #[schemars(extend("x-stepyard" = "connector"))]
    pub connector_ref: String,
    /// The registry's AWS region, such as `us-east-1`.
    #[schemars(extend("x-stepyard" = "ecr-region"))]
    pub region: String,
    /// The AWS account that owns the registry: 12 digits, in quotes where the first is 0.
    #[schemars(extend("x-stepyard" = "ecr-account"))]
    pub account: Text,
    /// The repository, without registry and tag. It must exist.
    #[schemars(extend("x-stepyard" = "ecr-repository"))]
    pub image_name: String,
    /// The tags, in the order in which they are written.
    #[schemars(extend("x-stepyard" = "tag"))]
    pub tags: OneOrMany<Text>,
    /// Which of the registry's host names to use.
    #[serde(default)]
    pub registry_endpoint: RegistryEndpoint,
    /// Connectors for the registries of private base images.
    #[serde(default)]
    #[schemars(extend("x-stepyard" = "connector"))]
    pub base_image_connector_refs: OneOrMany<String>,
    /// Whether kaniko finds changed files by `redo` (the default) or by reading them all.
    pub optimize: Option<bool>,
    /// The Dockerfile, relative to the workspace. Default: `Dockerfile` in the context.
    #[schemars(extend("x-stepyard" = "workspace-path"))]
    pub dockerfile: Option<String>,
    /// The folder whose files the Dockerfile sees, relative to the workspace.
    #[serde(default = "workspace")]
    #[schemars(extend("x-stepyard" = "workspace-path"))]
    pub context: String,
    /// Labels of the image.
    #[serde(default)]
    pub labels: BTreeMap<String, Text>,
    /// Values for `ARG` instructions. They stay readable in the image's history.
    #[serde(default)]
    pub build_args: BTreeMap<String, Text>,
    /// The stage of the Dockerfile to build. Default: the last one.
    pub target: Option<String>,
    /// An image or repository of the same registry that keeps layers between builds.
    #[schemars(extend("x-stepyard" = "ecr-cache-destination"))]
    pub remote_cache_image: Option<String>,
    /// The numeric user that the builder runs as.
    pub run_as_user: Option<Text>,
    /// How much memory and processor time the builder may use and asks for.
    pub resources: Option<Resources>,
    /// Whether layers of earlier builds may be used. Default: as the engine does.
    pub caching: Option<bool>,
    /// Images of the same registry to take cached layers from.
    #[serde(default)]
    #[schemars(extend("x-stepyard" = "ecr-cache-repository"))]
    pub cache_from: OneOrMany<String>,
    /// An image of the same registry to keep layers in.
    #[schemars(extend("x-stepyard" = "ecr-cache-destination"))]
    pub cache_to: Option<String>,
    /// Variables for `envDockerSecrets` to name.
    #[serde(default)]
    #[schemars(extend("x-stepyard" = "secret"))]
    pub env_variables: BTreeMap<String, Text>,
    /// Build secrets: an id, and a variable of `envVariables` or a secret expression.
    #[serde(default)]
    #[schemars(extend("x-stepyard" = "secret"))]
    pub env_docker_secrets: BTreeMap<String, Text>,
    /// Build secrets: an id, and a file of the workspace.
    #[serde(default)]
    #[schemars(extend("x-stepyard" = "workspace-path"))]
    pub file_docker_secrets: BTreeMap<String, String>,
}

fn workspace() -> String {
    ".".to_owned()
}

/// Which of the registry's host names to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
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

/// Kubernetes' resources of a container.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// The most that the builder may use.
    #[serde(default)]
    pub limits: Quantities,
    /// What the builder asks the scheduler for.
    #[serde(default)]
    pub requests: Quantities,
}

/// Amounts in Kubernetes' notation.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
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
        let named: Vec<(&str, &str)> = properties
            .iter()
            .filter_map(|(name, property)| Some((name.as_str(), property["x-stepyard"].as_str()?)))
            .collect();
        let expected = [
            ("account", "ecr-account"),
            ("baseImageConnectorRefs", "connector"),
            ("cacheFrom", "ecr-cache-repository"),
            ("cacheTo", "ecr-cache-destination"),
            ("connectorRef", "connector"),
            ("context", "workspace-path"),
            ("dockerfile", "workspace-path"),
            ("envDockerSecrets", "secret"),
            ("envVariables", "secret"),
            ("fileDockerSecrets", "workspace-path"),
            ("imageName", "ecr-repository"),
            ("region", "ecr-region"),
            ("remoteCacheImage", "ecr-cache-destination"),
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
