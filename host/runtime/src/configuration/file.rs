//! The file `stepyard.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use stepyard_grammar::{RegistryHost, StepTimeout};

use super::audit::{AuditConfiguration, read_audit};
use super::build::{BuildConfiguration, read_build};
use super::components::{ComponentsConfiguration, read_components};
use super::limits::{LimitsConfiguration, read_limits, read_steps};
use super::policy::{PolicyConfiguration, read_policy};
use super::secrets::{SecretsConfiguration, read_secrets};
use super::{DockerHost, Endpoint};
use crate::document::{Field, ProblemKind, Problems, Report, SourceFile, read_toml};

/// What the operator sets. Everything has a default, so that no file is a valid configuration too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Configuration {
    /// `[registries."HOST"]`, by the registry's logical name.
    pub registries: BTreeMap<RegistryHost, RegistryConfiguration>,
    /// `[aws]`
    pub aws: AwsConfiguration,
    /// `[build]`
    pub build: BuildConfiguration,
    /// `[docker]`
    pub docker: DockerConfiguration,
    /// `[buildkit]`
    pub buildkit: BuildKitConfiguration,
    /// `[limits]`
    pub limits: LimitsConfiguration,
    /// `[steps."NAME".limits]`, by the name of a built-in or pinned component.
    pub steps: BTreeMap<String, LimitsConfiguration>,
    /// `[audit]`
    pub audit: AuditConfiguration,
    /// `[policy]`
    pub policy: PolicyConfiguration,
    /// `[secrets]`, or several `[[secrets]]`
    pub secrets: SecretsConfiguration,
    /// `[components]`
    pub components: ComponentsConfiguration,
}

/// `[registries."HOST"]`: settings, policy, logs and outputs go on naming `HOST`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryConfiguration {
    /// `endpoint`: where the registry is reached, such as `http://127.0.0.1:5000`.
    pub endpoint: Endpoint,
}

/// `[aws]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsConfiguration {
    /// `endpoint-url`: where ECR's, ECR Public's and STS's APIs are reached instead of at AWS.
    pub endpoint_url: Option<Endpoint>,
    /// `oidc-token-file`: the file that the CI system keeps a token in, which connectors of the
    /// type `OidcAuthentication` exchange for a role.
    pub oidc_token_file: Option<PathBuf>,
}

/// `[buildkit]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildKitConfiguration {
    /// `host`: the daemon; without it `BUILDKIT_HOST` counts.
    pub host: Option<DockerHost>,
    /// `certificates`: the folder with `ca.pem`, `cert.pem` and `key.pem` for TLS.
    pub certificates: Option<PathBuf>,
}

/// `[docker]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DockerConfiguration {
    /// `host`: the Docker Engine; without it `DOCKER_HOST` and then the usual socket count.
    pub host: Option<DockerHost>,
}

impl Configuration {
    /// Reads the file.
    ///
    /// # Errors
    /// All problems of the file.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        Self::parse(&SourceFile::read(path)?)
    }

    /// Reads a file whose text is at hand. Relative paths in it start at the folder of its name.
    ///
    /// # Errors
    /// All problems of the file.
    pub fn parse(file: &SourceFile) -> Result<Self, Problems> {
        let root = read_toml(file)?;
        let report = Report::new(file);
        let configuration = read_root(&Field::root(&root, &report));
        report.finish(configuration)
    }
}

