//! Any registry that follows the OCI distribution specification, over HTTP.
//!
//! | file | what |
//! | --- | --- |
//! | [`connection`] | one repository as one credential may use it: requests, logins, redirects |
//! | [`challenge`], [`token`] | what a registry asks for, and what it is answered |
//! | [`failure`] | what goes wrong, and what a step is told of it |
//! | [`manifest`], [`blob`], [`tags`] | the requests of the specification |
//! | [`content`] | digests |
//! | [`login`] | whether a credential is accepted at all |
//! | [`copy`] | an image from one repository to another |
//! | [`probe`] | whether an image could be pushed |
//! | [`own_repository`] | a repository as the host itself uses it |

mod blob;
mod challenge;
mod connection;
mod content;
mod copy;
mod failure;
mod login;
mod manifest;
mod own_repository;
mod probe;
mod tags;
#[cfg(test)]
mod tests;
mod token;

pub(crate) use self::content::matches as has_digest;
pub(crate) use self::own_repository::{OwnRepository, Sent};

use std::time::Duration;

use async_trait::async_trait;
use reqwest::Client;
use reqwest::redirect;
use stepyard_grammar::{ImageReference, RegistryHost, RepositoryName};

use self::connection::{Connection, Permission};
use self::copy::Transfer;
use self::manifest::ManifestName;
use super::{
    CheckLogin, Copy, Descriptor, Endpoints, GetManifest, ListTags, Manifest, ProbePush, PushProbe,
    PutManifest, Registry, Resolve, TagImage,
};
use crate::auth::Credential;
use crate::capability::CapabilityError;
use crate::event::Reporter;
use crate::patience::Patience;
use crate::policy::Authorized;

/// How long a registry is waited for, and how often it is asked again.
#[derive(Clone, Debug)]
struct Limits {
    /// The longest wait for a connection.
    connect: Duration,
    /// The longest time in which not a byte moves.
    idle: Duration,
    patience: Patience,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            patience: Patience::REQUEST,
        }
    }
}

/// Any registry that follows the OCI distribution specification.
#[derive(Clone, Debug)]
pub struct OciRegistry {
    client: Client,
    endpoints: Endpoints,
    limits: Limits,
}

impl OciRegistry {
    /// Registries, reached where `endpoints` says.
    ///
    /// # Errors
    /// Where the machine's trusted certificates cannot be read.
    pub fn new(endpoints: Endpoints) -> Result<Self, CapabilityError> {
        Self::with_limits(endpoints, Limits::default())
    }

    /// The same client, which asks once: for whoever would rather hear what is wrong than wait.
    #[must_use]
    pub fn without_retries(mut self) -> Self {
        self.limits.patience.attempts = 1;
        self
    }

