//! Reaching BuildKit: inside a Docker Engine, or as a daemon of its own.

mod scope;
mod transport;
mod upgrade;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bollard_buildkit_proto::moby::buildkit::v1::control_client::ControlClient;
use http::Uri;
use hyper::body::Incoming;
use hyper::client::conn::http2;

pub(crate) use scope::Scope;
pub use transport::{Duplex, Stream, Transport};
pub(crate) use upgrade::upgrade;

use crate::error::Error;

/// How long a daemon may take to accept a connection, or to answer what needs no work.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// HTTP/2 flow control, in bytes: the protocol's 64 KiB make the other side wait.
const WINDOW: u32 = 1 << 20;
/// The largest header or trailer that is read, in bytes. A failure's trailer holds the Dockerfile.
const HEADER: u32 = 4 << 20;
/// The largest message that is read, in bytes. A step of many files reports much at once.
const LARGEST_MESSAGE: usize = 64 << 20;

/// Where BuildKit is.
#[derive(Clone)]
pub enum Endpoint {
    /// Inside a Docker Engine, behind its API (`POST /grpc`, `POST /session`).
    DockerEngine(Transport),
    /// A BuildKit daemon, which speaks gRPC itself.
    Daemon(Transport),
}

impl Endpoint {
    /// How it is reached.
    pub fn transport(&self) -> &Transport {
        match self {
            Self::DockerEngine(transport) | Self::Daemon(transport) => transport,
        }
    }

    /// Opens the connection that the control API is called on.
    ///
    /// # Errors
    /// [`Error::Connect`] and [`Error::NoBuildKit`].
    pub(crate) async fn control(&self) -> Result<Control, Error> {
        self.patiently(self.open_control()).await
    }

    /// What `answer` gives, if it does soon.
    ///
    /// # Errors
    /// [`Error::Connect`] where it does not, and those of `answer`.
    pub(crate) async fn patiently<T>(
        &self,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let timed_out = |_| Err(self.transport().failed(std::io::ErrorKind::TimedOut.into()));
        let answered = tokio::time::timeout(PATIENCE, answer).await;
        answered.unwrap_or_else(timed_out)
    }

    async fn open_control(&self) -> Result<Control, Error> {
        let stream = match self {
            Self::DockerEngine(transport) => upgrade(transport, "/grpc", &[]).await?,
            Self::Daemon(transport) => transport.connect().await?,
        };
        let scope = Scope::default();
        let (sender, connection) = http2::Builder::new(scope.executor())
            .initial_connection_window_size(WINDOW)
            .initial_stream_window_size(WINDOW)
            .max_header_list_size(HEADER)
            .handshake(hyper_util::rt::TokioIo::new(stream))
            .await
            .map_err(|error| self.transport().failed(std::io::Error::other(error)))?;
        scope.spawn(async move {
            // A broken connection shows where an answer is awaited.
            let _ = connection.await;
        });
        // The authority is of no meaning to the daemon, which is already reached.
        let client =
            ControlClient::with_origin(Sender(sender), Uri::from_static("http://buildkit"))
                .max_decoding_message_size(LARGEST_MESSAGE);
        Ok(Control {
            client,
            _scope: scope,
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.transport().fmt(formatter)
    }
}

/// The control API on a connection of its own; dropping it closes the connection, which ends all
/// that it has asked for.
pub(crate) struct Control {
    client: ControlClient<Sender>,
    _scope: Scope,
}

impl Control {
    /// The API. A clone of the client does not keep the connection open.
    pub(crate) fn client(&self) -> ControlClient<Sender> {
        self.client.clone()
    }
}

/// Sends requests on an open HTTP/2 connection.
#[derive(Clone)]
pub(crate) struct Sender(http2::SendRequest<tonic::body::Body>);

impl tower_service::Service<http::Request<tonic::body::Body>> for Sender {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}
