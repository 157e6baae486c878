//! The capability *auth*: connectors become credentials.
//!
//! A guest holds a [`Credential`] as an opaque handle; the user name and password behind it are
//! fetched by the backend that needs them, at the moment of need.

pub mod aws;
pub(crate) mod binding;
mod connectors;
mod docker_logins;
mod docker_registry;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use stepyard_grammar::{AwsRegion, RegistryHost};

pub use connectors::ConnectorAuthenticator;
pub use docker_logins::DockerLogins;

use crate::capability::CapabilityError;
use crate::policy::{Access, Action, Authorized, Call, Resource};
use crate::secret::Mask;

/// The longest name of a connector, in bytes: `account.` and 128 characters are less.
const LONGEST_CONNECTOR_NAME: usize = 256;

/// Refuses what no connector is called. The name is part of events, of denials and of the audit log,
/// so a guest may not fill these with it.
pub(crate) fn check_connector_name(name: &str) -> Result<(), CapabilityError> {
    if name.len() > LONGEST_CONNECTOR_NAME {
        return Err(CapabilityError::invalid(format!(
            "the name of a connector has {} bytes; at most {LONGEST_CONNECTOR_NAME} are accepted",
            name.len()
        )));
    }
    if name.chars().any(char::is_control) {
        return Err(CapabilityError::invalid(format!(
            "the name of a connector has control characters: {name:?}"
        )));
    }
    Ok(())
}

/// A user name and password for HTTP Basic authentication at a registry.
#[derive(Clone, Debug)]
pub struct BasicCredential {
    /// The user name; `AWS` for Amazon ECR.
    pub username: String,
    /// The password or token.
    pub password: SecretString,
}

/// Supplies the user name and password of one registry, fresh enough to be used at once.
#[async_trait]
pub trait CredentialSource: Send + Sync {
    /// The user name and password now.
    ///
    /// # Errors
    /// As the identity provider answers.
    async fn basic(&self) -> Result<BasicCredential, CapabilityError>;

    /// Until when the password of the last [`CredentialSource::basic`] is valid, where that is
    /// known.
    async fn valid_until(&self) -> Option<SystemTime> {
        None
    }

    /// The same identity at `registry`, where it is known there too: ECR has a registry for each
    /// account and region. Only base images are read with it.
    fn at(&self, _registry: &RegistryHost) -> Option<Arc<dyn CredentialSource>> {
        None
    }
}

/// Permission to use one registry. Cheap to clone; formatting it shows no secret.
#[derive(Clone)]
pub struct Credential {
    registry: RegistryHost,
    source: Option<Arc<dyn CredentialSource>>,
    mask: Mask,
}

impl Credential {
    /// A credential for `registry` whose user name and password come from `source`.
    pub fn new(registry: RegistryHost, source: Arc<dyn CredentialSource>) -> Self {
        Self {
            registry,
            source: Some(source),
            mask: Mask::default(),
        }
    }

    /// A credential for `registry` without an identity.
    pub fn anonymous(registry: RegistryHost) -> Self {
        Self {
            registry,
            source: None,
            mask: Mask::default(),
        }
    }

    /// The same, whose passwords `mask` comes to know.
    pub(crate) fn masking(mut self, mask: &Mask) -> Self {
        self.mask = mask.clone();
        self
    }

    /// What knows the passwords, and is to know what is made of them.
    pub(crate) fn mask(&self) -> &Mask {
        &self.mask
    }

    /// The registry that it is for. It must not be used for another one.
    pub fn registry(&self) -> &RegistryHost {
        &self.registry
    }

    /// A credential for `registry` with the same identity, where it is known there too.
    pub(crate) fn at(&self, registry: &RegistryHost) -> Option<Self> {
        let source = self.source.as_ref()?.at(registry)?;
        Some(Self::new(registry.clone(), source).masking(&self.mask))
    }

    /// The user name and password now, or nothing for an anonymous credential.
    ///
    /// # Errors
    /// As the identity provider answers.
    pub async fn basic(&self) -> Result<Option<BasicCredential>, CapabilityError> {
        let Some(source) = &self.source else {
            return Ok(None);
        };
        let basic = source.basic().await?;
        self.mask
            .note_password(&basic.username, basic.password.expose_secret());
        Ok(Some(basic))
    }

    /// Until when the password that was used last is valid, where that is known.
    pub async fn valid_until(&self) -> Option<SystemTime> {
        match &self.source {
            Some(source) => source.valid_until().await,
            None => None,
        }
    }

    /// Whether it is without an identity.
    pub fn is_anonymous(&self) -> bool {
        self.source.is_none()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credential")
            .field("registry", &self.registry)
            .field("anonymous", &self.source.is_none())
            .finish()
    }
}

/// As the registry that it is for: what is behind it is never written.
impl serde::Serialize for Credential {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.registry.as_str())
    }
}

/// A source whose user name and password do not change.
#[derive(Clone, Debug)]
pub struct FixedCredential(pub BasicCredential);

#[async_trait]
impl CredentialSource for FixedCredential {
    async fn basic(&self) -> Result<BasicCredential, CapabilityError> {
        Ok(self.0.clone())
    }
}

/// Finds the login for a registry that the host itself uses, to fetch and to publish components.
/// Nothing that a guest can call leads here.
#[async_trait]
pub trait RegistryLogins: Send + Sync {
    /// The credential for `registry`, or nothing where there is none.
    ///
    /// # Errors
    /// Where there is a login that cannot be used.
    async fn find(&self, registry: &RegistryHost) -> Result<Option<Credential>, CapabilityError>;
}

/// The call `auth.login`.
#[derive(Clone, Debug)]
pub struct Login {
    /// The connector, as the step names it.
    pub connector: String,
    /// The registry to log in to; none is the connector's own.
    pub registry: Option<RegistryHost>,
}

impl Call for Login {
    fn accesses(&self) -> Vec<Access> {
        vec![Access::new(
            Action::Login,
            Resource::Connector {
                connector: self.connector.clone(),
                registry: self.registry.clone(),
            },
        )]
    }
}

/// Asks who the identity of a connector of type `Aws` is: no call of a guest, but of whoever
/// looks whether a connector works.
#[derive(Clone, Debug)]
pub struct Identify {
    /// The connector, as settings name it.
    pub connector: String,
    /// The region in which AWS is asked.
    pub region: AwsRegion,
}

impl Call for Identify {
    fn accesses(&self) -> Vec<Access> {
        vec![Access::new(
            Action::Login,
            Resource::Connector {
                connector: self.connector.clone(),
                registry: None,
            },
        )]
    }
}

/// The call `auth.anonymous`.
#[derive(Clone, Debug)]
pub struct LoginAnonymously {
    /// The registry to read.
    pub registry: RegistryHost,
}

impl Call for LoginAnonymously {
    fn accesses(&self) -> Vec<Access> {
        vec![Access::new(
            Action::LoginAnonymously,
            Resource::Registry(self.registry.clone()),
        )]
    }
}

/// Turns connectors into credentials. [`ConnectorAuthenticator`] does it for the connectors of
/// users' files; an embedder with a vault of its own brings another.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// Logs in.
    ///
    /// # Errors
    /// As `auth.login` in the contract says.
    async fn login(&self, call: Authorized<Login>) -> Result<Credential, CapabilityError>;

    /// Asks AWS who the identity of a connector is. Nothing where the connector has none there.
    ///
    /// # Errors
    /// As logging in fails.
    async fn identify(
        &self,
        call: Authorized<Identify>,
    ) -> Result<Option<aws::Identity>, CapabilityError> {
        let _ = call;
        Ok(None)
    }
}
