//! The registry API: the OCI distribution specification 1.1 with ECR's behaviour.
//! <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md>

mod blobs;
mod error;
mod listing;
mod manifests;
mod range;
mod route;
mod uploads;

use crate::names::{host_account, repository_arn};
use crate::service::Service;
use crate::storage::{Repository, StorageError};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use error::RegistryError;
use http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName};
use http::request::Parts;
use http::{HeaderValue, Request, StatusCode};
use route::Target;
use std::collections::BTreeMap;
use std::sync::Arc;

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// One request, authenticated and permitted.
struct Call {
    service: Arc<Service>,
    account: String,
    name: String,
    request: Parts,
    query: BTreeMap<String, String>,
}

impl Call {
    fn repository(&self) -> Result<Arc<Repository>, RegistryError> {
        Ok(self
            .service
            .storage
            .repositories
            .find(&self.account, &self.name)?)
    }

    /// The repository for a push, which makes it where the server is set to do so.
    async fn repository_for_push(&self) -> Result<Arc<Repository>, RegistryError> {
        let repositories = &self.service.storage.repositories;
        match repositories.find(&self.account, &self.name) {
            Err(StorageError::RepositoryNotFound { account, name })
                if self.service.create_on_push =>
            {
                match self.service.create_repository(account, name, |_| {}).await {
                    // Another push was faster.
                    Err(StorageError::RepositoryAlreadyExists { .. }) => self.repository(),
                    created => Ok(created?),
                }
            }
            found => Ok(found?),
        }
    }

    fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        header(&self.request.headers, name)
    }
}

fn header(headers: &HeaderMap, name: impl http::header::AsHeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Answers one request.
pub(crate) async fn handle(
    State(service): State<Arc<Service>>,
    path: Option<Path<String>>,
    request: Request<Body>,
) -> Response {
    let path = path.map(|Path(path)| path).unwrap_or_default();
    let mut response = answer(service, &path, request)
        .await
        .unwrap_or_else(|error| error.into_response());
    response
        .headers_mut()
        .insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    response
}

async fn answer(
    service: Arc<Service>,
    path: &str,
    request: Request<Body>,
) -> Result<Response, RegistryError> {
    let (request, body) = request.into_parts();
    let endpoint = format!("http://{}", service.address);
    service
        .authority
        .check_token(header(&request.headers, AUTHORIZATION))
        .map_err(|error| RegistryError::unauthorized(error, &endpoint))?;
    if path.is_empty() {
        return Ok(axum::Json(serde_json::json!({})).into_response());
    }
    let unsupported = |message: String| {
        RegistryError::new(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", message)
    };
    let (name, target) = route::parse(path)
        .ok_or_else(|| RegistryError::not_found("UNSUPPORTED", format!("no such path: {path}")))?;
    route::check_name(name)?;
    let account = header(&request.headers, HOST).and_then(host_account);
    let account = account.unwrap_or_else(|| service.account.clone());
    let action = target
        .action(&request.method)
        .ok_or_else(|| unsupported(format!("{} is not served here", request.method)))?;
    let resource = repository_arn(&account, &service.region, name);
    service.check_action(action, &service.authority.user_arn(), &resource)?;
    let query = request.uri.query().unwrap_or_default();
    let query = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let method = request.method.as_str().to_owned();
    let call = Call {
        service,
        account,
        name: name.to_owned(),
        request,
        query,
    };
    match (target, method.as_str()) {
        (Target::Uploads, _) => uploads::start(&call, body).await,
        (Target::Upload(id), "GET") => uploads::status(&call, id),
        (Target::Upload(id), "PATCH") => uploads::append(&call, id, body).await,
        (Target::Upload(id), "PUT") => uploads::finish(&call, id, body).await,
        (Target::Upload(id), _) => uploads::cancel(&call, id),
        (Target::Blob(digest), "HEAD") => blobs::head(&call, digest).await,
        (Target::Blob(digest), _) => blobs::get(&call, digest).await,
        (Target::Manifest(reference), "PUT") => manifests::put(&call, reference, body).await,
        (Target::Manifest(reference), "DELETE") => manifests::delete(&call, reference).await,
        (Target::Manifest(reference), _) => manifests::get(&call, reference).await,
        (Target::Tags, _) => listing::tags(&call),
        (Target::Referrers(digest), _) => listing::referrers(&call, digest),
    }
}