fn read_root(root: &Field<'_>) -> Option<Configuration> {
    let mut fields = root.fields()?;
    let registries = fields.optional("registries");
    let aws = fields.optional("aws");
    let build = fields.optional("build");
    let docker = fields.optional("docker");
    let buildkit = fields.optional("buildkit");
    let limits = fields.optional("limits");
    let steps = fields.optional("steps");
    let audit = fields.optional("audit");
    let policy = fields.optional("policy");
    let secrets = fields.optional("secrets");
    let components = fields.optional("components");
    fields.finish();
    let components = components
        .and_then(|field| read_components(&field))
        .unwrap_or_default();
    Some(Configuration {
        registries: registries
            .map(|field| read_registries(&field))
            .unwrap_or_default(),
        aws: aws.and_then(|field| read_aws(&field)).unwrap_or_default(),
        build: build
            .and_then(|field| read_build(&field))
            .unwrap_or_default(),
        buildkit: buildkit
            .and_then(|field| read_buildkit(&field))
            .unwrap_or_default(),
        docker: docker
            .and_then(|field| read_docker(&field))
            .unwrap_or_default(),
        limits: limits
            .and_then(|field| read_limits(&field))
            .unwrap_or_default(),
        steps: steps
            .map(|field| read_steps(&field, &components.pinned))
            .unwrap_or_default(),
        audit: audit
            .and_then(|field| read_audit(&field))
            .unwrap_or_default(),
        policy: policy
            .and_then(|field| read_policy(&field))
            .unwrap_or_default(),
        secrets: secrets
            .and_then(|field| read_secrets(&field))
            .unwrap_or_default(),
        components,
    })
}

fn endpoint(field: &Field<'_>) -> Option<Endpoint> {
    if field.text().is_some_and(|text| text.contains('@')) {
        field.hide();
    }
    field.parse(
        Endpoint::parse,
        "write an address such as `http://127.0.0.1:5000`",
    )
}

fn read_registries(field: &Field<'_>) -> BTreeMap<RegistryHost, RegistryConfiguration> {
    let mut registries = BTreeMap::new();
    for (entry, field) in field
        .fields()
        .map(|fields| fields.all())
        .unwrap_or_default()
    {
        let host = match RegistryHost::parse(&entry.key) {
            Ok(host) => Some(host),
            Err(error) => {
                field.problem(
                    ProblemKind::InvalidValue,
                    error.to_string(),
                    "write the host as references have it, in quotes: `[registries.\"ghcr.io\"]`",
                );
                None
            }
        };
        let Some(mut fields) = field.fields() else {
            continue;
        };
        let endpoint = fields
            .required("endpoint", "write `endpoint = \"http://127.0.0.1:5000\"`")
            .and_then(|field| endpoint(&field));
        fields.finish();
        if let (Some(host), Some(endpoint)) = (host, endpoint)
            && registries
                .insert(host, RegistryConfiguration { endpoint })
                .is_some()
        {
            field.problem(
                ProblemKind::DuplicateKey,
                "another name of the same registry stands in the file",
                "keep one of the two",
            );
        }
    }
    registries
}

fn read_aws(field: &Field<'_>) -> Option<AwsConfiguration> {
    let mut fields = field.fields()?;
    let endpoint_url = fields
        .optional("endpoint-url")
        .and_then(|field| endpoint(&field));
    let oidc_token_file = fields
        .optional("oidc-token-file")
        .and_then(|field| path(&field));
    fields.finish();
    Some(AwsConfiguration {
        endpoint_url,
        oidc_token_file,
    })
}

fn read_buildkit(field: &Field<'_>) -> Option<BuildKitConfiguration> {
    let mut fields = field.fields()?;
    let host = fields.optional("host").and_then(|field| {
        field.parse(
            DockerHost::parse,
            "write an address such as `tcp://buildkitd:1234`",
        )
    });
    let certificates = fields
        .optional("certificates")
        .and_then(|field| path(&field));
    fields.finish();
    Some(BuildKitConfiguration { host, certificates })
}

fn read_docker(field: &Field<'_>) -> Option<DockerConfiguration> {
    let mut fields = field.fields()?;
    let host = fields.optional("host").and_then(|field| {
        field.parse(
            DockerHost::parse,
            "write an address such as `unix:///var/run/docker.sock`",
        )
    });
    fields.finish();
    Some(DockerConfiguration { host })
}

/// A path, which starts at the folder of the file.
pub(super) fn path(field: &Field<'_>) -> Option<PathBuf> {
    Some(folder(field).join(field.filled_text()?))
}

/// The folder of the file.
pub(super) fn folder<'a>(field: &Field<'a>) -> &'a Path {
    let file = Path::new(field.report.file().name());
    file.parent().unwrap_or(Path::new(""))
}

/// A time with its unit.
pub(super) fn duration(field: &Field<'_>) -> Option<Duration> {
    field
        .parse(
            StepTimeout::parse,
            "write a number with its unit, such as `10s` or `1h`",
        )
        .map(StepTimeout::duration)
}