    fn with_limits(endpoints: Endpoints, limits: Limits) -> Result<Self, CapabilityError> {
        let client = Client::builder()
            .user_agent(concat!("stepyard/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(limits.connect)
            // Redirects are followed by hand, because a credential must not travel with them.
            .redirect(redirect::Policy::none())
            .referer(false)
            .build()
            .map_err(|error| {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                CapabilityError::unavailable(format!(
                    "no HTTPS client can be made: {}",
                    cause.unwrap_or_else(|| error.to_string())
                ))
                .with_hint("install the package ca-certificates")
            })?;
        Ok(Self {
            client,
            endpoints,
            limits,
        })
    }

    fn connect(
        &self,
        registry: &RegistryHost,
        repository: &RepositoryName,
        credential: Credential,
        permission: Permission,
    ) -> Result<Connection, CapabilityError> {
        Connection::new(
            self.client.clone(),
            self.endpoints.of(registry),
            self.limits.clone(),
            (registry.clone(), repository.clone()),
            credential,
            permission,
        )
    }

    fn open(
        &self,
        reference: &ImageReference,
        credential: Credential,
        permission: Permission,
    ) -> Result<Connection, CapabilityError> {
        self.connect(
            reference.registry(),
            reference.repository(),
            credential,
            permission,
        )
    }
}

#[async_trait]
impl Registry for OciRegistry {
    async fn resolve(
        &self,
        call: Authorized<Resolve>,
    ) -> Result<Option<Descriptor>, CapabilityError> {
        let Resolve {
            reference,
            credential,
        } = call.into_call();
        let connection = self.open(&reference, credential, Permission::Pull)?;
        let found = connection.find(&ManifestName::of(&reference)?).await;
        found.map_err(|failure| connection.told(failure, &format!("resolving {reference}")))
    }

    async fn get_manifest(
        &self,
        call: Authorized<GetManifest>,
    ) -> Result<Manifest, CapabilityError> {
        let GetManifest {
            reference,
            credential,
        } = call.into_call();
        let connection = self.open(&reference, credential, Permission::Pull)?;
        let got = connection.get(&ManifestName::of(&reference)?).await;
        got.map(|(manifest, _)| manifest)
            .map_err(|failure| connection.told(failure, &format!("reading {reference}")))
    }

    async fn put_manifest(
        &self,
        call: Authorized<PutManifest>,
    ) -> Result<Descriptor, CapabilityError> {
        let PutManifest {
            reference,
            manifest,
            credential,
        } = call.into_call();
        let size = manifest.content.len();
        if size > Manifest::LARGEST {
            return Err(CapabilityError::invalid(format!(
                "the manifest for {reference} has {size} bytes; registries take at most {}",
                Manifest::LARGEST
            )));
        }
        let what = format!("writing {reference}");
        let connection = self.open(&reference, credential, Permission::Push)?;
        let name = ManifestName::of(&reference)?;
        let digest = match &name {
            ManifestName::Digest(digest) if !content::matches(&manifest.content, digest) => {
                return Err(CapabilityError::invalid(format!(
                    "the manifest does not have the digest of {reference}"
                )));
            }
            ManifestName::Digest(digest) => Some(digest.clone()),
            ManifestName::Tag(_) => content::digest_of(&manifest.content),
        };
        let digest =
            digest.ok_or_else(|| CapabilityError::invalid("the manifest has no digest"))?;
        if let ManifestName::Tag(tag) = &name {
            return connection.put_tag(tag, &manifest, &digest, &what).await;
        }
        let put = async {
            connection.put(&name, &manifest).await?;
            connection.find(&name).await
        };
        let verified = put
            .await
            .map_err(|failure| connection.told(failure, &what))?;
        verified.ok_or_else(|| {
            CapabilityError::unavailable(format!("{what}: the registry took it, but has it not"))
        })
    }

    async fn tag(
        &self,
        call: Authorized<TagImage>,
        _reporter: &Reporter,
    ) -> Result<Descriptor, CapabilityError> {
        let TagImage {
            reference,
            tag,
            credential,
        } = call.into_call();
        let what = format!("tagging {reference} as {tag}");
        let connection = self.open(&reference, credential, Permission::Push)?;
        let got = connection.get(&ManifestName::of(&reference)?).await;
        let (manifest, descriptor) = got.map_err(|failure| connection.told(failure, &what))?;
        connection
            .put_tag(&tag, &manifest, &descriptor.digest, &what)
            .await
    }

    async fn copy(
        &self,
        call: Authorized<Copy>,
        reporter: &Reporter,
    ) -> Result<Descriptor, CapabilityError> {
        let call = call.into_call();
        let what = format!("copying {} to {}", call.source, call.destination);
        let Some(tag) = call.destination.tag() else {
            return Err(CapabilityError::invalid(format!(
                "{what}: the destination needs a tag; write {}:TAG",
                call.destination
            )));
        };
        let source = self.open(&call.source, call.source_credential, Permission::Pull)?;
        let mut destination = self.open(
            &call.destination,
            call.destination_credential,
            Permission::Push,
        )?;
        if source.registry == destination.registry {
            destination = destination.and_pull(&source.repository);
        }
        let got = source.get(&ManifestName::of(&call.source)?).await;
        let (manifest, descriptor) = got.map_err(|failure| source.told(failure, &what))?;
        let digest = &descriptor.digest;
        if call
            .destination
            .digest()
            .is_some_and(|wanted| wanted != digest)
        {
            return Err(CapabilityError::invalid(format!(
                "{what}: the source is {digest}, which is not the destination's digest"
            )));
        }
        let exists = destination.has_manifest(digest).await;
        if !exists.map_err(|failure| destination.told(failure, &what))? {
            Transfer::new(&source, &destination, reporter, what.clone())
                .content(&manifest, 0)
                .await?;
        }
        destination.put_tag(tag, &manifest, digest, &what).await
    }

    async fn list_tags(&self, call: Authorized<ListTags>) -> Result<Vec<String>, CapabilityError> {
        let ListTags {
            registry,
            repository,
            credential,
        } = call.into_call();
        let connection = self.connect(&registry, &repository, credential, Permission::Pull)?;
        let tags = connection.tags().await;
        tags.map_err(|failure| {
            connection.told(
                failure,
                &format!("listing the tags of {registry}/{repository}"),
            )
        })
    }

    async fn probe_push(&self, call: Authorized<ProbePush>) -> Result<PushProbe, CapabilityError> {
        let ProbePush {
            registry,
            repository,
            credential,
        } = call.into_call();
        let connection = self.connect(&registry, &repository, credential, Permission::Push)?;
        let what = format!("pushing to {registry}/{repository}");
        connection.probe_push(&what).await
    }

    async fn check_login(&self, call: Authorized<CheckLogin>) -> Result<(), CapabilityError> {
        let credential = call.into_call().credential;
        let registry = credential.registry().clone();
        let connection = self
            .connect(
                &registry,
                &login::no_repository()?,
                credential,
                Permission::Pull,
            )?
            .without_scopes();
        let answer = connection.check_login().await;
        answer.map_err(|failure| connection.told(failure, &format!("logging in to {registry}")))
    }
}
