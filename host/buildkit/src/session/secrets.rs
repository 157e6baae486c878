//! The session's service `moby.buildkit.secrets.v1.Secrets`: the values of
//! `RUN --mount=type=secret`.

use std::sync::Arc;

use bollard_buildkit_proto::moby::buildkit::secrets::v1::{
    GetSecretRequest, GetSecretResponse, secrets_server::Secrets,
};
use secrecy::{ExposeSecret, SecretSlice};
use tonic::{Request, Response, Status};

use crate::error::{Error, LocalFault};

/// The largest secret that the daemon takes, in bytes (`MaxSecretSize` of BuildKit).
const LARGEST: usize = 500 * 1024;

/// Gives build secrets when the daemon asks for them.
#[tonic::async_trait]
pub trait SecretSource: Send + Sync {
    /// The secret that the Dockerfile names `id`, or nothing where there is none.
    ///
    /// # Errors
    /// A message for a person, without the value; the build then fails with it.
    async fn secret(&self, id: &str) -> Result<Option<SecretSlice<u8>>, String>;
}

/// No secrets.
#[tonic::async_trait]
impl SecretSource for () {
    async fn secret(&self, _id: &str) -> Result<Option<SecretSlice<u8>>, String> {
        Ok(None)
    }
}

pub(super) struct BuildSecrets {
    pub(super) source: Arc<dyn SecretSource>,
    pub(super) fault: LocalFault,
}

impl BuildSecrets {
    fn refuse(&self, id: &str, message: String) -> Status {
        self.fault.set(Error::Secret {
            id: id.to_owned(),
            message: message.clone(),
        });
        Status::failed_precondition(message)
    }
}

#[tonic::async_trait]
impl Secrets for BuildSecrets {
    async fn get_secret(
        &self,
        request: Request<GetSecretRequest>,
    ) -> Result<Response<GetSecretResponse>, Status> {
        let id = request.into_inner().id;
        match self.source.secret(&id).await {
            Ok(Some(value)) if value.expose_secret().len() > LARGEST => {
                Err(self.refuse(&id, format!("it is larger than {LARGEST} bytes")))
            }
            Ok(Some(value)) => Ok(Response::new(GetSecretResponse {
                data: value.expose_secret().to_owned(),
            })),
            // Not a fault: a secret that the Dockerfile does not require may be missing.
            Ok(None) => Err(Status::not_found(format!("there is no secret {id:?}"))),
            Err(message) => Err(self.refuse(&id, message)),
        }
    }
}
