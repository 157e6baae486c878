//! Where attacks run: real connectors, registry client and build engine, and an ECR in this process.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Map, Value, json};
use stepyard::auth::ConnectorAuthenticator;
use stepyard::auth::aws::AwsEndpoints;
use stepyard::build::docker::{DockerEngine, DockerHost};
use stepyard::component::{CodeCache, GuestFailure};
use stepyard::configuration::Configuration;
use stepyard::connector::Connectors;
use stepyard::document::SourceFile;
use stepyard::ecr::aws::AwsEcr;
use stepyard::policy::CedarPolicy;
use stepyard::registry::{Endpoint, Endpoints, OciRegistry};
use stepyard::secret::{MemorySecrets, Placeholders, SecretName, SecretStores};
use stepyard::{ComponentSource, Host, Limits, Outcome, RunError, RunRequest, Workspace};
use stepyard_grammar::RegistryHost;
use stepyard_local_ecr::{LocalEcr, Server};
use stepyard_tests::guests;
use stepyard_tests::transcript::Transcript;
use tempfile::TempDir;

const SECRET_KEY: &str = "wJalrXUtnFEMI/attacked/SECRET/key";
const BUILD_SECRET: &str = "attacked-npm-token-0123456789";

/// What stands in a setting for the placeholder of the secret that the run is given.
const PLACEHOLDER: &str = "{PLACEHOLDER}";

/// The same, for one that another run was given.
const PLACEHOLDER_OF_ANOTHER_RUN: &str = "{PLACEHOLDER OF ANOTHER RUN}";

const CONNECTORS: &str = "
connector:
  name: aws
  identifier: aws
  type: Aws
  spec:
    credential:
      type: ManualConfig
      spec: {accessKey: AKIAIOSFODNN7EXAMPLE, secretKeyRef: aws_key}
    region: us-east-1
---
connector:
  name: production
  identifier: production
  type: Aws
  spec:
    credential:
      type: ManualConfig
      spec: {accessKey: AKIAIOSFODNN7EXAMPLE, secretKeyRef: aws_key}
    region: us-east-1
";

/// See the module.
pub(crate) struct World {
    server: Server,
    secrets: SecretStores,
    folder: TempDir,
    /// What is in the workspace.
    names: BTreeSet<OsString>,
    _socket: UnixListener,
}

/// One run of a component.
pub(crate) struct Attempt {
    pub(crate) source: ComponentSource,
    pub(crate) settings: Map<String, Value>,
    pub(crate) policy: String,
    pub(crate) configuration: String,
    /// The settings of a run that ends before.
    pub(crate) before: Option<Map<String, Value>>,
    /// The settings of a run that goes on meanwhile.
    pub(crate) beside: Option<Map<String, Value>>,
}

/// How it ended.
pub(crate) struct Run {
    /// Of its failure; none where it succeeded.
    pub(crate) kind: Option<String>,
    /// All that its user reads.
    pub(crate) text: String,
}

