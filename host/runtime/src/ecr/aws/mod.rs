//! ECR's own API, through connectors of type `Aws`.

mod failure;
mod images;
mod repositories;
mod scans;

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ecr::primitives::{DateTime, DateTimeFormat};
use aws_sdk_ecr::types::ImageIdentifier;

use self::failure::EcrCall;
use super::{
    CreateRepository, DeleteImages, DescribeImage, DescribeRepository, Ecr, Image, ImageId,
    ListImages, NamedRepository, NotDeleted, Page, PutLifecyclePolicy, PutTagMutability, Replica,
    ReplicationStatus, Repository, Scan, ScanFindings, SetRepositoryPolicy, StartScan,
};
use crate::auth::ConnectorAuthenticator;
use crate::auth::aws::{AwsCaller, AwsClients};
use crate::capability::CapabilityError;
use crate::policy::Authorized;

/// How many entries of a list are asked for at once.
const PAGE: i32 = 100;

/// ECR's own API, with the identity of connectors of type `Aws`.
#[derive(Clone, Debug)]
pub struct AwsEcr {
    clients: Arc<AwsClients>,
}

impl AwsEcr {
    /// ECR with the connectors, and the clients, of `authenticator`.
    pub fn new(authenticator: &ConnectorAuthenticator) -> Self {
        Self {
            clients: authenticator.aws(),
        }
    }

    /// ECR for the step that makes `call`.
    fn of<C>(&self, call: &Authorized<C>) -> StepEcr<'_> {
        StepEcr {
            clients: &self.clients,
            step: call.step().clone(),
        }
    }
}

/// ECR as one step uses it.
struct StepEcr<'a> {
    clients: &'a AwsClients,
    step: Arc<str>,
}

impl StepEcr<'_> {
    /// A client for the repository's registry, and the words for the errors of `action`.
    async fn client(
        &self,
        repository: &NamedRepository,
        action: &'static str,
    ) -> Result<(aws_sdk_ecr::Client, EcrCall), CapabilityError> {
        let caller = AwsCaller {
            connector: repository.connector.clone(),
            step: self.step.clone(),
        };
        let (client, call) = self
            .clients
            .ecr(&caller, &repository.registry, action)
            .await?;
        let repository = repository.clone();
        Ok((client, EcrCall { call, repository }))
    }
}

#[async_trait]
impl Ecr for AwsEcr {
    async fn describe_repository(
        &self,
        call: Authorized<DescribeRepository>,
    ) -> Result<Option<Repository>, CapabilityError> {
        repositories::describe(&self.of(&call), &call.into_call().repository).await
    }

    async fn create_repository(
        &self,
        call: Authorized<CreateRepository>,
    ) -> Result<Repository, CapabilityError> {
        repositories::create(&self.of(&call), call.into_call()).await
    }

    async fn put_lifecycle_policy(
        &self,
        call: Authorized<PutLifecyclePolicy>,
    ) -> Result<(), CapabilityError> {
        repositories::put_lifecycle_policy(&self.of(&call), call.into_call()).await
    }

    async fn set_repository_policy(
        &self,
        call: Authorized<SetRepositoryPolicy>,
    ) -> Result<(), CapabilityError> {
        repositories::set_policy(&self.of(&call), call.into_call()).await
    }

    async fn put_tag_mutability(
        &self,
        call: Authorized<PutTagMutability>,
    ) -> Result<(), CapabilityError> {
        repositories::put_mutability(&self.of(&call), call.into_call()).await
    }

    async fn list_images(
        &self,
        call: Authorized<ListImages>,
    ) -> Result<Page<Image>, CapabilityError> {
        images::list(&self.of(&call), call.into_call()).await
    }

    async fn describe_image(
        &self,
        call: Authorized<DescribeImage>,
    ) -> Result<Option<Image>, CapabilityError> {
        images::describe(&self.of(&call), &call.into_call().image).await
    }

    async fn delete_images(
        &self,
        call: Authorized<DeleteImages>,
    ) -> Result<Vec<NotDeleted>, CapabilityError> {
        images::delete(&self.of(&call), call.call()).await
    }

    async fn scan_findings(
        &self,
        call: Authorized<ScanFindings>,
    ) -> Result<Option<Scan>, CapabilityError> {
        scans::findings(&self.of(&call), call.into_call()).await
    }

    async fn start_scan(&self, call: Authorized<StartScan>) -> Result<String, CapabilityError> {
        scans::start(&self.of(&call), &call.into_call().image).await
    }

    async fn replication_status(
        &self,
        call: Authorized<ReplicationStatus>,
    ) -> Result<Vec<Replica>, CapabilityError> {
        images::replicas(&self.of(&call), &call.into_call().image).await
    }
}

/// How ECR is told which image is meant.
fn identifier(image: &ImageId) -> ImageIdentifier {
    let builder = ImageIdentifier::builder();
    match image {
        ImageId::Tag(tag) => builder.image_tag(tag.as_str()),
        ImageId::Digest(digest) => builder.image_digest(digest.as_str()),
    }
    .build()
}

/// A time in RFC 3339.
fn time(time: Option<&DateTime>) -> Option<String> {
    time?.fmt(DateTimeFormat::DateTime).ok()
}
