//! The session's service `moby.sshforward.v1.SSH`: `RUN --mount=type=ssh` reaches an agent on this
//! side, which tells its public keys and signs. Nothing else passes: whoever writes a Dockerfile
//! could otherwise take keys from the agent of its user, or lock it.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;

use bollard_buildkit_proto::moby::sshforward::v1::{
    BytesMessage, CheckAgentRequest, CheckAgentResponse, ssh_server::Ssh,
};
use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, Stream, StreamExt, TryStreamExt, stream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio_util::codec::length_delimited::{Builder, LengthDelimitedCodec};
use tokio_util::codec::{Encoder, Framed};
use tokio_util::io::StreamReader;
use tonic::{Request, Response, Status, Streaming};

use crate::error::{Error, LocalFault};

/// The metadata that names the agent.
const ID: &str = "buildkit.ssh.id";
/// The agent of a mount without an identifier.
const DEFAULT: &str = "default";
/// What an agent may be asked (draft-ietf-sshm-ssh-agent): `SSH_AGENTC_REQUEST_IDENTITIES` and
/// `SSH_AGENTC_SIGN_REQUEST`, as with BuildKit's own client.
const PERMITTED: [u8; 2] = [11, 13];
/// `SSH_AGENT_FAILURE`, which is also the answer to an unknown request.
const FAILURE: u8 = 5;
/// The longest message in bytes, as with OpenSSH.
const LONGEST_MESSAGE: usize = 256 << 10;

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
        let requests = request
            .into_inner()
            .map_ok(|message| Bytes::from(message.data))
            .map_err(io::Error::other);
        let requests = messages().new_read(StreamReader::new(requests));
        let agent = messages().new_framed(agent);
        let answers = stream::try_unfold((requests, agent), async |(mut requests, mut agent)| {
            let Some(request) = requests.try_next().await? else {
                return Ok(None);
            };
            let answer = answer(&mut agent, request).await?;
            Ok(Some((answer, (requests, agent))))
        });
        let answers = answers.map(|answer: io::Result<Bytes>| {
            let data = answer.and_then(with_length);
            data.map(|data| BytesMessage { data })
                .map_err(|error| Status::unavailable(error.to_string()))
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

/// Messages of the agent protocol: a length of four bytes, and as much.
fn messages() -> Builder {
    let mut messages = LengthDelimitedCodec::builder();
    messages.max_frame_length(LONGEST_MESSAGE);
    messages
}

/// What the agent answers, where it may be asked.
async fn answer<Agent>(
    agent: &mut Framed<Agent, LengthDelimitedCodec>,
    request: BytesMut,
) -> io::Result<Bytes>
where
    Agent: AsyncRead + AsyncWrite + Unpin,
{
    if !request.first().is_some_and(|kind| PERMITTED.contains(kind)) {
        return Ok(Bytes::from_static(&[FAILURE]));
    }
    agent.send(request.freeze()).await?;
    let answer = agent.try_next().await?;
    answer
        .map(BytesMut::freeze)
        .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

fn with_length(message: Bytes) -> io::Result<Vec<u8>> {
    let mut data = BytesMut::new();
    LengthDelimitedCodec::new().encode(message, &mut data)?;
    Ok(data.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An agent that answers with what it was asked.
    async fn asked(request: &[u8]) -> Vec<u8> {
        let (near, far) = tokio::io::duplex(64);
        let agent = tokio::spawn(async move {
            let mut far = messages().new_framed(far);
            while let Some(request) = far.try_next().await.unwrap() {
                far.send(request.freeze()).await.unwrap();
            }
        });
        let mut near = messages().new_framed(near);
        let answered = answer(&mut near, request.into()).await.unwrap();
        drop(near);
        agent.await.unwrap();
        with_length(answered).unwrap()
    }

    #[tokio::test]
    async fn keys_are_listed_and_sign_and_nothing_else() {
        assert_eq!(asked(&[11]).await, [0, 0, 0, 1, 11]);
        assert_eq!(asked(&[13, 1, 2]).await, [0, 0, 0, 3, 13, 1, 2]);
        // Those add, remove and lock keys, or extend the protocol.
        for request in [&[][..], &[17], &[18], &[19], &[20], &[22, 0], &[25], &[27]] {
            assert_eq!(asked(request).await, [0, 0, 0, 1, FAILURE], "{request:?}");
        }
    }

    #[tokio::test]
    async fn an_agent_that_leaves_and_a_message_without_end_are_errors() {
        let (near, far) = tokio::io::duplex(64);
        drop(far);
        let mut near = messages().new_framed(near);
        assert!(answer(&mut near, BytesMut::from(&[11][..])).await.is_err());
        let mut endless = messages().new_read(&[0xff; 64][..]);
        assert!(endless.try_next().await.is_err());
    }
}
