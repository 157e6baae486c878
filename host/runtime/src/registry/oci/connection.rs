//! One repository, as one credential may use it: requests with logins, retries and limits.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, LOCATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use reqwest::{Client, Response, Url};
use stepyard_grammar::{EcrRegistry, RegistryHost, RepositoryName};
use tokio::sync::Mutex;
use tokio_rustls::rustls::{CertificateError, Error as TlsError};

use super::Limits;
use super::challenge::Challenge;
use super::failure::{Failure, Refusal};
use super::token;
use crate::auth::Credential;
use crate::capability::CapabilityError;
use crate::registry::Endpoint;

/// What a login at a token realm asks for (Docker's token scopes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permission {
    /// To read.
    Pull,
    /// To read and write.
    Push,
}

/// One repository, as one credential may use it.
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) endpoint: Endpoint,
    /// The registry by the name that settings use.
    pub(super) registry: RegistryHost,
    pub(super) repository: RepositoryName,
    pub(super) credential: Credential,
    /// Token scopes, such as `repository:team/app:pull`.
    scopes: Vec<String>,
    login: Mutex<LoginScheme>,
    pub(super) limits: Limits,
}

/// How the registry is logged in to, as far as it is known.
#[derive(Clone)]
enum LoginScheme {
    Unknown,
    Basic,
    Bearer(HeaderValue),
}

/// A request whose body can be sent again.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Request {
    /// A request without headers and body.
    pub(super) fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }
}

/// What an error comes from. The one within an [`std::io::Error`] is passed over by its `source`.
fn source<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a (dyn std::error::Error + 'static)> {
    match error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref)
    {
        Some(within) => Some(within),
        None => error.source(),
    }
}

/// Where an answer points to.
pub(super) struct Location {
    pub(super) url: Url,
    /// Whether it is the registry itself, which may see the credential.
    pub(super) is_own: bool,
}

impl Connection {
    const MOST_REDIRECTS: usize = 5;

    /// A connection to `repository`. Nothing is sent yet.
    pub(super) fn new(
        client: Client,
        endpoint: Endpoint,
        limits: Limits,
        (registry, repository): (RegistryHost, RepositoryName),
        credential: Credential,
        permission: Permission,
    ) -> Result<Self, CapabilityError> {
        if *credential.registry() != registry {
            return Err(CapabilityError::invalid(format!(
                "the credential is for {}, not for {registry}; log in to {registry}",
                credential.registry()
            )));
        }
        let actions = match permission {
            Permission::Pull => "pull",
            Permission::Push => "pull,push",
        };
        // ECR takes nothing but Basic, so it need not be asked.
        let login = if EcrRegistry::from_host(&registry).is_some() {
            LoginScheme::Basic
        } else {
            LoginScheme::Unknown
        };
        Ok(Self {
            client,
            endpoint,
            scopes: vec![format!("repository:{repository}:{actions}")],
            registry,
            repository,
            credential,
            login: Mutex::new(login),
            limits,
        })
    }

    /// The same, with permission to read `repository` too, for mounts.
    pub(super) fn and_pull(mut self, repository: &RepositoryName) -> Self {
        self.scopes.push(format!("repository:{repository}:pull"));
        self
    }

    /// The same, with permission for nothing in particular.
    pub(super) fn without_scopes(mut self) -> Self {
        self.scopes.clear();
        self
    }

    /// The URL of `path` (such as `manifests/1`) in the repository.
    pub(super) fn url(&self, path: &str) -> Result<Url, Failure> {
        let base = self.base()?;
        base.join(&format!("/v2/{}/{path}", self.repository))
            .map_err(|error| Failure::Malformed(format!("{path} makes no URL: {error}")))
    }

    /// The URL of the API's root.
    pub(super) fn root(&self) -> Result<Url, Failure> {
        let mut root = self.base()?;
        root.set_path("/v2/");
        Ok(root)
    }

    fn base(&self) -> Result<Url, Failure> {
        let address = self.address();
        Url::parse(&address)
            .map_err(|error| Failure::Malformed(format!("{address} is no URL: {error}")))
    }

