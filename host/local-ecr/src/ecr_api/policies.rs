use super::error::ApiError;
use super::{Call, aside};
use crate::storage::Settings;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RepositoryPolicyRequest {
    policy_text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LifecyclePolicyRequest {
    lifecycle_policy_text: String,
}

fn repository_policy(settings: &Settings) -> Result<Value, ApiError> {
    let Settings {
        account,
        name,
        repository_policy,
        ..
    } = settings;
    match repository_policy {
        Some(text) => {
            Ok(json!({"registryId": account, "repositoryName": name, "policyText": text}))
        }
        None => Err(ApiError::new(
            "RepositoryPolicyNotFoundException",
            format!(
                "Repository policy does not exist for the repository with name '{name}' in the registry with id '{account}'"
            ),
        )),
    }
}

fn lifecycle_policy(settings: &Settings) -> Result<Value, ApiError> {
    let Settings {
        account,
        name,
        lifecycle_policy,
        ..
    } = settings;
    match lifecycle_policy {
        Some(text) => {
            Ok(json!({"registryId": account, "repositoryName": name, "lifecyclePolicyText": text}))
        }
        None => Err(ApiError::new(
            "LifecyclePolicyNotFoundException",
            format!(
                "Lifecycle policy does not exist for the repository with name '{name}' in the registry with id '{account}'"
            ),
        )),
    }
}

fn check_json(member: &str, text: &str) -> Result<(), ApiError> {
    let parsed = serde_json::from_str::<serde_json::Map<String, Value>>(text);
    parsed
        .map(drop)
        .map_err(|error| ApiError::invalid(member, &format!("must be a JSON object ({error})")))
}

/// SetRepositoryPolicy. The policy is kept, not evaluated.
pub(super) async fn set_repository_policy(call: &Call) -> Result<Value, ApiError> {
    let request: RepositoryPolicyRequest = call.request()?;
    check_json("policyText", &request.policy_text)?;
    let repository = call.named_repository()?;
    let change = |settings: &mut Settings| settings.repository_policy = Some(request.policy_text);
    repository_policy(&aside(move || repository.change_settings(change)).await?)
}

/// GetRepositoryPolicy.
pub(super) fn get_repository_policy(call: &Call) -> Result<Value, ApiError> {
    repository_policy(&call.named_repository()?.settings()?)
}

/// PutLifecyclePolicy. The policy is kept, not applied.
pub(super) async fn put_lifecycle_policy(call: &Call) -> Result<Value, ApiError> {
    let request: LifecyclePolicyRequest = call.request()?;
    check_json("lifecyclePolicyText", &request.lifecycle_policy_text)?;
    let repository = call.named_repository()?;
    let change =
        |settings: &mut Settings| settings.lifecycle_policy = Some(request.lifecycle_policy_text);
    lifecycle_policy(&aside(move || repository.change_settings(change)).await?)
}

/// GetLifecyclePolicy.
pub(super) fn get_lifecycle_policy(call: &Call) -> Result<Value, ApiError> {
    lifecycle_policy(&call.named_repository()?.settings()?)
}
