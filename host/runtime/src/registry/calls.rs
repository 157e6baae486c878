//! The calls of the registry capability, and what each would touch.

use stepyard_grammar::{ImageReference, RegistryHost, RepositoryName, Tag};

use super::Manifest;
use crate::auth::Credential;
use crate::policy::{Access, Action, Call, Resource};

/// The call `registry.resolve`.
#[derive(Clone, Debug)]
pub struct Resolve {
    /// What to resolve, with a tag or a digest.
    pub reference: ImageReference,
    /// For its registry.
    pub credential: Credential,
}

/// The call `registry.get-manifest`.
#[derive(Clone, Debug)]
pub struct GetManifest {
    /// What to get, with a tag or a digest.
    pub reference: ImageReference,
    /// For its registry.
    pub credential: Credential,
}

/// The call `registry.put-manifest`.
#[derive(Clone, Debug)]
pub struct PutManifest {
    /// Where to, with a tag or a digest.
    pub reference: ImageReference,
    /// What.
    pub manifest: Manifest,
    /// For its registry.
    pub credential: Credential,
}

/// The call `registry.tag`.
#[derive(Clone, Debug)]
pub struct TagImage {
    /// The image, by tag or digest.
    pub reference: ImageReference,
    /// The further tag.
    pub tag: Tag,
    /// For its registry.
    pub credential: Credential,
}

/// The call `registry.copy`.
#[derive(Clone, Debug)]
pub struct Copy {
    /// The image, by tag or digest.
    pub source: ImageReference,
    /// For the source's registry.
    pub source_credential: Credential,
    /// Where to, with a tag.
    pub destination: ImageReference,
    /// For the destination's registry.
    pub destination_credential: Credential,
}

/// The call `registry.list-tags`.
#[derive(Clone, Debug)]
pub struct ListTags {
    /// The registry.
    pub registry: RegistryHost,
    /// The repository.
    pub repository: RepositoryName,
    /// For the registry.
    pub credential: Credential,
}

/// The call that asks whether an image could be pushed. No step makes it.
#[derive(Clone, Debug)]
pub struct ProbePush {
    /// The registry.
    pub registry: RegistryHost,
    /// The repository.
    pub repository: RepositoryName,
    /// For the registry.
    pub credential: Credential,
}

/// The call that asks whether a registry accepts a credential at all. No step makes it.
#[derive(Clone, Debug)]
pub struct CheckLogin {
    /// For the registry.
    pub credential: Credential,
}

impl Call for CheckLogin {
    fn accesses(&self) -> Vec<Access> {
        vec![Access::new(
            Action::InspectRegistry,
            Resource::Registry(self.credential.registry().clone()),
        )]
    }
}

fn access(action: Action, reference: &ImageReference, tag: Option<&Tag>) -> Access {
    Access::new(
        action,
        Resource::Repository {
            registry: reference.registry().clone(),
            repository: reference.repository().clone(),
            tag: tag.cloned(),
        },
    )
}

impl Call for Resolve {
    fn accesses(&self) -> Vec<Access> {
        vec![access(Action::Pull, &self.reference, self.reference.tag())]
    }
}

impl Call for GetManifest {
    fn accesses(&self) -> Vec<Access> {
        vec![access(Action::Pull, &self.reference, self.reference.tag())]
    }
}

impl Call for PutManifest {
    fn accesses(&self) -> Vec<Access> {
        vec![access(Action::Tag, &self.reference, self.reference.tag())]
    }

    fn destination(&self) -> Option<(ImageReference, Credential)> {
        Some((self.reference.clone(), self.credential.clone()))
    }
}

impl Call for TagImage {
    fn accesses(&self) -> Vec<Access> {
        vec![
            access(Action::Tag, &self.reference, Some(&self.tag)),
            access(Action::Pull, &self.reference, self.reference.tag()),
        ]
    }

    fn destination(&self) -> Option<(ImageReference, Credential)> {
        let destination = self.reference.clone().with_tag(self.tag.clone());
        Some((destination, self.credential.clone()))
    }
}

impl Call for Copy {
    fn accesses(&self) -> Vec<Access> {
        vec![
            access(Action::Copy, &self.destination, self.destination.tag()),
            access(Action::Pull, &self.source, self.source.tag()),
        ]
    }

    fn destination(&self) -> Option<(ImageReference, Credential)> {
        Some((
            self.destination.clone(),
            self.destination_credential.clone(),
        ))
    }
}

impl Call for ListTags {
    fn accesses(&self) -> Vec<Access> {
        vec![Access::new(
            Action::ListTags,
            Resource::Repository {
                registry: self.registry.clone(),
                repository: self.repository.clone(),
                tag: None,
            },
        )]
    }
}

impl Call for ProbePush {
    fn accesses(&self) -> Vec<Access> {
        vec![Access::new(
            Action::Push,
            Resource::Repository {
                registry: self.registry.clone(),
                repository: self.repository.clone(),
                tag: None,
            },
        )]
    }
}