#[cfg(test)]
mod tests {
    use stepyard_grammar::Digest;

    use super::*;
    use crate::build::MostNetwork;
    use crate::configuration::{EngineName, PinnedComponent, SecretSource};
    use crate::document::render_plain;

    fn parse(text: &str) -> Configuration {
        Configuration::parse(&SourceFile::new("/etc/stepyard/stepyard.toml", text).unwrap())
            .unwrap_or_else(|error| panic!("{}", render_plain(&error)))
    }

    #[test]
    fn reads_every_key() {
        let configuration = parse(
            "[registries.\"123456789012.dkr.ecr.us-east-1.amazonaws.com\"]
endpoint = 'http://127.0.0.1:5000'
[aws]
endpoint-url = 'http://127.0.0.1:4566'
oidc-token-file = 'token'
[limits]
memory = '256Mi'
cpu-time = '10s'
wall-clock = '1h'
output-bytes = 65536
calls = 500
concurrent-builds = 2
[steps.'build-push-ecr'.limits]
memory = '1Gi'
[docker]
host = 'unix:///run/docker.sock'
[secrets]
directory = 'secrets'
[components]
cache = '/var/cache/stepyard'
lint = {path = 'lint.wasm', digest = 'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'}
scan = {reference = 'oci://r.example.com/team/scan:1@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'}
[build]
records = 'pushed'
engines = ['buildkit']
base-images = ['docker.io/library/alpine:3.20']
remote-sources = ['https://github.com/team/*']
network = 'none'
allow-unenforced = true
",
        );
        let (host, registry) = configuration.registries.first_key_value().unwrap();
        assert_eq!(
            host.as_str(),
            "123456789012.dkr.ecr.us-east-1.amazonaws.com"
        );
        assert_eq!(registry.endpoint.as_str(), "http://127.0.0.1:5000");
        assert_eq!(
            configuration.aws.endpoint_url.unwrap().as_str(),
            "http://127.0.0.1:4566"
        );
        assert_eq!(
            configuration.aws.oidc_token_file.unwrap(),
            Path::new("/etc/stepyard/token")
        );
        assert_eq!(
            configuration.limits,
            LimitsConfiguration {
                memory: Some(256 << 20),
                cpu_time: Some(Duration::from_secs(10)),
                wall_clock: Some(Duration::from_secs(3600)),
                output_bytes: Some(65536),
                calls: Some(500),
                concurrent_builds: Some(2),
                ..LimitsConfiguration::default()
            }
        );
        assert_eq!(configuration.steps["build-push-ecr"].memory, Some(1 << 30));
        assert_eq!(
            configuration.docker.host.unwrap().as_str(),
            "unix:///run/docker.sock"
        );
        assert_eq!(
            configuration.secrets.stores[1].source,
            SecretSource::Directory("/etc/stepyard/secrets".into())
        );
        assert_eq!(
            configuration.components.cache.unwrap(),
            Path::new("/var/cache/stepyard")
        );
        assert_eq!(
            configuration.components.pinned["lint"],
            PinnedComponent::File {
                path: "/etc/stepyard/lint.wasm".into(),
                digest: Digest::parse(
                    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
                )
                .unwrap(),
            }
        );
        let PinnedComponent::Registry(reference) = &configuration.components.pinned["scan"] else {
            panic!("it is in a registry");
        };
        assert_eq!(reference.registry().as_str(), "r.example.com");
        let rules = &configuration.build.rules;
        let images = rules.base_images.as_ref().unwrap();
        assert_eq!(images[0].to_string(), "docker.io/library/alpine:3.20");
        assert_eq!(rules.remote_sources.as_ref().unwrap().len(), 1);
        assert_eq!(rules.network, Some(MostNetwork::None));
        assert!(rules.allow_unenforced);
        assert_eq!(
            configuration.build.engines,
            Some(vec![EngineName::BuildKit])
        );
        assert_eq!(
            configuration.build.records.unwrap(),
            Path::new("/etc/stepyard/pushed")
        );
    }

    #[test]
    fn an_empty_file_sets_nothing() {
        assert_eq!(parse(""), Configuration::default());
    }
}
