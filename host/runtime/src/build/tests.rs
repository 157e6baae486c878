//! What each engine honours, with the real engines that `cargo xtask test` starts: the table in
//! `docs/engines.md` is what is expected.
//!
//! A cell is `yes`, `left out` (the image is built, and the setting reported) or `refused` (an
//! error names the setting and an engine that can).

use std::sync::Arc;

use stepyard_grammar::RegistryHost;

use super::buildkit::{BuildKitDaemon, BuildKitEngine};
use super::docker::{DockerEngine, DockerHost};
use super::{Build, BuildEngine, BuildRequest, BuiltImage, Feature, InspectEngine, RequestDraft};
use crate::auth::Credential;
use crate::capability::{CapabilityError, ErrorKind};
use crate::event::{NoEvents, Reporter};
use crate::policy::Gate;
use crate::registry::Endpoints;
use crate::secret::{Placeholders, SecretStores};
use crate::testing::{PermitAll, principal, service};
use crate::workspace::Workspace;

const TABLE: &str = include_str!("../../../../docs/engines.md");

fn docker(variable: &str) -> Arc<dyn BuildEngine> {
    let host = DockerHost::Address(service(variable));
    Arc::new(DockerEngine::new(host, Endpoints::new()))
}

fn daemon(variable: &str, certificates: Option<&str>) -> Arc<dyn BuildEngine> {
    let daemon = BuildKitDaemon {
        address: service(variable),
        certificates: certificates.map(|variable| service(variable).into()),
        origin: variable.to_owned(),
    };
    Arc::new(BuildKitEngine::new(daemon, Endpoints::new()))
}

/// How an engine answered.
#[derive(Debug)]
enum Answer {
    Built(BuiltImage),
    Failed(CapabilityError),
}

struct Trial {
    engine: Arc<dyn BuildEngine>,
    gate: Gate,
    reporter: Reporter,
    folder: tempfile::TempDir,
    name: &'static str,
}

impl Trial {
    fn new(name: &'static str, engine: Arc<dyn BuildEngine>) -> Self {
        let reporter = Reporter::new(Arc::new(NoEvents), "test");
        Self {
            engine,
            gate: Gate::new(Arc::new(PermitAll), principal(), reporter.clone()),
            reporter,
            folder: tempfile::tempdir().unwrap(),
            name,
        }
    }

    /// An image in the open registry that no other trial uses.
    fn image(&self, name: &str) -> (String, Credential) {
        let registry = service("STEPYARD_TEST_REGISTRY_OPEN");
        let now = time::OffsetDateTime::now_utc().unix_timestamp_nanos();
        (
            format!("{registry}/features/{}-{name}-{now}:1", self.name),
            Credential::anonymous(RegistryHost::parse(&registry).unwrap()),
        )
    }

    async fn ping(&self) -> String {
        self.gate
            .pass(InspectEngine, |call| self.engine.ping(call))
            .await
            .unwrap()
    }

    async fn ask(&self, feature: Feature) -> Answer {
        let workspace = self.folder.path().join(feature.name());
        std::fs::create_dir_all(workspace.join("other")).unwrap();
        std::fs::write(workspace.join("other/file"), "other").unwrap();
        let base = service("STEPYARD_TEST_BASE_IMAGE");
        let mut lines = vec![format!("FROM {base}")];
        let mut draft = RequestDraft::default();
        // A daemon that cannot hold an image needs a place to push it to.
        let destination = self.image(feature.name());
        let holds = self.engine.supports(Feature::Hold).await;
        if !holds && feature != Feature::Hold {
            draft.destination = Some(destination.clone());
        }
        let text = |text: &str| Some(text.to_owned());
        let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        let (cache, credential) = self.image("cache");
        match feature {
            Feature::Hold => {}
            Feature::PushWhileBuilding => draft.destination = Some(destination),
            Feature::CacheFrom => draft.cache_imports = vec![(cache, Some(credential))],
            Feature::CacheTo => {
                let options = format!("type=registry,ref={cache},mode=max,ignore-error=false");
                draft.cache_exports = vec![(options, Some(credential))];
            }
            Feature::CacheInline => draft.cache_exports = vec![("type=inline".to_owned(), None)],
            Feature::CacheLocal => {
                let options = "type=local,dest=one,ignore-error=false".to_owned();
                draft.cache_exports = vec![(options, None)];
                lines.push("COPY other/file /".to_owned());
            }
            Feature::CacheOther => {
                draft.cache_imports = vec![("type=gha,scope=none".to_owned(), None)];
            }
            Feature::BuildSecrets => {
                draft.secrets = pair("token", "a secret");
                lines.push(
                    "RUN --mount=type=secret,id=token grep -q secret /run/secrets/token".to_owned(),
                );
            }
            Feature::Ssh => draft.ssh_agents = vec!["default".to_owned()],
            Feature::Platforms => {
                draft.platforms = vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()];
                lines = vec!["FROM scratch".to_owned(), "COPY other/file /".to_owned()];
            }
            Feature::NamedContexts => {
                draft.named_contexts = pair("more", "other");
                lines.push("COPY --from=more file /from-more".to_owned());
            }
            Feature::ExtraHosts => {
                draft.extra_hosts = pair("somewhere", "10.1.2.3");
                lines.push("RUN grep -q 10.1.2.3 /etc/hosts".to_owned());
            }
            Feature::NetworkMode => {
                draft.network_mode = text("none");
                lines.push("RUN ! grep -q eth0 /proc/net/dev".to_owned());
            }
            Feature::SourceDateEpoch => draft.source_date_epoch = text("1000000000"),
            Feature::Annotations => draft.annotations = pair("org.example.a", "b"),
            Feature::Provenance => draft.provenance = text("min"),
            Feature::Sbom => draft.sbom = true,
            Feature::Compression => draft.compression = text("zstd"),
            Feature::BuildCache => draft.build_cache = Some(false),
            Feature::SnapshotMode => draft.snapshot_mode = text("redo"),
            Feature::RunAsUser => draft.run_as_user = text("1000"),
            Feature::ResourceLimits => draft.memory_limit = text("1Gi"),
        }
        std::fs::write(workspace.join("Dockerfile"), lines.join("\n") + "\n").unwrap();
        let call = Build {
            request: BuildRequest::validate(draft, &Placeholders::default()).unwrap(),
            workspace: Workspace::open(workspace).unwrap(),
            cache_folder: Some(self.folder.path().join("caches")),
            secrets: SecretStores::default(),
            rules: Default::default(),
        };
        let built = self
            .gate
            .pass(call, |call| self.engine.build(call, &self.reporter))
            .await;
        match built {
            Ok(image) => Answer::Built(image),
            Err(error) => Answer::Failed(error),
        }
    }
}

