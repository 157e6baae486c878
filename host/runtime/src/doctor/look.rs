//! The questions that are asked: each passes the gate as the operator's own, and none waits for
//! longer than it may.

use std::sync::Arc;
use std::time::Duration;

use stepyard_grammar::{
    AwsRegion, EcrRegistry, EcrRepositoryName, ImageReference, RegistryHost, RepositoryName,
};

use crate::auth::aws::Identity;
use crate::auth::{Credential, Identify, Login, LoginAnonymously};
use crate::build::InspectEngine;
use crate::capability::{CapabilityError, ErrorKind};
use crate::component::Origin;
use crate::component::state::{Capabilities, absent};
use crate::ecr::{DescribeRepository, NamedRepository, Repository};
use crate::event::{NoEvents, Reporter};
use crate::policy::{Authorized, Call, Gate, Looking, Principal};
use crate::registry::{CheckLogin, Descriptor, ProbePush, PushProbe, Resolve};
use crate::secret::SecretName;

/// Asks, within a time.
pub(super) struct Look<'a> {
    pub(super) capabilities: &'a Capabilities,
    gate: Gate,
    timeout: Duration,
}

impl<'a> Look<'a> {
    pub(super) fn new(capabilities: &'a Capabilities, timeout: Duration) -> Self {
        let mask = capabilities.secrets.mask().clone();
        let principal = Principal {
            name: "operator".to_owned(),
            version: String::new(),
            digest: String::new(),
            origin: Origin::BuiltIn,
        };
        let reporter = Reporter::new(Arc::new(NoEvents), "doctor").masking(mask);
        Self {
            capabilities,
            gate: Gate::new(Arc::new(Looking), principal, reporter),
            timeout,
        }
    }

    /// Waits for an answer, but not for longer than a check may take.
    pub(super) async fn in_time<T>(
        &self,
        what: &str,
        answer: impl Future<Output = Result<T, CapabilityError>>,
    ) -> Result<T, CapabilityError> {
        let answered = tokio::time::timeout(self.timeout, answer).await;
        answered.unwrap_or_else(|_| {
            Err(CapabilityError::new(
                ErrorKind::TimedOut,
                format!("{what}: no answer within {:?}", self.timeout),
            )
            .with_hint("check the network of this machine, its proxy and its firewall"))
        })
    }

    async fn ask<C: Call, T, F>(
        &self,
        what: &str,
        call: C,
        act: impl FnOnce(Authorized<C>) -> F,
    ) -> Result<T, CapabilityError>
    where
        F: Future<Output = Result<T, CapabilityError>>,
    {
        self.in_time(what, self.gate.pass(call, act)).await
    }

    /// What the build engine is.
    pub(super) async fn engine(&self) -> Result<String, CapabilityError> {
        let engine = self.capabilities.engine.as_ref();
        let engine = engine.ok_or_else(|| absent("build engine"))?;
        self.ask("the build engine", InspectEngine, |call| engine.ping(call))
            .await
    }

    /// Whether a store has the secret. Its value is dropped at once.
    pub(super) async fn secret(
        &self,
        name: &SecretName,
        user: &str,
    ) -> Result<(), CapabilityError> {
        let found = self.capabilities.secrets.get(name, user);
        let what = format!("{user} needs the secret {name}");
        self.in_time(&what, found).await.map(drop)
    }

    pub(super) async fn identity(
        &self,
        connector: &str,
        region: &AwsRegion,
    ) -> Result<Option<Identity>, CapabilityError> {
        let authenticator = self.capabilities.authenticator.as_ref();
        let authenticator = authenticator.ok_or_else(|| absent("connectors"))?;
        let call = Identify {
            connector: connector.to_owned(),
            region: region.clone(),
        };
        let what = format!("sts:GetCallerIdentity with the connector {connector}");
        self.ask(&what, call, |call| authenticator.identify(call))
            .await
    }

    /// A credential of `connector` for `registry`, or for the connector's own.
    pub(super) async fn log_in(
        &self,
        connector: &str,
        registry: Option<&RegistryHost>,
    ) -> Result<Credential, CapabilityError> {
        let authenticator = self.capabilities.authenticator.as_ref();
        let authenticator = authenticator.ok_or_else(|| absent("connectors"))?;
        let call = Login {
            connector: connector.to_owned(),
            registry: registry.cloned(),
        };
        let what = format!("logging in with the connector {connector}");
        self.ask(&what, call, |call| authenticator.login(call))
            .await
            .map(|credential| credential.masking(self.gate.reporter().mask()))
    }

    pub(super) async fn anonymous(
        &self,
        registry: &RegistryHost,
    ) -> Result<Credential, CapabilityError> {
        let call = LoginAnonymously {
            registry: registry.clone(),
        };
        self.gate
            .pass(call, async |call| {
                Ok(Credential::anonymous(call.into_call().registry))
            })
            .await
            .map(|credential| credential.masking(self.gate.reporter().mask()))
    }

    pub(super) async fn check_login(&self, credential: &Credential) -> Result<(), CapabilityError> {
        let registry = self.capabilities.registry.as_ref();
        let registry = registry.ok_or_else(|| absent("registry client"))?;
        let call = CheckLogin {
            credential: credential.clone(),
        };
        let what = format!("logging in to {}", credential.registry());
        self.ask(&what, call, |call| registry.check_login(call))
            .await
    }

    pub(super) async fn resolve(
        &self,
        reference: &ImageReference,
        credential: &Credential,
    ) -> Result<Option<Descriptor>, CapabilityError> {
        let registry = self.capabilities.registry.as_ref();
        let registry = registry.ok_or_else(|| absent("registry client"))?;
        let call = Resolve {
            reference: reference.clone(),
            credential: credential.clone(),
        };
        let what = format!("resolving {reference}");
        self.ask(&what, call, |call| registry.resolve(call)).await
    }

    pub(super) async fn probe_push(
        &self,
        repository: &RepositoryName,
        credential: &Credential,
    ) -> Result<PushProbe, CapabilityError> {
        let registry = self.capabilities.registry.as_ref();
        let registry = registry.ok_or_else(|| absent("registry client"))?;
        let call = ProbePush {
            registry: credential.registry().clone(),
            repository: repository.clone(),
            credential: credential.clone(),
        };
        let what = format!("asking whether {repository} can be pushed to");
        self.ask(&what, call, |call| registry.probe_push(call))
            .await
    }

    pub(super) async fn describe(
        &self,
        connector: &str,
        registry: &EcrRegistry,
        name: &RepositoryName,
    ) -> Result<Option<Repository>, CapabilityError> {
        let ecr = self.capabilities.ecr.as_ref();
        let ecr = ecr.ok_or_else(|| absent("connection to Amazon ECR"))?;
        let call = DescribeRepository {
            repository: NamedRepository {
                connector: connector.to_owned(),
                registry: registry.clone(),
                name: EcrRepositoryName::try_from(name)
                    .map_err(|error| CapabilityError::invalid(error.to_string()))?,
            },
        };
        let what = format!("ecr:DescribeRepositories with the connector {connector}");
        self.ask(&what, call, |call| ecr.describe_repository(call))
            .await
    }
}
