//! A dry run: the step build-push-ecr in a host of your own, whose engine, login and registry
//! print what they are asked and do nothing.
//!
//! `cargo run -p stepyard --example embed`

#![allow(clippy::print_stdout, reason = "printing is what this program is for")]

use std::sync::Mutex;

use async_trait::async_trait;
use serde_json::json;
use stepyard::auth::{Authenticator, Credential, Login};
use stepyard::build::{Build, BuildEngine, BuiltImage, Feature, InspectEngine, Push};
use stepyard::event::{EventKind, Reporter, channel};
use stepyard::policy::Authorized;
use stepyard::registry::{
    Copy, Descriptor, GetManifest, ListTags, Manifest, PutManifest, Registry, Resolve, TagImage,
};
use stepyard::{CapabilityError, ComponentSource, Host, RunRequest, Workspace};
use stepyard_grammar::{Digest, RegistryHost};

/// What the engine pretends to build.
fn digest() -> Digest {
    Digest::from_sha256([0xab; 32])
}

struct PrintingEngine;

#[async_trait]
impl BuildEngine for PrintingEngine {
    fn name(&self) -> &str {
        "printing"
    }

    async fn ping(&self, _: Authorized<InspectEngine>) -> Result<String, CapabilityError> {
        Ok(self.name().to_owned())
    }

    /// It builds an image and pushes it afterwards. A step leaves out what an engine lacks, and
    /// says so.
    async fn supports(&self, feature: Feature) -> bool {
        feature == Feature::Hold
    }

    /// `Authorized` shows that the policy has permitted the call; the request is validated.
    async fn build(
        &self,
        call: Authorized<Build>,
        _: &Reporter,
    ) -> Result<BuiltImage, CapabilityError> {
        let Build {
            request, workspace, ..
        } = call.into_call();
        println!(
            "build: {} of {}",
            request.context,
            workspace.path().display()
        );
        for (name, value) in &request.build_arguments {
            println!("build: with {name}={value}");
        }
        Ok(BuiltImage {
            id: digest(),
            pushed: None,
            unchanged: false,
            ignored_settings: Vec::new(),
        })
    }

    /// `call.credential.basic()` is the user name and password; the step never sees them.
    async fn push(&self, call: Authorized<Push>, _: &Reporter) -> Result<Digest, CapabilityError> {
        println!("push: {}", call.call().destination);
        Ok(digest())
    }
}

struct PrintingAuthenticator;

#[async_trait]
impl Authenticator for PrintingAuthenticator {
    async fn login(&self, call: Authorized<Login>) -> Result<Credential, CapabilityError> {
        let Login {
            connector,
            registry,
        } = call.into_call();
        let registry: RegistryHost =
            registry.ok_or_else(|| CapabilityError::invalid("name a registry"))?;
        println!("login: {connector} at {registry}");
        Ok(Credential::anonymous(registry))
    }
}

/// It has no image at first, and after the first question the one that was "pushed".
#[derive(Default)]
struct PrintingRegistry {
    asked: Mutex<bool>,
}

fn descriptor() -> Descriptor {
    Descriptor {
        digest: digest(),
        media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
        size: 0,
    }
}

fn absent<T>() -> Result<T, CapabilityError> {
    Err(CapabilityError::unsupported("a dry run does not do that"))
}

#[async_trait]
impl Registry for PrintingRegistry {
    async fn resolve(
        &self,
        call: Authorized<Resolve>,
    ) -> Result<Option<Descriptor>, CapabilityError> {
        println!("resolve: {}", call.call().reference);
        let mut asked = self.asked.lock().unwrap_or_else(|error| error.into_inner());
        Ok(std::mem::replace(&mut *asked, true).then(descriptor))
    }

    async fn tag(
        &self,
        call: Authorized<TagImage>,
        _: &Reporter,
    ) -> Result<Descriptor, CapabilityError> {
        println!("tag: {}", call.call().tag);
        Ok(descriptor())
    }

    async fn get_manifest(&self, _: Authorized<GetManifest>) -> Result<Manifest, CapabilityError> {
        absent()
    }

    async fn put_manifest(
        &self,
        _: Authorized<PutManifest>,
    ) -> Result<Descriptor, CapabilityError> {
        absent()
    }

    async fn copy(&self, _: Authorized<Copy>, _: &Reporter) -> Result<Descriptor, CapabilityError> {
        absent()
    }

    async fn list_tags(&self, _: Authorized<ListTags>) -> Result<Vec<String>, CapabilityError> {
        absent()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Once: the host, with what it can do. Without a policy of yours a built-in step may touch
    // what its settings name, and any other component may only log.
    let host = Host::builder()
        .engine(PrintingEngine)
        .authenticator(PrintingAuthenticator)
        .registry(PrintingRegistry::default())
        .build()?;
    let step = host
        .load(ComponentSource::built_in("build-push-ecr"))
        .await?;

    // For each run: settings, the files that the step may read, and who receives the events.
    let (sink, mut events) = channel();
    let request = RunRequest::new(json!({
        "connectorRef": "aws_main",
        "region": "us-east-1",
        "account": "123456789012",
        "imageName": "team/app",
        "tags": ["1.2.3", "latest"],
        "buildArgs": {"VERSION": "1.2.3"},
    }))
    .workspace(Workspace::open(".")?)
    .events(sink);
    let outcome = host.run(&step, request).await?;

    while let Ok(event) = events.try_recv() {
        if let EventKind::Log { message, .. } = event.kind {
            println!("log: {message}");
        }
    }
    for image in outcome.images {
        println!("image: {}:{}@{}", image.repository, image.tag, image.digest);
    }
    Ok(())
}
