//! A host with real connectors, secret stores and registry client against a local ECR, and an
//! engine that pushes a small image by itself.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::{
    BASE64_STANDARD, BASE64_URL_SAFE as URL_SAFE, BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use stepyard::auth::aws::AwsEndpoints;
use stepyard::auth::{ConnectorAuthenticator, Credential};
use stepyard::build::{Build, BuildEngine, BuildSecret, BuiltImage, Feature, InspectEngine, Push};
use stepyard::connector::Connectors;
use stepyard::document::SourceFile;
use stepyard::ecr::aws::AwsEcr;
use stepyard::event::{Event, EventSink, LogLevel, OutputSource, Reporter};
use stepyard::policy::Authorized;
use stepyard::registry::{Endpoint, Endpoints, OciRegistry};
use stepyard::secret::{CommandSecrets, Placeholders, SecretStores};
use stepyard::{CapabilityError, ComponentSource, Host, Outcome, RunError, RunRequest, Workspace};
use stepyard_grammar::{Digest, RegistryHost};
use stepyard_local_ecr::{LocalEcr, Server};
use tempfile::TempDir;

use crate::guest_memory::GuestMemories;
use crate::leaks::CONTROL;

pub(crate) const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG+planted/SECRET/key";
pub(crate) const SESSION_TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLE+planted/SESSION/token==";
pub(crate) const BUILD_SECRET: &str = "planted-npm-token-0123456789abcdef";
pub(crate) const BASE_PASSWORD: &str = "planted base/image+password~0123456789?";

const CONNECTORS: &str = "
connector:
  name: aws main
  identifier: aws_main
  type: Aws
  spec:
    credential:
      type: ManualConfig
      spec: {accessKey: AKIAIOSFODNN7EXAMPLE, secretKeyRef: aws_key, sessionTokenRef: aws_session}
    region: us-east-1
---
connector:
  name: base
  identifier: base
  type: DockerRegistry
  spec:
    dockerRegistryUrl: https://base.test
    auth: {type: UsernamePassword, spec: {username: reader, passwordRef: base_password}}
";

/// See the module.
pub(crate) struct World {
    pub(crate) host: Host,
    pub(crate) memories: GuestMemories,
    pub(crate) events: Events,
    pub(crate) engine: PushingEngine,
    server: Server,
    folder: TempDir,
}

impl World {
    /// A world whose ECR refuses an IAM action.
    pub(crate) async fn new(denied: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(&folder, denied).await;
        let endpoint = format!("http://{}", server.address());
        let mut endpoints = Endpoints::new();
        endpoints.map(
            RegistryHost::parse(&server.registry_host()).unwrap(),
            Endpoint::parse(&endpoint).unwrap(),
        );
        let secrets = folder.path().join("secrets");
        fs::create_dir(&secrets).unwrap();
        fs::write(secrets.join("aws_key"), SECRET_KEY).unwrap();
        fs::write(secrets.join("aws_session"), SESSION_TOKEN).unwrap();
        fs::write(secrets.join("npm"), BUILD_SECRET).unwrap();
        fs::write(secrets.join("base_password"), BASE_PASSWORD).unwrap();
        let path = secrets.join("{name}").display().to_string();
        let stores = SecretStores::new(vec![Arc::new(CommandSecrets::new("cat", vec![path]))]);
        fs::create_dir(folder.path().join("workspace")).unwrap();
        let connectors = SourceFile::new("connectors.yaml", CONNECTORS).unwrap();
        let authenticator = ConnectorAuthenticator::new(
            Connectors::parse(&[connectors]).unwrap(),
            stores.clone(),
            AwsEndpoints {
                ecr: Some(endpoint.clone()),
                sts: Some(endpoint.clone()),
                ..AwsEndpoints::default()
            },
        );
        let memories = GuestMemories::default();
        let recorder = memories.clone();
        let engine = PushingEngine::new(endpoint);
        let host = Host::builder()
            .configure_engine(move |config| recorder.configure(config))
            .ecr(AwsEcr::new(&authenticator))
            .authenticator(authenticator)
            .engine(engine.clone())
            .secret_stores(stores)
            .registry(OciRegistry::new(endpoints).unwrap())
            .build()
            .unwrap();
        Self {
            host,
            memories,
            events: Events::default(),
            engine,
            server,
            folder,
        }
    }

