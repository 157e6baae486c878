//! The ECR API: AWS JSON 1.1, version 2015-09-21.
//! <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Operations.html>

mod authorization;
mod error;
mod images;
mod listing;
mod mutability;
mod paging;
mod policies;
mod repositories;
mod scans;

use crate::authentication::Principal;
use crate::names::{REPOSITORY_PATTERN, is_account, is_repository_name, repository_arn};
use crate::service::Service;
use crate::storage::{Repository, StorageError, blocking};
use axum::response::{IntoResponse as _, Response};
use error::{AWS_JSON, ApiError};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

const TARGET: &str = "AmazonEC2ContainerRegistry_V20150921.";
/// ECR Public's, of which only the token is served.
const PUBLIC_TARGET: &str = "SpencerFrontendService.";

/// One call of the ECR API, authenticated and permitted.
struct Call {
    service: Arc<Service>,
    principal: Principal,
    body: Value,
}

/// The members that most requests have.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RepositoryRequest {
    registry_id: Option<String>,
    repository_name: String,
}

/// Answers one call.
pub(crate) async fn handle(service: &Arc<Service>, request: &Parts, body: &[u8]) -> Response {
    match answer(service, request, body).await {
        Ok(value) => ([(CONTENT_TYPE, AWS_JSON)], value.to_string()).into_response(),
        Err(error) => error.into_response(),
    }
}

async fn answer(service: &Arc<Service>, request: &Parts, body: &[u8]) -> Result<Value, ApiError> {
    let principal = service.authority.authenticate(request, body)?;
    let target = request
        .headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok());
    let public = target.and_then(|target| target.strip_prefix(PUBLIC_TARGET));
    let operation = target
        .and_then(|target| target.strip_prefix(TARGET))
        .unwrap_or_default();
    let body: Value = serde_json::from_slice(body)
        .map_err(|error| ApiError::new("SerializationException", error.to_string()))?;
    let call = Call {
        service: service.clone(),
        principal,
        body,
    };
    if let Some(operation) = public {
        return authorization::answer_public(&call, operation);
    }
    let action = format!("ecr:{operation}");
    service.check_action(&action, &call.principal.arn, &call.resource())?;
    match operation {
        "GetAuthorizationToken" => authorization::get_authorization_token(&call),
        "CreateRepository" => repositories::create(&call).await,
        "DescribeRepositories" => repositories::describe(&call),
        "DeleteRepository" => repositories::delete(&call).await,
        "PutImageTagMutability" => mutability::put(&call).await,
        "DescribeImages" => listing::describe_images(&call),
        "ListImages" => listing::list_images(&call),
        "BatchGetImage" => images::batch_get(&call).await,
        "BatchDeleteImage" => images::batch_delete(&call).await,
        "BatchCheckLayerAvailability" => images::check_layers(&call).await,
        "PutImage" => images::put(&call).await,
        "SetRepositoryPolicy" => policies::set_repository_policy(&call).await,
        "GetRepositoryPolicy" => policies::get_repository_policy(&call),
        "PutLifecyclePolicy" => policies::put_lifecycle_policy(&call).await,
        "GetLifecyclePolicy" => policies::get_lifecycle_policy(&call),
        "ListTagsForResource" => repositories::list_tags(&call),
        "StartImageScan" => scans::start(&call).await,
        "DescribeImageScanFindings" => scans::findings(&call),
        "DescribeImageReplicationStatus" => scans::replication(&call),
        _ => Err(ApiError::new(
            "UnknownOperationException",
            format!("The operation '{operation}' is not known here"),
        )),
    }
}

impl Call {
    /// The request's members.
    fn request<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        T::deserialize(&self.body).map_err(|error| {
            ApiError::new(
                "InvalidParameterException",
                format!("1 validation error detected: {error}"),
            )
        })
    }

    /// The account that a request means: the one it names, or else the caller's.
    fn registry(&self, registry_id: Option<&str>) -> Result<String, ApiError> {
        let registry = registry_id.unwrap_or(&self.principal.account);
        if is_account(registry) {
            Ok(registry.to_owned())
        } else {
            Err(ApiError::invalid(
                "registryId",
                "must satisfy regular expression '[0-9]{12}'",
            ))
        }
    }

    /// The repository that a request names.
    fn repository(
        &self,
        registry_id: Option<&str>,
        name: &str,
    ) -> Result<Arc<Repository>, ApiError> {
        check_repository_name(name)?;
        let registry = self.registry(registry_id)?;
        Ok(self.service.storage.repositories.find(&registry, name)?)
    }

    /// The repository named by the members that most requests have.
    fn named_repository(&self) -> Result<Arc<Repository>, ApiError> {
        let request: RepositoryRequest = self.request()?;
        self.repository(request.registry_id.as_deref(), &request.repository_name)
    }

    /// The ARN that IAM would be asked about.
    fn resource(&self) -> String {
        let member = |name: &str| self.body.get(name).and_then(Value::as_str);
        let account = member("registryId").unwrap_or(&self.principal.account);
        member("repositoryName").map_or_else(
            || "*".to_owned(),
            |name| repository_arn(account, &self.service.region, name),
        )
    }
}

fn check_repository_name(name: &str) -> Result<(), ApiError> {
    if is_repository_name(name) {
        return Ok(());
    }
    let constraint = format!(
        "must satisfy regular expression '{REPOSITORY_PATTERN}' and have 2 to 256 characters"
    );
    Err(ApiError::invalid("repositoryName", &constraint))
}

/// A time as the API has it: seconds since 1970 with a fraction.
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970 fit 53 bits"
)]
fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}

/// Runs storage work aside.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> Result<T, ApiError> {
    Ok(blocking(work).await?)
}