    /// The physical address, for a person.
    pub(super) fn address(&self) -> String {
        let scheme = if self.endpoint.plain_http {
            "http"
        } else {
            "https"
        };
        // Docker Hub's API has a name of its own.
        let host = if self.endpoint.host.is_docker_hub() {
            "registry-1.docker.io"
        } else {
            self.endpoint.host.as_str()
        };
        format!("{scheme}://{host}")
    }

    /// What a step is told of a failure.
    pub(super) fn told(&self, failure: Failure, what: &str) -> CapabilityError {
        failure.told(what, &self.registry, &self.repository)
    }

    /// Sends a request, logs in where the registry asks for it, and tries again where that may
    /// help. The answer has a status of success or redirection.
    pub(super) async fn send(&self, request: &Request) -> Result<Response, Failure> {
        let what = format!("{} {}{}", request.method, self.registry, request.url.path());
        let mut attempts = self.limits.patience.begin(&what);
        loop {
            match self.send_once(request).await {
                Ok(response) => return Ok(response),
                Err(failure) => attempts.pause_after(failure).await?,
            }
        }
    }

    async fn send_once(&self, request: &Request) -> Result<Response, Failure> {
        let response = self.exchange(request, self.authorization().await?).await?;
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(authorization) = self.log_in(response.headers()).await?
        {
            let response = self.exchange(request, Some(authorization)).await?;
            return self.accept(response).await;
        }
        self.accept(response).await
    }

    /// As [`Self::send`], following redirects. The credential goes to the registry alone.
    pub(super) async fn fetch(&self, request: &Request) -> Result<Response, Failure> {
        let mut response = self.send(request).await?;
        for _ in 0..Self::MOST_REDIRECTS {
            if !response.status().is_redirection() {
                return Ok(response);
            }
            let Some(location) = self.location(&response)? else {
                break;
            };
            let request = Request {
                url: location.url,
                ..request.clone()
            };
            response = if location.is_own {
                self.send(&request).await?
            } else {
                let response = self.exchange(&request, None).await?;
                self.accept(response).await?
            };
        }
        Err(Failure::Malformed(
            "the registry redirects too often".to_owned(),
        ))
    }

    /// What goes into the header `Authorization` of the next request.
    pub(super) async fn authorization(&self) -> Result<Option<HeaderValue>, Failure> {
        let scheme = self.login.lock().await.clone();
        match scheme {
            LoginScheme::Unknown => Ok(None),
            LoginScheme::Basic => self.basic().await,
            LoginScheme::Bearer(value) => Ok(Some(value)),
        }
    }

    async fn basic(&self) -> Result<Option<HeaderValue>, Failure> {
        let credential = self.credential.basic().await;
        match credential.map_err(Failure::Credential)? {
            Some(basic) => token::basic_header(&basic).map(Some),
            None => Ok(None),
        }
    }

    /// Answers the challenge of a 401, or nothing where there is nothing new to answer with.
    async fn log_in(&self, headers: &HeaderMap) -> Result<Option<HeaderValue>, Failure> {
        let (scheme, header) = match Challenge::of(headers) {
            None => return Ok(None),
            Some(Challenge::Basic) => (LoginScheme::Basic, self.basic().await?),
            Some(Challenge::Bearer { realm, service }) => {
                let value = self.bearer(&realm, service.as_deref()).await?;
                (LoginScheme::Bearer(value.clone()), Some(value))
            }
        };
        *self.login.lock().await = scheme;
        Ok(header)
    }

    async fn bearer(&self, realm: &str, service: Option<&str>) -> Result<HeaderValue, Failure> {
        let url = token::realm_url(realm, self.endpoint.plain_http, service, &self.scopes)?;
        let request = Request::new(Method::GET, url);
        let response = self.exchange(&request, self.basic().await?).await?;
        let response = self.accept(response).await?;
        let body = self.read(response, token::LARGEST_ANSWER).await?;
        token::bearer_header(&body, self.credential.mask()).ok_or_else(|| {
            Failure::Malformed(format!(
                "the token realm {realm:?} does not answer with a token"
            ))
        })
    }