/// How a run fails, in a word: the kind of the error that the step reports, such as `denied`, or what
/// stopped it.
fn kind(error: &RunError) -> String {
    let stopped = match error {
        RunError::Step(failure) => return failure.0.kind.to_string(),
        RunError::Guest(GuestFailure::Memory { .. }) => "memory-limit",
        RunError::Guest(GuestFailure::CpuTime { .. }) => "cpu-time-limit",
        RunError::Guest(GuestFailure::Count { .. }) => "count-limit",
        RunError::Guest(GuestFailure::Trapped { .. }) => "trapped",
        RunError::TimedOut { .. } => "time-limit",
        RunError::SettingsTooLarge { .. } => "settings-too-large",
        RunError::FaultyOutcome { .. } => "faulty-outcome",
        other => panic!("no attack ends like this: {other:?}"),
    };
    stopped.to_owned()
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ecr = LocalEcr::builder(folder.path().join("ecr"));
        let server = ecr.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let secrets: MemorySecrets = [("aws_key", SECRET_KEY), ("npm_token", BUILD_SECRET)]
            .into_iter()
            .map(|(name, value)| (SecretName::parse(name).unwrap(), value.into()))
            .collect();
        let secrets = SecretStores::new(vec![Arc::new(secrets)]);
        let socket = fill(&folder);
        let names = names(&folder.path().join("workspace"));
        let world = Self {
            server,
            names,
            secrets,
            folder,
            _socket: socket,
        };
        for (repository, tag) in [
            ("team/app", "one"),
            ("team/deleted", "one"),
            ("other/app", "one"),
        ] {
            world.put_image(repository, tag).await;
        }
        world
    }

    /// Makes a repository with an image in it.
    async fn put_image(&self, repository: &str, tag: &str) {
        let reference = format!("{}/{repository}:{tag}", self.server.registry_host());
        for settings in [
            json!({"attack": "create-repository", "repository": repository}),
            json!({"attack": "put-manifest", "reference": reference}),
        ] {
            let attempt = Attempt {
                source: ComponentSource::file(guests::component("attack")),
                settings: settings.as_object().unwrap().clone(),
                policy: "permit (principal, action, resource);".to_owned(),
                configuration: String::new(),
                before: None,
                beside: None,
            };
            let run = self.run(&attempt).await;
            assert!(run.kind.is_none(), "{}", run.text);
        }
    }

    fn host(&self, attempt: &Attempt) -> Host {
        let server = format!("http://{}", self.server.address());
        let mut endpoints = Endpoints::new();
        endpoints.map(
            RegistryHost::parse(&self.server.registry_host()).unwrap(),
            Endpoint::parse(&server).unwrap(),
        );
        let connectors = SourceFile::new("connectors.yaml", CONNECTORS).unwrap();
        let authenticator = ConnectorAuthenticator::new(
            Connectors::parse(&[connectors]).unwrap(),
            self.secrets.clone(),
            AwsEndpoints {
                ecr: Some(server.clone()),
                sts: Some(server),
                ..AwsEndpoints::default()
            },
        );
        let file = SourceFile::new("stepyard.toml", attempt.configuration.as_str()).unwrap();
        let configuration = Configuration::parse(&file).unwrap();
        let policy = CedarPolicy::builder()
            .with_built_in_rules()
            .text("policy.cedar", attempt.policy.as_str())
            .build()
            .unwrap_or_else(|error| panic!("{error}\n{}", attempt.policy));
        let engine = std::env::var("STEPYARD_TEST_DOCKER_20")
            .expect("STEPYARD_TEST_DOCKER_20 is not set; run: cargo xtask test");
        let mut builder = Host::builder()
            .code_cache(CodeCache::open(self.folder.path().join("compiled")).unwrap())
            .limits(configuration.limits.over(&Limits::default()))
            .policy(policy)
            .allow(configuration.build.allow)
            .build_rules(configuration.build.rules)
            .build_cache_folder(self.folder.path().join("caches"))
            .ecr(AwsEcr::new(&authenticator))
            .authenticator(authenticator)
            .secret_stores(self.secrets.clone())
            .engine(DockerEngine::new(
                DockerHost::Address(engine),
                endpoints.clone(),
            ))
            .registry(OciRegistry::new(endpoints).unwrap());
        if !configuration.components.allow_unpinned {
            builder = builder.refuse_unpinned();
        }
        builder.build().unwrap()
    }

    /// Runs the component beside another one. That one, and one after it, must not notice.
    pub(crate) async fn run(&self, attempt: &Attempt) -> Run {
        let host = self.host(attempt);
        if let Some(settings) = &attempt.before {
            let unseen = Transcript::default();
            let before = self.run_on(&host, attempt, settings, &unseen).await;
            before.unwrap().unwrap();
        }
        let transcript = Transcript::default();
        let neighbour = tokio::spawn(neighbour(host.clone()));
        let attack = self.run_on(&host, attempt, &attempt.settings, &transcript);
        let result = match &attempt.beside {
            None => attack.await,
            Some(settings) => {
                let held = Transcript::default();
                let beside = self.run_on(&host, attempt, settings, &held);
                let attack = async {
                    while !held.events().contains("Info: holding") {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    attack.await
                };
                tokio::select! {
                    ended = beside => panic!("the run beside the attack ends: {ended:?}"),
                    result = attack => result,
                }
            }
        };
        let (kind, text) = match result {
            Ok(result) => {
                let text = transcript.with_result(&result);
                (result.as_ref().err().map(kind), text)
            }
            Err(text) => (Some("not-loaded".to_owned()), text),
        };
        neighbour.await.unwrap();
        assert_greets(&host).await;
        for secret in [SECRET_KEY, BUILD_SECRET] {
            assert!(!text.contains(secret), "{secret} is in\n{text}");
        }
        Run { kind, text }
    }

    /// The error is what its user reads where the component does not even start.
    async fn run_on(
        &self,
        host: &Host,
        attempt: &Attempt,
        settings: &Map<String, Value>,
        transcript: &Transcript,
    ) -> Result<Result<Outcome, RunError>, String> {
        let loaded = host.load(attempt.source.clone()).await;
        let component = loaded.map_err(|error| error.to_string())?;
        let secret = || SecretName::parse("npm_token").unwrap();
        let mut placeholders = Placeholders::default();
        let placeholder = placeholders.add(secret());
        let of_another_run = Placeholders::default().add(secret());
        let mut whole = json!({"connector": "aws", "registry": self.server.registry_host()});
        whole.as_object_mut().unwrap().extend(settings.clone());
        let settings = whole
            .to_string()
            .replace(PLACEHOLDER, &placeholder)
            .replace(PLACEHOLDER_OF_ANOTHER_RUN, &of_another_run)
            .replace("{PORT}", &self.server.address().port().to_string());
        let settings: Value = serde_json::from_str(&settings).unwrap();
        let request = RunRequest::new(settings)
            .placeholders(placeholders)
            .workspace(Workspace::open(self.folder.path().join("workspace")).unwrap())
            .events(transcript.clone());
        Ok(host.run(&component, request).await)
    }

    /// Fails where a file of the workspace, or the one beside it, is not as it was.
    pub(crate) fn assert_untouched(&self) {
        let workspace = self.folder.path().join("workspace");
        for (path, text) in [
            (self.folder.path().join("outside"), "not for steps"),
            (workspace.join("file"), "content"),
            (workspace.join("folder/file"), "content"),
        ] {
            assert_eq!(fs::read_to_string(path).unwrap(), text);
        }
        assert_eq!(names(&workspace), self.names, "the workspace has changed");
    }
}

