use super::error::ApiError;
use super::mutability::{self, MutabilityRequest};
use super::paging::Page;
use super::{Call, RepositoryRequest, check_repository_name, seconds};
use crate::names::{registry_host, repository_arn};
use crate::storage::Settings;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use stepyard_grammar::{AwsTag, RepositoryEncryption};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateRequest {
    registry_id: Option<String>,
    repository_name: String,
    #[serde(default)]
    image_scanning_configuration: ScanningConfiguration,
    encryption_configuration: Option<EncryptionConfiguration>,
    #[serde(default)]
    tags: Vec<ResourceTag>,
    #[serde(flatten)]
    mutability: MutabilityRequest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EncryptionConfiguration {
    encryption_type: String,
    kms_key: Option<String>,
}

impl EncryptionConfiguration {
    fn encryption(&self) -> Result<RepositoryEncryption, ApiError> {
        RepositoryEncryption::parse(&self.encryption_type, self.kms_key.as_deref())
            .map_err(|error| ApiError::invalid("encryptionConfiguration", &error.to_string()))
    }
}

/// A tag of a resource, whose members have capitals where all others of the API do not.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ResourceTag {
    key: String,
    value: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct ScanningConfiguration {
    #[serde(default)]
    scan_on_push: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeRequest {
    registry_id: Option<String>,
    repository_names: Option<Vec<String>>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

#[derive(Deserialize)]
struct DeleteRequest {
    #[serde(default)]
    force: bool,
    #[serde(flatten)]
    repository: RepositoryRequest,
}

fn description(call: &Call, settings: &Settings) -> Value {
    let Settings { account, name, .. } = settings;
    let region = &call.service.region;
    let mut description = json!({
        "registryId": account,
        "repositoryName": name,
        "repositoryArn": repository_arn(account, region, name),
        "repositoryUri": format!("{}/{name}", registry_host(account, region)),
        "createdAt": seconds(settings.created_at),
        "imageScanningConfiguration": {"scanOnPush": settings.scan_on_push},
        "encryptionConfiguration": encryption(call, settings),
    });
    if let Some(members) = description.as_object_mut() {
        mutability::describe(&settings.mutability, members);
    }
    description
}

/// Without a key of the repository's own, AWS names the one that it keeps for ECR.
fn encryption(call: &Call, settings: &Settings) -> Value {
    let encryption = &settings.encryption;
    if *encryption == RepositoryEncryption::Aes256 {
        return json!({"encryptionType": encryption.kind()});
    }
    let own = || {
        let (region, account) = (&call.service.region, &settings.account);
        let prefix = call.service.arn_prefix();
        format!("{prefix}:kms:{region}:{account}:alias/aws/ecr")
    };
    let key = encryption.key().map_or_else(own, ToOwned::to_owned);
    json!({"encryptionType": encryption.kind(), "kmsKey": key})
}

/// The tags of a request, by key.
fn tags(call: &Call, tags: Vec<ResourceTag>) -> Result<BTreeMap<String, String>, ApiError> {
    if tags.is_empty() {
        return Ok(BTreeMap::new());
    }
    if tags.len() > AwsTag::MOST {
        return Err(ApiError::new(
            "TooManyTagsException",
            format!("The request has more than {} tags", AwsTag::MOST),
        ));
    }
    // IAM asks for it beside ecr:CreateRepository.
    let resource = call.resource();
    call.service
        .check_action("ecr:TagResource", &call.principal.arn, &resource)?;
    let mut by_key = BTreeMap::new();
    for ResourceTag { key, value } in tags {
        AwsTag::new(&key, &value)
            .map_err(|error| ApiError::new("InvalidTagParameterException", error.to_string()))?;
        by_key.insert(key, value);
    }
    Ok(by_key)
}

/// ListTagsForResource.
pub(super) fn list_tags(call: &Call) -> Result<Value, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Request {
        resource_arn: String,
    }
    let Request { resource_arn } = call.request()?;
    let parts: Vec<&str> = resource_arn.splitn(6, ':').collect();
    let (account, name) = match parts.as_slice() {
        ["arn", _, "ecr", _, account, resource] => {
            let name = resource.strip_prefix("repository/");
            name.map(|name| (*account, name))
        }
        _ => None,
    }
    .ok_or_else(|| ApiError::invalid("resourceArn", "must be the ARN of a repository"))?;
    let settings = call.repository(Some(account), name)?.settings()?;
    let tags = settings.tags.into_iter();
    let tags: Vec<ResourceTag> = tags
        .map(|(key, value)| ResourceTag { key, value })
        .collect();
    Ok(json!({ "tags": tags }))
}

/// CreateRepository.
pub(super) async fn create(call: &Call) -> Result<Value, ApiError> {
    let request: CreateRequest = call.request()?;
    check_repository_name(&request.repository_name)?;
    let account = call.registry(request.registry_id.as_deref())?;
    let mutability = request.mutability.mutability()?;
    let encryption = request.encryption_configuration;
    let encryption = encryption.map(|encryption| encryption.encryption());
    let encryption = encryption.transpose()?.unwrap_or_default();
    let tags = tags(call, request.tags)?;
    let adjust = |settings: &mut Settings| {
        settings.mutability = mutability;
        settings.encryption = encryption;
        settings.tags = tags;
        settings.scan_on_push = request.image_scanning_configuration.scan_on_push;
    };
    let repository = call
        .service
        .create_repository(account, request.repository_name, adjust)
        .await?;
    Ok(json!({ "repository": description(call, &repository.settings()?) }))
}

/// DescribeRepositories.
pub(super) fn describe(call: &Call) -> Result<Value, ApiError> {
    let request: DescribeRequest = call.request()?;
    let account = call.registry(request.registry_id.as_deref())?;
    let page = Page::new(request.next_token.as_deref(), request.max_results)?;
    let repositories = match request.repository_names {
        None => call.service.storage.repositories.list(&account),
        Some(names) => names
            .iter()
            .map(|name| call.repository(Some(&account), name))
            .collect::<Result<_, _>>()?,
    };
    let entries = repositories
        .iter()
        // One that was deleted a moment ago is left out.
        .filter_map(|repository| repository.settings().ok())
        .map(|settings| (settings.name.clone(), description(call, &settings)))
        .collect();
    Ok(page.answer("repositories", entries))
}

/// DeleteRepository.
pub(super) async fn delete(call: &Call) -> Result<Value, ApiError> {
    let DeleteRequest { force, repository } = call.request()?;
    check_repository_name(&repository.repository_name)?;
    let account = call.registry(repository.registry_id.as_deref())?;
    let service = call.service.clone();
    let settings = super::aside(move || {
        service
            .storage
            .repositories
            .delete(&account, &repository.repository_name, force)
    })
    .await?;
    Ok(json!({ "repository": description(call, &settings) }))
}
