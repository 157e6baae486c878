//! A run of a step in which nothing is done: what it asks the engine to build is noted, and with
//! that the run is over.
//!
//! The step runs under the policy of its real runs, so a denial there shows here. Whatever else
//! goes wrong is an artefact: registries and repositories answer as if all were well and empty.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use stepyard_grammar::{Digest, RegistryHost, RepositoryEncryption, TagMutability};

use crate::auth::{Authenticator, Credential, Login};
use crate::build::{Build, BuildEngine, BuiltImage, Feature, InspectEngine, Push};
use crate::capability::{CapabilityError, ErrorKind};
use crate::component::Component;
use crate::component::state::Capabilities;
use crate::connector::{ConnectorKind, ConnectorReference, Connectors};
use crate::ecr::{
    CreateRepository, DescribeRepository, Ecr, NamedRepository, PutLifecyclePolicy, Repository,
    SetRepositoryPolicy,
};
use crate::event::Reporter;
use crate::host::Host;
use crate::policy::Authorized;
use crate::registry::{
    Copy, Descriptor, GetManifest, ListTags, Manifest, PutManifest, Registry, Resolve, TagImage,
};
use crate::run::{RunError, RunRequest, StepFailure};

/// What a step would ask for.
pub(super) struct Rehearsed {
    /// What it would build.
    pub(super) build: Option<Build>,
    /// What its calls would be refused for.
    pub(super) refusal: Option<CapabilityError>,
}

/// Rehearses a run.
pub(super) async fn rehearse(
    host: &Host,
    connectors: &Arc<Connectors>,
    component: &Component,
    request: RunRequest,
) -> Rehearsed {
    let engine = Arc::new(NotingEngine {
        name: match &host.capabilities().engine {
            Some(engine) => engine.name().to_owned(),
            None => "none".to_owned(),
        },
        noted: Mutex::default(),
    });
    let capabilities = Capabilities {
        authenticator: Some(Arc::new(NoLogins {
            connectors: connectors.clone(),
        })),
        engine: Some(engine.clone()),
        registry: Some(Arc::new(EmptyRegistry)),
        ecr: Some(Arc::new(EmptyRegistry)),
        push_records: None,
        ..host.capabilities().clone()
    };
    let result = host.try_out(component, request, capabilities).await;
    let mut noted = engine.noted.lock().unwrap_or_else(PoisonError::into_inner);
    let refusal = match result {
        Err(RunError::Step(StepFailure(error)))
            if matches!(error.kind, ErrorKind::Denied | ErrorKind::InvalidSettings) =>
        {
            Some(error)
        }
        _ => None,
    };
    Rehearsed {
        build: noted.take(),
        refusal,
    }
}

/// What ends a rehearsal.
fn end() -> CapabilityError {
    CapabilityError::new(ErrorKind::Cancelled, "this was a rehearsal")
}

/// Notes the build that it is asked for.
struct NotingEngine {
    name: String,
    noted: Mutex<Option<Build>>,
}

#[async_trait]
impl BuildEngine for NotingEngine {
    fn name(&self) -> &str {
        &self.name
    }

    async fn ping(&self, _call: Authorized<InspectEngine>) -> Result<String, CapabilityError> {
        Ok(self.name.clone())
    }

    /// Everything, so that the step asks for all that its settings say, save what a step uses of
    /// its own accord where it is there.
    async fn supports(&self, feature: Feature) -> bool {
        !matches!(feature, Feature::PushWhileBuilding | Feature::SnapshotMode)
    }

    /// What the engine itself can do about it is looked at elsewhere.
    async fn enforces_source_rules(&self) -> bool {
        true
    }

    async fn build(
        &self,
        call: Authorized<Build>,
        _reporter: &Reporter,
    ) -> Result<BuiltImage, CapabilityError> {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        *noted = Some(call.into_call());
        Err(end())
    }

    async fn push(
        &self,
        _call: Authorized<Push>,
        _reporter: &Reporter,
    ) -> Result<Digest, CapabilityError> {
        Err(end())
    }
}

/// Gives credentials without an identity.
struct NoLogins {
    connectors: Arc<Connectors>,
}

#[async_trait]
impl Authenticator for NoLogins {
    async fn login(&self, call: Authorized<Login>) -> Result<Credential, CapabilityError> {
        let Login {
            connector,
            registry,
        } = call.into_call();
        let reference = ConnectorReference::parse(&connector).ok();
        let own = reference
            .and_then(|reference| self.connectors.get(&reference))
            .and_then(|connector| match &connector.kind {
                ConnectorKind::DockerRegistry(docker) => Some(docker.registry.clone()),
                ConnectorKind::Aws(_) => None,
            });
        let registry = match registry.or(own) {
            Some(registry) => registry,
            // Which registry that would be, only the provider knows.
            None => RegistryHost::parse("own.registry.invalid")
                .map_err(|error| CapabilityError::invalid(error.to_string()))?,
        };
        Ok(Credential::anonymous(registry))
    }
}

/// Has every repository and no image.
struct EmptyRegistry;

#[async_trait]
impl Registry for EmptyRegistry {
    async fn resolve(
        &self,
        _call: Authorized<Resolve>,
    ) -> Result<Option<Descriptor>, CapabilityError> {
        Ok(None)
    }

    async fn get_manifest(
        &self,
        _call: Authorized<GetManifest>,
    ) -> Result<Manifest, CapabilityError> {
        Err(end())
    }

    async fn put_manifest(
        &self,
        _call: Authorized<PutManifest>,
    ) -> Result<Descriptor, CapabilityError> {
        Err(end())
    }

    async fn tag(
        &self,
        _call: Authorized<TagImage>,
        _reporter: &Reporter,
    ) -> Result<Descriptor, CapabilityError> {
        Err(end())
    }

    async fn copy(
        &self,
        _call: Authorized<Copy>,
        _reporter: &Reporter,
    ) -> Result<Descriptor, CapabilityError> {
        Err(end())
    }

    async fn list_tags(&self, _call: Authorized<ListTags>) -> Result<Vec<String>, CapabilityError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Ecr for EmptyRegistry {
    async fn describe_repository(
        &self,
        call: Authorized<DescribeRepository>,
    ) -> Result<Option<Repository>, CapabilityError> {
        Ok(Some(empty(&call.call().repository)))
    }

    async fn create_repository(
        &self,
        call: Authorized<CreateRepository>,
    ) -> Result<Repository, CapabilityError> {
        Ok(empty(&call.call().repository))
    }

    async fn put_lifecycle_policy(
        &self,
        _call: Authorized<PutLifecyclePolicy>,
    ) -> Result<(), CapabilityError> {
        Ok(())
    }

    async fn set_repository_policy(
        &self,
        _call: Authorized<SetRepositoryPolicy>,
    ) -> Result<(), CapabilityError> {
        Ok(())
    }
}

fn empty(repository: &NamedRepository) -> Repository {
    Repository {
        name: repository.name.to_string(),
        arn: repository.arn(),
        uri: repository.to_string(),
        tag_mutability: TagMutability::default(),
        scan_on_push: false,
        encryption: RepositoryEncryption::default(),
        is_new: false,
    }
}