    /// Runs a step in the world's workspace.
    pub(crate) async fn run(
        &self,
        source: ComponentSource,
        settings: Value,
        placeholders: Placeholders,
    ) -> Result<Outcome, RunError> {
        let component = self.host.load(source).await.unwrap();
        let workspace = Workspace::open(self.folder.path().join("workspace")).unwrap();
        let request = RunRequest::new(settings)
            .placeholders(placeholders)
            .workspace(workspace)
            .events(self.events.clone());
        self.host.run(&component, request).await
    }

    /// How often the ECR was asked for an IAM action.
    pub(crate) fn calls(&self, action: &str) -> u64 {
        self.server.calls(action)
    }
}

/// A local ECR with the repository `team/app`.
async fn serve(folder: &TempDir, denied: Option<&str>) -> Server {
    let mut builder = LocalEcr::builder(folder.path().join("ecr"));
    if let Some(action) = denied {
        builder = builder.deny(action);
    }
    let server = builder.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    // No access key is configured, so that any signature passes.
    let created = reqwest::Client::new()
        .post(format!("http://{}/", server.address()))
        .header(
            "x-amz-target",
            "AmazonEC2ContainerRegistry_V20150921.CreateRepository",
        )
        .header("content-type", "application/x-amz-json-1.1")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/ecr/aws4_request, \
             SignedHeaders=host, Signature=00",
        )
        .body(json!({"repositoryName": "team/app"}).to_string())
        .send()
        .await
        .unwrap();
    assert!(created.status().is_success(), "{:?}", created.text().await);
    server
}

/// Events as JSON. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Events(Arc<Mutex<String>>);

impl Events {
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

impl EventSink for Events {
    fn emit(&self, event: Event) {
        let line = serde_json::to_string(&event).unwrap();
        self.0.lock().unwrap().push_str(&line);
    }
}

/// An engine whose image is one small layer, which notes the secrets that it is given, and prints
/// them in every form.
#[derive(Clone)]
pub(crate) struct PushingEngine {
    endpoint: String,
    noted: Arc<Mutex<Noted>>,
    fails: Arc<AtomicBool>,
}

#[derive(Default)]
struct Noted {
    passwords: Vec<String>,
    build_secrets: Vec<BuildSecret>,
}

impl PushingEngine {
    fn new(endpoint: String) -> Self {
        Self {
            endpoint,
            noted: Arc::default(),
            fails: Arc::default(),
        }
    }

    /// Lets builds fail from now on.
    pub(crate) fn fail(&self) {
        self.fails.store(true, Ordering::Relaxed);
    }

    /// Notes the password of a credential.
    async fn password(&self, credential: &Credential) -> Result<(String, String), CapabilityError> {
        let basic = credential.basic().await?.unwrap();
        let password = basic.password.expose_secret().to_owned();
        self.noted.lock().unwrap().passwords.push(password.clone());
        Ok((basic.username, password))
    }

    /// The registry passwords that it was given.
    pub(crate) fn passwords(&self) -> Vec<String> {
        self.noted.lock().unwrap().passwords.clone()
    }