/// The names in a folder.
fn names(folder: &Path) -> BTreeSet<OsString> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name()).collect()
}

/// A step that waits for a moment and then greets.
async fn neighbour(host: Host) {
    assert_greets(&host).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_greets(&host).await;
}

async fn assert_greets(host: &Host) {
    // A host that runs no stranger's component cannot greet by one.
    let Ok(hello) = host
        .load(ComponentSource::file(guests::component("hello")))
        .await
    else {
        return;
    };
    let outcome = host
        .run(&hello, RunRequest::new(json!({"name": "world"})))
        .await;
    let outputs = outcome.unwrap().outputs;
    assert_eq!(outputs, [("greeted".to_owned(), "world".to_owned())]);
}

/// A workspace with all that may lead out of it, and something beside it.
fn fill(folder: &TempDir) -> UnixListener {
    let workspace = folder.path().join("workspace");
    fs::create_dir_all(workspace.join("folder")).unwrap();
    fs::create_dir(folder.path().join("caches")).unwrap();
    fs::write(folder.path().join("outside"), "not for steps").unwrap();
    let write = |name: &str, text: &str| fs::write(workspace.join(name), text).unwrap();
    write("file", "content");
    write("folder/file", "content");
    write(
        "Dockerfile",
        "FROM stepyard-test/busybox:1 AS stage\nLABEL attacks=1\n",
    );
    write(
        "folder/Dockerfile",
        "FROM scratch\nCOPY file /file\nLABEL attacks=1\n",
    );
    let in_pieces = "head -c 9 /run/secrets/npm && sleep 0.1 && tail -c +10 /run/secrets/npm && \
                     echo && echo printed";
    // Whatever a build has for a secret is masked, so what it is must be said in other words.
    let of_a_kind = "case \"$(cat /run/secrets/npm)\" in \"[secret \"*) echo a placeholder;; \
                     *) echo a secret;; esac";
    for (name, command) in [
        ("Dockerfile.secret", in_pieces),
        ("Dockerfile.pieces", in_pieces),
        ("Dockerfile.forged", of_a_kind),
        ("Dockerfile.another", of_a_kind),
    ] {
        // What has been built already is cached, and prints nothing.
        let anew = format!("{name}-{}", std::process::id());
        write(
            name,
            &format!(
                "FROM stepyard-test/busybox:1\nLABEL attacks=1\n\
                 RUN --mount=type=secret,id=npm : {anew} && {command}\n"
            ),
        );
    }
    write(
        "Dockerfile.sleep",
        "FROM stepyard-test/busybox:1\nLABEL attacks=1\nRUN sleep 300\n",
    );
    let link = |target: &str, name: &str| symlink(target, workspace.join(name)).unwrap();
    link("file", "inside-link");
    link("/etc/passwd", "outside-link");
    link("../outside", "climbing-link");
    link("/etc", "linked-folder");
    link("folder", "inside-folder");
    link("/etc/hostname", "linked-Dockerfile");
    for folder in ["ignored-by-link", "ignored-by-fifo"] {
        fs::create_dir(workspace.join(folder)).unwrap();
        write(&format!("{folder}/Dockerfile"), "FROM scratch\n");
    }
    link("/etc/passwd", "ignored-by-link/.dockerignore");
    let node = |name: &str, kind: FileType, device: u64| {
        mknodat(CWD, workspace.join(name), kind, Mode::from(0o644), device).unwrap();
    };
    node("fifo", FileType::Fifo, 0);
    node("ignored-by-fifo/.dockerignore", FileType::Fifo, 0);
    node(
        "device",
        FileType::CharacterDevice,
        rustix::fs::makedev(1, 5),
    );
    UnixListener::bind(workspace.join("socket")).unwrap()
}
