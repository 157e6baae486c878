//! The session's service `moby.sshforward.v1.SSH`: `RUN --mount=type=ssh` reaches an agent on this
//! side, which signs with its keys and gives none away.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::Pin;

use bollard_buildkit_proto::moby::sshforward::v1::{
    BytesMessage, CheckAgentRequest, CheckAgentResponse, ssh_server::Ssh,
};
use futures_util::{Stream, StreamExt, TryStreamExt};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio_util::io::ReaderStream;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Request, Response, Status, Streaming};

use crate::error::{Error, LocalFault};

/// The metadata that names the agent.
const ID: &str = "buildkit.ssh.id";
/// The agent of a mount without an identifier.
const DEFAULT: &str = "default";

pub(super) struct Agents {
    /// The sockets, by the identifier that Dockerfiles name.
    pub(super) sockets: BTreeMap<String, PathBuf>,
    pub(super) fault: LocalFault,
}

impl Agents {
    fn socket(&self, id: &str) -> Result<&PathBuf, Status> {
        let id = if id.is_empty() { DEFAULT } else { id };
        self.sockets
            .get(id)
            .ok_or_else(|| Status::not_found(format!("there is no ssh agent {id:?}")))
    }
}

#[tonic::async_trait]
impl Ssh for Agents {
    type ForwardAgentStream = Pin<Box<dyn Stream<Item = Result<BytesMessage, Status>> + Send>>;

    async fn check_agent(
        &self,
        request: Request<CheckAgentRequest>,
    ) -> Result<Response<CheckAgentResponse>, Status> {
        self.socket(&request.get_ref().id)?;
        Ok(Response::new(CheckAgentResponse {}))
    }

    async fn forward_agent(
        &self,
        request: Request<Streaming<BytesMessage>>,
    ) -> Result<Response<Self::ForwardAgentStream>, Status> {
        let id = request
            .metadata()
            .get(ID)
            .and_then(|id| id.to_str().ok())
            .unwrap_or(DEFAULT)
            .to_owned();
        let agent = UnixStream::connect(self.socket(&id)?)
            .await
            .map_err(|error| {
                self.fault.set(Error::SshAgent {
                    id: id.clone(),
                    message: error.to_string(),
                });
                Status::unavailable(error.to_string())
            })?;
        let (from_agent, mut to_agent) = agent.into_split();
        let mut requests = request.into_inner();
        let forward = AbortOnDropHandle::new(tokio::spawn(async move {
            while let Some(Ok(message)) = requests.next().await {
                if to_agent.write_all(&message.data).await.is_err() {
                    break;
                }
            }
        }));
        let answers = ReaderStream::new(from_agent)
            .map_ok(move |data| {
                // The way to the agent lives as long as the way back.
                let _ = &forward;
                BytesMessage { data: data.into() }
            })
            .map_err(|error| Status::unavailable(error.to_string()));
        Ok(Response::new(Box::pin(answers)))
    }
}