    /// The build secrets that it was given.
    pub(crate) fn build_secrets(&self) -> Vec<BuildSecret> {
        self.noted.lock().unwrap().build_secrets.clone()
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<(), CapabilityError> {
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        if status.is_success() {
            Ok(())
        } else {
            Err(CapabilityError::unavailable(format!("{status}: {text}")))
        }
    }
}

/// What careless programs print of a secret.
pub(crate) fn encodings(user_name: &str, secret: &str) -> Vec<String> {
    let pair = format!("{user_name}:{secret}");
    vec![
        secret.to_owned(),
        pair.clone(),
        BASE64_STANDARD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        BASE64_STANDARD.encode(&pair),
        URL_SAFE.encode(json!({"auth": {"username": user_name, "password": secret}}).to_string()),
        form_urlencoded(secret),
        json!(secret).to_string(),
    ]
}

fn form_urlencoded(text: &str) -> String {
    let url = reqwest::Url::parse_with_params("http://h", [("x", text)]).unwrap();
    url.query().unwrap()[2..].to_owned()
}

fn digest(content: &[u8]) -> Digest {
    Digest::from_sha256(Sha256::digest(content).into())
}

#[async_trait]
impl BuildEngine for PushingEngine {
    fn name(&self) -> &'static str {
        "pushing"
    }

    async fn ping(&self, _: Authorized<InspectEngine>) -> Result<String, CapabilityError> {
        Ok(self.name().to_owned())
    }

    async fn supports(&self, feature: Feature) -> bool {
        matches!(feature, Feature::Hold | Feature::BuildSecrets)
    }

    async fn build(
        &self,
        call: Authorized<Build>,
        reporter: &Reporter,
    ) -> Result<BuiltImage, CapabilityError> {
        let Build {
            request, secrets, ..
        } = call.into_call();
        let mut printed = vec![CONTROL.to_owned()];
        for secret in &request.secrets {
            if let BuildSecret::Stored { name, .. } = secret {
                let value = secrets.get(name, "the build").await?;
                printed.extend(encodings("", value.expose_secret()));
            }
        }
        for credential in &request.base_image_credentials {
            let (user_name, password) = self.password(credential).await?;
            printed.extend(encodings(&user_name, &password));
        }
        self.noted.lock().unwrap().build_secrets = request.secrets;
        for line in &printed {
            reporter.output(OutputSource::Build, line);
        }
        reporter.log(LogLevel::Info, printed.join("\n"));
        if self.fails.load(Ordering::Relaxed) {
            let error = CapabilityError::unavailable(printed.join("\n"));
            return Err(error.with_hint(printed.join(" ")));
        }
        Ok(BuiltImage {
            id: digest(b"{}"),
            pushed: None,
            unchanged: false,
            ignored_settings: Vec::new(),
        })
    }

    async fn push(
        &self,
        call: Authorized<Push>,
        reporter: &Reporter,
    ) -> Result<Digest, CapabilityError> {
        let Push {
            destination,
            credential,
            ..
        } = call.into_call();
        let (user_name, password) = self.password(&credential).await?;
        for line in encodings(&user_name, &password) {
            reporter.output(OutputSource::Build, &line);
        }
        let authorization = format!(
            "Basic {}",
            BASE64_STANDARD.encode(format!("{user_name}:{password}"))
        );
        let client = reqwest::Client::new();
        let repository = format!("{}/v2/{}", self.endpoint, destination.repository());
        let (config, layer) = (b"{}".as_slice(), b"layer".as_slice());
        for content in [config, layer] {
            let url = format!("{repository}/blobs/uploads/?digest={}", digest(content));
            let upload = client.post(url).header("authorization", &authorization);
            self.send(upload.body(content)).await?;
        }
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let descriptor = |media_type: &str, content: &[u8]| {
            json!({
                "mediaType": media_type,
                "digest": digest(content).to_string(),
                "size": content.len(),
            })
        };
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": descriptor("application/vnd.oci.image.config.v1+json", config),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
        })
        .to_string();
        let url = format!("{repository}/manifests/{}", destination.tag().unwrap());
        let put = client
            .put(url)
            .header("authorization", &authorization)
            .header("content-type", media_type);
        let pushed = digest(manifest.as_bytes());
        self.send(put.body(manifest)).await?;
        Ok(pushed)
    }
}
