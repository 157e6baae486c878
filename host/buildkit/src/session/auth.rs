//! The session's service `moby.filesync.v1.Auth`: credentials for registries, at the moment that
//! the daemon needs them.

use std::sync::Arc;

use bollard_buildkit_proto::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse,
    GetTokenAuthorityRequest, GetTokenAuthorityResponse, VerifyTokenAuthorityRequest,
    VerifyTokenAuthorityResponse, auth_server::Auth,
};
use secrecy::{ExposeSecret, SecretString};
use tonic::{Request, Response, Status};

use crate::error::{Error, LocalFault};

/// A user name and password, or a token, for a registry.
pub struct RegistryCredential {
    /// The user name. Empty where `password` is an identity token.
    pub user_name: String,
    /// The password or token.
    pub password: SecretString,
}

/// Gives credentials for registries when the daemon asks for them.
#[tonic::async_trait]
pub trait CredentialSource: Send + Sync {
    /// The credential for `host`, such as `registry.example:5000`, or nothing for an anonymous
    /// request. Docker Hub is `docker.io`.
    ///
    /// # Errors
    /// A message for a person, without any secret; the build then fails with it.
    async fn credential(&self, host: &str) -> Result<Option<RegistryCredential>, String>;
}

/// No credentials: every request is anonymous.
#[tonic::async_trait]
impl CredentialSource for () {
    async fn credential(&self, _host: &str) -> Result<Option<RegistryCredential>, String> {
        Ok(None)
    }
}

pub(super) struct Credentials {
    pub(super) source: Arc<dyn CredentialSource>,
    pub(super) fault: LocalFault,
}

/// The daemon's own names for Docker Hub.
fn registry(host: &str) -> &str {
    match host {
        "registry-1.docker.io" | "index.docker.io" | "https://index.docker.io/v1/" => "docker.io",
        host => host,
    }
}

#[tonic::async_trait]
impl Auth for Credentials {
    async fn credentials(
        &self,
        request: Request<CredentialsRequest>,
    ) -> Result<Response<CredentialsResponse>, Status> {
        let host = registry(&request.get_ref().host);
        match self.source.credential(host).await {
            Ok(None) => Ok(Response::new(CredentialsResponse::default())),
            Ok(Some(credential)) => Ok(Response::new(CredentialsResponse {
                username: credential.user_name,
                secret: credential.password.expose_secret().to_owned(),
            })),
            Err(message) => {
                self.fault.set(Error::Credential {
                    host: host.to_owned(),
                    message: message.clone(),
                });
                Err(Status::permission_denied(message))
            }
        }
    }

    /// Refused as unavailable, which makes the daemon fetch the token by itself with the
    /// credentials.
    async fn fetch_token(
        &self,
        _request: Request<FetchTokenRequest>,
    ) -> Result<Response<FetchTokenResponse>, Status> {
        Err(by_yourself())
    }

    async fn get_token_authority(
        &self,
        _request: Request<GetTokenAuthorityRequest>,
    ) -> Result<Response<GetTokenAuthorityResponse>, Status> {
        Err(by_yourself())
    }

    async fn verify_token_authority(
        &self,
        _request: Request<VerifyTokenAuthorityRequest>,
    ) -> Result<Response<VerifyTokenAuthorityResponse>, Status> {
        Err(by_yourself())
    }
}

fn by_yourself() -> Status {
    Status::unavailable("tokens are fetched by the daemon")
}
