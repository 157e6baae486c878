//! Repositories: making, describing and changing them.

use aws_sdk_ecr::error::BuildError;
use aws_sdk_ecr::types::{
    EncryptionConfiguration, EncryptionType, ImageScanningConfiguration, ImageTagMutability,
    ImageTagMutabilityExclusionFilter, ImageTagMutabilityExclusionFilterType,
    Repository as EcrRepository, Tag,
};
use stepyard_grammar::{GrammarError, RepositoryEncryption, TagFilter, TagMutability};

use super::super::{
    CreateRepository, NamedRepository, PutLifecyclePolicy, PutTagMutability, Repository,
    SetRepositoryPolicy,
};
use super::StepEcr;
use crate::auth::aws::untraced;
use crate::capability::CapabilityError;

/// DescribeRepositories.
pub(super) async fn describe(
    ecr: &StepEcr<'_>,
    repository: &NamedRepository,
) -> Result<Option<Repository>, CapabilityError> {
    let (client, call) = ecr.client(repository, "ecr:DescribeRepositories").await?;
    let request = client
        .describe_repositories()
        .registry_id(repository.registry.account().as_str())
        .repository_names(repository.name.as_str());
    match untraced(request.send()).await {
        Ok(answer) => answer.repositories().first().map(model).transpose(),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|error| error.is_repository_not_found_exception()) =>
        {
            Ok(None)
        }
        Err(error) => Err(call.told(&error)),
    }
}

/// CreateRepository, and DescribeRepositories where it exists already.
pub(super) async fn create(
    ecr: &StepEcr<'_>,
    create: CreateRepository,
) -> Result<Repository, CapabilityError> {
    let CreateRepository {
        repository,
        settings,
    } = create;
    let (client, call) = ecr.client(&repository, "ecr:CreateRepository").await?;
    let scanning = ImageScanningConfiguration::builder().scan_on_push(settings.scan_on_push);
    let encryption = EncryptionConfiguration::builder()
        .encryption_type(EncryptionType::from(settings.encryption.kind()))
        .set_kms_key(settings.encryption.key().map(ToOwned::to_owned))
        .build()
        .map_err(incomplete)?;
    let mut request = client
        .create_repository()
        .registry_id(repository.registry.account().as_str())
        .repository_name(repository.name.as_str())
        .image_tag_mutability(mode(&settings.tag_mutability))
        .set_image_tag_mutability_exclusion_filters(filters(&settings.tag_mutability)?)
        .image_scanning_configuration(scanning.build())
        .encryption_configuration(encryption);
    for tag in &settings.tags {
        let tag = Tag::builder().key(tag.key()).value(tag.value()).build();
        request = request.tags(tag.map_err(incomplete)?);
    }
    let error = match untraced(request.send()).await {
        Ok(answer) => {
            let made = answer.repository().map(model).transpose()?;
            let made = made.ok_or_else(|| {
                CapabilityError::unsupported("ECR does not describe the repository that it made")
            })?;
            return Ok(Repository {
                is_new: true,
                ..made
            });
        }
        Err(error) => error,
    };
    let exists = error
        .as_service_error()
        .is_some_and(|error| error.is_repository_already_exists_exception());
    if !exists {
        return Err(call.told(&error));
    }
    describe(ecr, &repository).await?.ok_or_else(|| {
        CapabilityError::unavailable(format!(
            "{repository} was there when it was to be made, and is gone now"
        ))
    })
}

/// PutLifecyclePolicy.
pub(super) async fn put_lifecycle_policy(
    ecr: &StepEcr<'_>,
    put: PutLifecyclePolicy,
) -> Result<(), CapabilityError> {
    let repository = &put.repository;
    let (client, call) = ecr.client(repository, "ecr:PutLifecyclePolicy").await?;
    let request = client
        .put_lifecycle_policy()
        .registry_id(repository.registry.account().as_str())
        .repository_name(repository.name.as_str())
        .lifecycle_policy_text(put.policy.as_str());
    let answer = untraced(request.send()).await;
    answer.map(drop).map_err(|error| call.told(&error))
}

/// SetRepositoryPolicy, without its `force`: a policy that locks the identity out is refused.
pub(super) async fn set_policy(
    ecr: &StepEcr<'_>,
    set: SetRepositoryPolicy,
) -> Result<(), CapabilityError> {
    let repository = &set.repository;
    let (client, call) = ecr.client(repository, "ecr:SetRepositoryPolicy").await?;
    let request = client
        .set_repository_policy()
        .registry_id(repository.registry.account().as_str())
        .repository_name(repository.name.as_str())
        .policy_text(set.policy.as_str());
    let answer = untraced(request.send()).await;
    answer.map(drop).map_err(|error| call.told(&error))
}

/// PutImageTagMutability.
pub(super) async fn put_mutability(
    ecr: &StepEcr<'_>,
    put: PutTagMutability,
) -> Result<(), CapabilityError> {
    let repository = &put.repository;
    let (client, call) = ecr.client(repository, "ecr:PutImageTagMutability").await?;
    let request = client
        .put_image_tag_mutability()
        .registry_id(repository.registry.account().as_str())
        .repository_name(repository.name.as_str())
        .image_tag_mutability(mode(&put.mutability))
        .set_image_tag_mutability_exclusion_filters(filters(&put.mutability)?);
    let answer = untraced(request.send()).await;
    answer.map(drop).map_err(|error| call.told(&error))
}

fn mode(mutability: &TagMutability) -> ImageTagMutability {
    ImageTagMutability::from(mutability.mode().name())
}

/// The exclusion filters; none where the mode has none, because ECR refuses an empty list.
fn filters(
    mutability: &TagMutability,
) -> Result<Option<Vec<ImageTagMutabilityExclusionFilter>>, CapabilityError> {
    if mutability.exclusions().is_empty() {
        return Ok(None);
    }
    let filter = |filter: &TagFilter| {
        ImageTagMutabilityExclusionFilter::builder()
            .filter_type(ImageTagMutabilityExclusionFilterType::Wildcard)
            .filter(filter.as_str())
            .build()
    };
    let filters: Result<_, _> = mutability.exclusions().iter().map(filter).collect();
    filters.map(Some).map_err(incomplete)
}

/// A part of a request that lacks a member: a fault of this module.
fn incomplete(error: BuildError) -> CapabilityError {
    CapabilityError::invalid(error.to_string())
}

fn model(repository: &EcrRepository) -> Result<Repository, CapabilityError> {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let unknown = |error: GrammarError| {
        CapabilityError::unsupported(format!("ECR describes the repository with an {error}"))
    };
    let mutability = repository
        .image_tag_mutability()
        .map_or("MUTABLE", ImageTagMutability::as_str);
    let filters = repository.image_tag_mutability_exclusion_filters();
    let exclusions = filters
        .iter()
        .map(ImageTagMutabilityExclusionFilter::filter);
    let encryption = match repository.encryption_configuration() {
        Some(encryption) => RepositoryEncryption::parse(
            encryption.encryption_type().as_str(),
            encryption.kms_key().filter(|key| !key.is_empty()),
        )
        .map_err(unknown)?,
        None => RepositoryEncryption::Aes256,
    };
    let scanning = repository.image_scanning_configuration();
    Ok(Repository {
        name: text(repository.repository_name()),
        arn: text(repository.repository_arn()),
        uri: text(repository.repository_uri()),
        tag_mutability: TagMutability::parse(mutability, exclusions).map_err(unknown)?,
        scan_on_push: scanning.is_some_and(ImageScanningConfiguration::scan_on_push),
        encryption,
        is_new: false,
    })
}