    /// One request and the head of its answer, whatever it is.
    pub(super) async fn exchange(
        &self,
        request: &Request,
        authorization: Option<HeaderValue>,
    ) -> Result<Response, Failure> {
        let mut builder = self
            .client
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone());
        if matches!(request.method, Method::PUT | Method::POST | Method::PATCH) {
            builder = builder.body(request.body.clone());
        }
        if let Some(authorization) = authorization {
            builder = builder.header(AUTHORIZATION, authorization);
        }
        self.in_time(builder.send()).await
    }

    /// Waits for `future`, but not longer than the registry may be silent.
    pub(super) async fn in_time<T>(
        &self,
        future: impl Future<Output = Result<T, reqwest::Error>>,
    ) -> Result<T, Failure> {
        match tokio::time::timeout(self.limits.idle, future).await {
            Ok(result) => result.map_err(|error| self.unreachable(error)),
            Err(_) => Err(self.silent()),
        }
    }

    /// The failure of an exchange that was silent for too long.
    pub(super) fn silent(&self) -> Failure {
        Failure::Silent {
            address: self.address(),
            idle: self.limits.idle,
        }
    }

    /// The failure behind an error of the HTTP client.
    pub(super) fn unreachable(&self, error: reqwest::Error) -> Failure {
        let address = match error.url() {
            // Without the query, which may hold the signature of a redirect.
            Some(url) => format!("{}://{}", url.scheme(), url.authority()),
            None => self.address(),
        };
        let error = error.without_url();
        let mut innermost: &(dyn std::error::Error + 'static) = &error;
        while let Some(source) = source(innermost) {
            // A failure of the other registry, when a body streams from there.
            if let Some(failure) = source.downcast_ref::<Failure>() {
                return failure.clone();
            }
            if let Some(TlsError::InvalidCertificate(cause)) = source.downcast_ref() {
                let cause = match cause {
                    CertificateError::UnknownIssuer => {
                        "no authority known here signed it".to_owned()
                    }
                    cause => cause.to_string(),
                };
                return Failure::Untrusted { address, cause };
            }
            innermost = source;
        }
        Failure::Unreachable {
            address,
            cause: innermost.to_string(),
        }
    }

    /// The answer, where its status is one of success or redirection.
    pub(super) async fn accept(&self, response: Response) -> Result<Response, Failure> {
        let status = response.status();
        if status.is_success() || status.is_redirection() {
            return Ok(response);
        }
        let headers = response.headers().clone();
        // An error without a readable body is still that error.
        let body = self
            .read(response, Refusal::LARGEST_BODY)
            .await
            .unwrap_or_default();
        Err(Failure::Refused(Refusal::read(status, &headers, &body)))
    }

    /// The body of an answer, at most `limit` bytes of it.
    ///
    /// # Errors
    /// Also where it is longer.
    pub(super) async fn read(
        &self,
        mut response: Response,
        limit: usize,
    ) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        while let Some(chunk) = self.in_time(response.chunk()).await? {
            if body.len() + chunk.len() > limit {
                return Err(Failure::Malformed(format!(
                    "the registry's answer is longer than {limit} bytes"
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Where an answer points to. A registry behind a proxy or a mapped address may point to
    /// itself by its own name or without TLS: that is taken for the address that it is reached at.
    ///
    /// # Errors
    /// Where that is not a URL, or leaves HTTPS.
    pub(super) fn location(&self, response: &Response) -> Result<Option<Location>, Failure> {
        let Some(text) = response.headers().get(LOCATION) else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(text.as_bytes());
        self.resolve(response.url(), &text).map(Some)
    }

    /// The URL that `text` names in an answer from `from`.
    pub(super) fn resolve(&self, from: &Url, text: &str) -> Result<Location, Failure> {
        let malformed = |problem: &str| {
            let text = text.split('?').next().unwrap_or_default();
            Failure::Malformed(format!("the registry points to {text:?}, which {problem}"))
        };
        let url = from.join(text).map_err(|_| malformed("is no URL"))?;
        let mut own = self.base()?;
        let authority = url.authority();
        let is_own = authority == own.authority() || authority == self.registry.as_str();
        if is_own {
            own.set_path(url.path());
            own.set_query(url.query());
            return Ok(Location { url: own, is_own });
        }
        if url.scheme() != "https" && !(self.endpoint.plain_http && url.scheme() == "http") {
            return Err(malformed("is not reached by HTTPS"));
        }
        Ok(Location { url, is_own })
    }

    /// The longest time in which not a byte moves.
    pub(super) fn idle(&self) -> Duration {
        self.limits.idle
    }
}
