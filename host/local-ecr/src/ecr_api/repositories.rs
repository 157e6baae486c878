use super::error::ApiError;
use super::mutability::{self, MutabilityRequest};
use super::paging::Page;
use super::{Call, RepositoryRequest, check_repository_name, seconds};
use crate::names::{registry_host, repository_arn};
use crate::storage::Settings;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateRequest {
    registry_id: Option<String>,
    repository_name: String,
    #[serde(default)]
    image_scanning_configuration: ScanningConfiguration,
    #[serde(flatten)]
    mutability: MutabilityRequest,
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
        "encryptionConfiguration": {"encryptionType": "AES256"},
    });
    if let Some(members) = description.as_object_mut() {
        mutability::describe(&settings.mutability, members);
    }
    description
}

/// CreateRepository.
pub(super) async fn create(call: &Call) -> Result<Value, ApiError> {
    let request: CreateRequest = call.request()?;
    check_repository_name(&request.repository_name)?;
    let account = call.registry(request.registry_id.as_deref())?;
    let mutability = request.mutability.mutability()?;
    let adjust = |settings: &mut Settings| {
        settings.mutability = mutability;
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
