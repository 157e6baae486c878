//! The engine against a real Docker Engine and real registries, which `cargo xtask test` starts.

mod building;
mod cancelling;
mod pushing;
mod scripted;

use std::sync::Arc;

use secrecy::SecretString;
use stepyard_grammar::{Digest, ImageReference, RegistryHost};
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;

use super::{DockerEngine, DockerHost};
use crate::auth::{BasicCredential, Credential, FixedCredential};
use crate::build::{Build, BuildEngine, BuildRequest, BuiltImage, Push, RequestDraft};
use crate::capability::CapabilityError;
use crate::event::{Event, EventKind, Reporter, channel};
use crate::policy::Gate;
use crate::registry::Endpoints;
use crate::secret::{Placeholders, SecretStores};
use crate::testing::{PermitAll, principal, service};
use crate::workspace::Workspace;

fn base_image() -> String {
    service("STEPYARD_TEST_BASE_IMAGE")
}

fn image(text: &str) -> ImageReference {
    ImageReference::parse(text).unwrap()
}

fn credential(registry: &str, username: &str, password: &str) -> Credential {
    let basic = BasicCredential {
        username: username.to_owned(),
        password: SecretString::from(password),
    };
    let registry = RegistryHost::parse(registry).unwrap();
    Credential::new(registry, Arc::new(FixedCredential(basic)))
}

/// A name that no other test and no other run uses.
fn unique(name: &str) -> String {
    let now = time::OffsetDateTime::now_utc().unix_timestamp_nanos();
    format!("{name}-{}-{now}", std::process::id())
}

/// An engine, a workspace, and the events of what is done with them.
struct Fixture {
    engine: DockerEngine,
    gate: Gate,
    reporter: Reporter,
    events: UnboundedReceiver<Event>,
    folder: TempDir,
}

impl Fixture {
    /// With a Dockerfile in the workspace.
    fn new(dockerfile: &str) -> Self {
        service("DOCKER_HOST");
        Self::with_engine(
            DockerEngine::new(DockerHost::Automatic, Endpoints::new()).with_classic_builder(),
            dockerfile,
        )
    }

    fn with_engine(engine: DockerEngine, dockerfile: &str) -> Self {
        let (sink, events) = channel();
        let reporter = Reporter::new(Arc::new(sink), "test");
        let fixture = Self {
            engine,
            gate: Gate::new(Arc::new(PermitAll), principal(), reporter.clone()),
            reporter,
            events,
            folder: tempfile::tempdir().unwrap(),
        };
        fixture.write("Dockerfile", dockerfile);
        fixture
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    async fn build(
        &self,
        note: impl FnOnce(&mut RequestDraft),
    ) -> Result<BuiltImage, CapabilityError> {
        let mut draft = RequestDraft::default();
        note(&mut draft);
        let call = Build {
            request: BuildRequest::validate(draft, &Placeholders::default())?,
            workspace: Workspace::open(self.folder.path()).unwrap(),
            cache_folder: None,
            secrets: SecretStores::default(),
            rules: Default::default(),
        };
        self.gate
            .pass(call, |call| self.engine.build(call, &self.reporter))
            .await
    }

    async fn push(
        &self,
        image: &BuiltImage,
        destination: &ImageReference,
        credential: Credential,
    ) -> Result<Digest, CapabilityError> {
        let call = Push {
            image: image.clone(),
            destination: destination.clone(),
            credential,
        };
        self.gate
            .pass(call, |call| self.engine.push(call, &self.reporter))
            .await
    }

    /// What the engine says of an image by name, if it has it.
    async fn inspect(&self, name: &str) -> Option<serde_json::Value> {
        let client = &self.engine.found().await.unwrap().client;
        client.get(&format!("/images/{name}/json")).await.ok()
    }

    /// The events so far.
    fn events(&mut self) -> Vec<EventKind> {
        let mut events = Vec::new();
        while let Ok(event) = self.events.try_recv() {
            events.push(event.kind);
        }
        events
    }

    /// The lines of output and of the log so far.
    fn lines(&mut self) -> Vec<String> {
        self.events()
            .into_iter()
            .filter_map(|event| match event {
                EventKind::Output { line, .. } => Some(line),
                EventKind::Log { message, .. } => Some(message),
                _ => None,
            })
            .collect()
    }
}
