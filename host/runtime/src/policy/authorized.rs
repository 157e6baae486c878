//! Calls that the policy permits, and those that belong to them.

use std::sync::Arc;

use stepyard_grammar::ImageReference;

use crate::auth::Credential;
use crate::build::{Build, Push};
use crate::ecr::{CreateRepository, DescribeRepository};
use crate::registry::{Copy as CopyImage, ProbePush, Resolve, TagImage};

/// A capability call that the policy permits. Only the [`super::Gate`] makes one, or another that belongs
/// to it.
#[derive(Debug)]
pub struct Authorized<C> {
    call: C,
    step: Arc<str>,
}

impl<C> Authorized<C> {
    /// For [`super::Gate`] alone, once the policy has permitted the call.
    pub(super) fn new(call: C, step: Arc<str>) -> Self {
        Self { call, step }
    }

    /// The call.
    pub fn call(&self) -> &C {
        &self.call
    }

    /// The call, by value.
    pub fn into_call(self) -> C {
        self.call
    }

    /// The identifier of the step on whose behalf the call is made, for those who keep records.
    pub fn step(&self) -> &Arc<str> {
        &self.step
    }

    /// A call that belongs to this one.
    fn with_it<D>(&self, call: D) -> Authorized<D> {
        Authorized {
            call,
            step: self.step.clone(),
        }
    }
}

impl Authorized<Build> {
    /// The call that reads what the name of a base image stands for. It needs no decision of its
    /// own: a permitted build takes the images that its Dockerfile names.
    pub(crate) fn resolving_base_image(
        &self,
        reference: ImageReference,
        credential: Credential,
    ) -> Authorized<Resolve> {
        self.with_it(Resolve {
            reference,
            credential,
        })
    }

    /// The same call with further credentials to read the base images with that its Dockerfile
    /// names: those of identities which it has already, at other registries.
    pub(crate) fn and_base_image_credentials(mut self, credentials: Vec<Credential>) -> Self {
        self.call.request.base_image_credentials.extend(credentials);
        self
    }

    /// What may be asked of the place that the build pushes to, if it does.
    pub(crate) fn questions(&self) -> Option<DestinationQuestions> {
        let destination = self.call.request.destination.as_ref()?;
        let credential = destination.credential.as_ref()?;
        Some(DestinationQuestions::of(
            self,
            &destination.reference,
            credential,
        ))
    }
}

impl Authorized<TagImage> {
    /// The call that reads what is tagged. It needs no decision of its own: to tag it, it is read.
    pub(crate) fn resolving_source(&self) -> Authorized<Resolve> {
        self.with_it(Resolve {
            reference: self.call.reference.clone(),
            credential: self.call.credential.clone(),
        })
    }
}

impl Authorized<CopyImage> {
    /// The call that reads what is copied. It needs no decision of its own: to copy it, it is read.
    pub(crate) fn resolving_source(&self) -> Authorized<Resolve> {
        self.with_it(Resolve {
            reference: self.call.source.clone(),
            credential: self.call.source_credential.clone(),
        })
    }
}

impl Authorized<CreateRepository> {
    /// The call that looks whether the repository is there, which its creation tells as well.
    pub(crate) fn describing(&self) -> Authorized<DescribeRepository> {
        self.with_it(DescribeRepository {
            repository: self.call.repository.clone(),
        })
    }
}

/// What the registry may be asked of an image's destination. It needs no decision of its own: who
/// may push there may learn why it fails.
pub(crate) struct DestinationQuestions {
    pub(crate) destination: ImageReference,
    pub(crate) probe: Authorized<ProbePush>,
    pub(crate) resolve: Authorized<Resolve>,
}

impl DestinationQuestions {
    /// As a part of `call`.
    fn of<C>(call: &Authorized<C>, destination: &ImageReference, credential: &Credential) -> Self {
        Self {
            destination: destination.clone(),
            probe: call.with_it(ProbePush {
                registry: destination.registry().clone(),
                repository: destination.repository().clone(),
                credential: credential.clone(),
            }),
            resolve: call.with_it(Resolve {
                reference: destination.clone(),
                credential: credential.clone(),
            }),
        }
    }
}

impl Authorized<Push> {
    /// What may be asked of the push's destination.
    pub(crate) fn questions(&self) -> DestinationQuestions {
        DestinationQuestions::of(self, &self.call.destination, &self.call.credential)
    }
}
