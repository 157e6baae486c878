//! The capability *ecr*: what only Amazon ECR has.

pub mod aws;
pub(crate) mod binding;
mod image;
mod page;
mod policy_text;
mod replication;
mod repository;
mod scan;
mod settings;
#[cfg(test)]
mod tests;

use async_trait::async_trait;

pub use image::{
    DeleteImages, DescribeImage, Image, ImageId, ImageList, ListImages, NamedImage, NotDeleted,
};
pub use page::{Page, PageToken};
pub use policy_text::PolicyText;
pub use replication::{Replica, ReplicationStatus};
pub use repository::{
    CreateRepository, DescribeRepository, NamedRepository, PutLifecyclePolicy, PutTagMutability,
    Repository, SetRepositoryPolicy,
};
pub use scan::{Finding, OpenScan, Scan, ScanFindings, StartScan};
pub use settings::{RepositoryDraft, RepositorySettings};

use crate::capability::CapabilityError;
use crate::policy::Authorized;

/// Talks to ECR's own API. Each function is one of the contract; a backend that leaves one out
/// reports it as unsupported.
#[async_trait]
pub trait Ecr: Send + Sync {
    /// Describes a repository, or nothing where it does not exist.
    ///
    /// # Errors
    /// As `ecr.describe-repository` in the contract says.
    async fn describe_repository(
        &self,
        call: Authorized<DescribeRepository>,
    ) -> Result<Option<Repository>, CapabilityError>;

    /// Makes a repository, or describes the one that is there.
    ///
    /// # Errors
    /// As `ecr.create-repository` in the contract says.
    async fn create_repository(
        &self,
        _call: Authorized<CreateRepository>,
    ) -> Result<Repository, CapabilityError> {
        Err(left_out())
    }

    /// Says which images expire.
    ///
    /// # Errors
    /// As `ecr.put-lifecycle-policy` in the contract says.
    async fn put_lifecycle_policy(
        &self,
        _call: Authorized<PutLifecyclePolicy>,
    ) -> Result<(), CapabilityError> {
        Err(left_out())
    }

    /// Says who may use a repository.
    ///
    /// # Errors
    /// As `ecr.set-repository-policy` in the contract says.
    async fn set_repository_policy(
        &self,
        _call: Authorized<SetRepositoryPolicy>,
    ) -> Result<(), CapabilityError> {
        Err(left_out())
    }

    /// Changes whether tags can move.
    ///
    /// # Errors
    /// As `ecr.put-tag-mutability` in the contract says.
    async fn put_tag_mutability(
        &self,
        _call: Authorized<PutTagMutability>,
    ) -> Result<(), CapabilityError> {
        Err(left_out())
    }

    /// A page of a repository's images.
    ///
    /// # Errors
    /// As `ecr.list-images` in the contract says.
    async fn list_images(
        &self,
        _call: Authorized<ListImages>,
    ) -> Result<Page<Image>, CapabilityError> {
        Err(left_out())
    }

    /// Describes an image, or nothing where the repository does not have it.
    ///
    /// # Errors
    /// As `ecr.describe-image` in the contract says.
    async fn describe_image(
        &self,
        _call: Authorized<DescribeImage>,
    ) -> Result<Option<Image>, CapabilityError> {
        Err(left_out())
    }

    /// Deletes images, and gives those that it did not delete.
    ///
    /// # Errors
    /// As `ecr.delete-images` in the contract says.
    async fn delete_images(
        &self,
        _call: Authorized<DeleteImages>,
    ) -> Result<Vec<NotDeleted>, CapabilityError> {
        Err(left_out())
    }

    /// The last scan of an image with a page of its findings, or nothing where it was never
    /// scanned.
    ///
    /// # Errors
    /// As `ecr.scan-findings` in the contract says.
    async fn scan_findings(
        &self,
        _call: Authorized<ScanFindings>,
    ) -> Result<Option<Scan>, CapabilityError> {
        Err(left_out())
    }

    /// Starts a scan and gives its status.
    ///
    /// # Errors
    /// As `ecr.start-scan` in the contract says.
    async fn start_scan(&self, _call: Authorized<StartScan>) -> Result<String, CapabilityError> {
        Err(left_out())
    }

    /// Where an image is replicated to.
    ///
    /// # Errors
    /// As `ecr.replication-status` in the contract says.
    async fn replication_status(
        &self,
        _call: Authorized<ReplicationStatus>,
    ) -> Result<Vec<Replica>, CapabilityError> {
        Err(left_out())
    }
}

fn left_out() -> CapabilityError {
    CapabilityError::unsupported("this host's connection to Amazon ECR does not offer the call")
}