/// The cell that the answer is.
fn cell(feature: Feature, supported: bool, answer: &Answer) -> Result<&'static str, String> {
    match answer {
        Answer::Built(image) if image.ignored_settings.is_empty() && supported => Ok("yes"),
        Answer::Built(image) if !image.ignored_settings.is_empty() && !supported => Ok("left out"),
        Answer::Failed(error)
            if error.kind == ErrorKind::Unsupported && error.hint.is_some() && !supported =>
        {
            Ok("refused")
        }
        // This machine has no agent, and cannot get the scanner: BuildKit was asked for both.
        Answer::Failed(error)
            if feature == Feature::Ssh && error.message.contains("ssh agent, and none runs") =>
        {
            Ok("yes")
        }
        Answer::Failed(error)
            if feature == Feature::Sbom && error.message.contains("buildkit-syft-scanner") =>
        {
            Ok("yes")
        }
        answer => Err(format!("supported: {supported}, answer: {answer:?}")),
    }
}

/// The rows of the table: the feature, and its cells by the engines' columns.
fn table() -> Vec<(Feature, Vec<&'static str>)> {
    let rows = TABLE
        .lines()
        .skip_while(|line| !line.starts_with("| feature | "))
        .skip(2)
        .take_while(|line| line.starts_with("| `"));
    rows.map(|row| {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        let name = cells.next().unwrap().trim_matches('`');
        let feature = Feature::named(name).unwrap_or_else(|| panic!("no feature {name}"));
        (feature, cells.collect())
    })
    .collect()
}

async fn expect(name: &'static str, column: usize, engine: Arc<dyn BuildEngine>) {
    let trial = Trial::new(name, engine);
    let description = trial.ping().await;
    let mut wrong = Vec::new();
    for (feature, cells) in table() {
        let supported = trial.engine.supports(feature).await;
        let answer = trial.ask(feature).await;
        let expected = cells[column];
        match cell(feature, supported, &answer) {
            Ok(seen) if seen == expected => {}
            Ok(seen) => wrong.push(format!("{}: {seen}, not {expected}", feature.name())),
            Err(answer) => wrong.push(format!("{}: {answer}", feature.name())),
        }
    }
    assert!(wrong.is_empty(), "{description}:\n{}", wrong.join("\n"));
}

#[test]
fn the_table_has_every_feature() {
    let known: Vec<Feature> = table().into_iter().map(|(feature, _)| feature).collect();
    for feature in Feature::ALL {
        assert!(known.contains(&feature), "{}", feature.name());
    }
}

#[tokio::test]
async fn classic_builder() {
    let host = DockerHost::Address(service("STEPYARD_TEST_DOCKER_20"));
    let engine = DockerEngine::new(host, Endpoints::new()).with_classic_builder();
    expect("classic", 0, Arc::new(engine)).await;
}

#[tokio::test]
async fn docker_20() {
    expect("docker-20", 1, docker("STEPYARD_TEST_DOCKER_20")).await;
}

#[tokio::test]
async fn docker_26_with_the_classic_store() {
    expect("docker-26", 2, docker("STEPYARD_TEST_DOCKER_26_CLASSIC")).await;
}

#[tokio::test]
async fn docker_26_with_the_containerd_store() {
    let engine = docker("STEPYARD_TEST_DOCKER_26_CONTAINERD");
    expect("docker-26-containerd", 3, engine).await;
}

#[tokio::test]
async fn buildkit_over_a_unix_socket() {
    expect(
        "buildkit-unix",
        4,
        daemon("STEPYARD_TEST_BUILDKIT_UNIX", None),
    )
    .await;
}

#[tokio::test]
async fn buildkit_over_tcp() {
    expect(
        "buildkit-tcp",
        4,
        daemon("STEPYARD_TEST_BUILDKIT_TCP", None),
    )
    .await;
}

#[tokio::test]
async fn buildkit_over_mutual_tls() {
    let engine = daemon(
        "STEPYARD_TEST_BUILDKIT_TLS",
        Some("STEPYARD_TEST_BUILDKIT_CERTIFICATES"),
    );
    expect("buildkit-tls", 4, engine).await;
}
