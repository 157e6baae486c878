//! Images: listing, describing and deleting them, and their copies elsewhere.

use aws_sdk_ecr::types::{ImageDetail, ImageFailure, ImageIdentifier, ReplicationStatus};

use super::super::{
    DeleteImages, Image, ListImages, NamedImage, NotDeleted, Page, PageToken, Replica,
};
use super::{PAGE, StepEcr, identifier, time};
use crate::auth::aws::{said, untraced};
use crate::capability::CapabilityError;

/// A page of DescribeImages.
pub(super) async fn list(
    ecr: &StepEcr<'_>,
    list: ListImages,
) -> Result<Page<Image>, CapabilityError> {
    let repository = &list.repository;
    let (client, call) = ecr.client(repository, "ecr:DescribeImages").await?;
    let request = client
        .describe_images()
        .registry_id(repository.registry.account().as_str())
        .repository_name(repository.name.as_str())
        .set_next_token(list.page.map(|token| token.0))
        .max_results(PAGE);
    let answer = untraced(request.send())
        .await
        .map_err(|error| call.told(&error))?;
    Ok(Page {
        entries: answer.image_details().iter().map(model).collect(),
        next: answer.next_token().map(|token| PageToken(token.to_owned())),
    })
}

/// DescribeImages of one.
pub(super) async fn describe(
    ecr: &StepEcr<'_>,
    image: &NamedImage,
) -> Result<Option<Image>, CapabilityError> {
    let NamedImage { repository, image } = image;
    let (client, call) = ecr.client(repository, "ecr:DescribeImages").await?;
    let request = client
        .describe_images()
        .registry_id(repository.registry.account().as_str())
        .repository_name(repository.name.as_str())
        .image_ids(identifier(image));
    match untraced(request.send()).await {
        Ok(answer) => Ok(answer.image_details().first().map(model)),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|error| error.is_image_not_found_exception()) =>
        {
            Ok(None)
        }
        Err(error) => Err(call.told(&error)),
    }
}

/// BatchDeleteImage.
pub(super) async fn delete(
    ecr: &StepEcr<'_>,
    delete: &DeleteImages,
) -> Result<Vec<NotDeleted>, CapabilityError> {
    let repository = delete.repository();
    let (client, call) = ecr.client(repository, "ecr:BatchDeleteImage").await?;
    let request = client
        .batch_delete_image()
        .registry_id(repository.registry.account().as_str())
        .repository_name(repository.name.as_str())
        .set_image_ids(Some(delete.images().iter().map(identifier).collect()));
    let answer = untraced(request.send())
        .await
        .map_err(|error| call.told(&error))?;
    Ok(answer.failures().iter().map(not_deleted).collect())
}

/// DescribeImageReplicationStatus.
pub(super) async fn replicas(
    ecr: &StepEcr<'_>,
    image: &NamedImage,
) -> Result<Vec<Replica>, CapabilityError> {
    let NamedImage { repository, image } = image;
    let (client, call) = ecr
        .client(repository, "ecr:DescribeImageReplicationStatus")
        .await?;
    let request = client
        .describe_image_replication_status()
        .registry_id(repository.registry.account().as_str())
        .repository_name(repository.name.as_str())
        .image_id(identifier(image));
    let answer = untraced(request.send())
        .await
        .map_err(|error| call.told(&error))?;
    let replicas = answer.replication_statuses().iter();
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Ok(replicas
        .map(|replica| Replica {
            account: text(replica.registry_id()),
            region: text(replica.region()),
            status: text(replica.status().map(ReplicationStatus::as_str)),
            failure_code: replica.failure_code().map(ToOwned::to_owned),
        })
        .collect())
}

fn model(image: &ImageDetail) -> Image {
    Image {
        digest: image.image_digest().unwrap_or_default().to_owned(),
        tags: image.image_tags().to_vec(),
        pushed_at: time(image.image_pushed_at()),
        size: image
            .image_size_in_bytes()
            .and_then(|size| u64::try_from(size).ok()),
        media_type: image.image_manifest_media_type().map(ToOwned::to_owned),
    }
}

fn not_deleted(failure: &ImageFailure) -> NotDeleted {
    let named = |image: &ImageIdentifier| {
        let name = image.image_tag().or_else(|| image.image_digest());
        name.unwrap_or_default().to_owned()
    };
    let code = failure
        .failure_code()
        .map_or("unknown", |code| code.as_str());
    NotDeleted {
        image: failure.image_id().map(named).unwrap_or_default(),
        reason: format!("{code}: {}", said(failure.failure_reason())),
    }
}
