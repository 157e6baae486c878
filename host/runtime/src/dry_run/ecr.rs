//! ECR's own API, of which only what reads is called.

use std::sync::Arc;

use async_trait::async_trait;

use super::written::Written;
use crate::capability::{CapabilityError, ErrorKind};
use crate::ecr::{
    CreateRepository, DeleteImages, DescribeImage, DescribeRepository, Ecr, Image, ListImages,
    NotDeleted, Page, PutLifecyclePolicy, PutTagMutability, Replica, ReplicationStatus, Repository,
    Scan, ScanFindings, SetRepositoryPolicy, StartScan,
};
use crate::policy::Authorized;

pub(super) struct DryEcr {
    pub(super) ecr: Arc<dyn Ecr>,
    pub(super) written: Written,
}

/// What ECR answers, and the default where the repository was made in this dry run only.
fn unless_new<T: Default>(
    is_new: bool,
    answer: Result<T, CapabilityError>,
) -> Result<T, CapabilityError> {
    match answer {
        Err(error) if is_new && error.kind == ErrorKind::NotFound => Ok(T::default()),
        answer => answer,
    }
}

#[async_trait]
impl Ecr for DryEcr {
    async fn describe_repository(
        &self,
        call: Authorized<DescribeRepository>,
    ) -> Result<Option<Repository>, CapabilityError> {
        match self.written.repository(&call.call().repository.to_string()) {
            Some(repository) => Ok(Some(repository)),
            None => self.ecr.describe_repository(call).await,
        }
    }

    async fn create_repository(
        &self,
        call: Authorized<CreateRepository>,
    ) -> Result<Repository, CapabilityError> {
        if let Some(repository) = self.describe_repository(call.describing()).await? {
            return Ok(Repository {
                is_new: false,
                ..repository
            });
        }
        let CreateRepository {
            repository,
            settings,
        } = call.into_call();
        let made = Repository {
            name: repository.name.to_string(),
            arn: repository.arn(),
            uri: repository.to_string(),
            tag_mutability: settings.tag_mutability,
            scan_on_push: settings.scan_on_push,
            encryption: settings.encryption,
            is_new: true,
        };
        self.written.put_repository(made.clone());
        Ok(made)
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

    async fn put_tag_mutability(
        &self,
        call: Authorized<PutTagMutability>,
    ) -> Result<(), CapabilityError> {
        let PutTagMutability {
            repository,
            mutability,
        } = call.into_call();
        if let Some(written) = self.written.repository(&repository.to_string()) {
            self.written.put_repository(Repository {
                tag_mutability: mutability,
                ..written
            });
        }
        Ok(())
    }

    async fn list_images(
        &self,
        call: Authorized<ListImages>,
    ) -> Result<Page<Image>, CapabilityError> {
        let is_new = self
            .written
            .repository(&call.call().repository.to_string())
            .is_some();
        unless_new(is_new, self.ecr.list_images(call).await)
    }

    async fn describe_image(
        &self,
        call: Authorized<DescribeImage>,
    ) -> Result<Option<Image>, CapabilityError> {
        let image = &call.call().image;
        let repository = image.repository.to_string();
        let name = image.image.to_string();
        if let Some(written) = self.written.named(&repository, &name) {
            return Ok(Some(Image {
                digest: written.descriptor.digest.to_string(),
                tags: if name.contains(':') {
                    Vec::new()
                } else {
                    vec![name]
                },
                pushed_at: None,
                size: None,
                media_type: Some(written.descriptor.media_type),
            }));
        }
        let is_new = self.written.repository(&repository).is_some();
        unless_new(is_new, self.ecr.describe_image(call).await)
    }

    async fn delete_images(
        &self,
        _call: Authorized<DeleteImages>,
    ) -> Result<Vec<NotDeleted>, CapabilityError> {
        Ok(Vec::new())
    }

    async fn scan_findings(
        &self,
        call: Authorized<ScanFindings>,
    ) -> Result<Option<Scan>, CapabilityError> {
        self.ecr.scan_findings(call).await
    }

    async fn start_scan(&self, _call: Authorized<StartScan>) -> Result<String, CapabilityError> {
        Ok("PENDING".to_owned())
    }

    async fn replication_status(
        &self,
        call: Authorized<ReplicationStatus>,
    ) -> Result<Vec<Replica>, CapabilityError> {
        self.ecr.replication_status(call).await
    }
}
