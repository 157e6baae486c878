//! Requests to the Docker Engine API, each on a connection of its own.
//!
//! A [`Reply`] owns its connection: dropping it, or dropping the future that waits for it, closes
//! the connection, which is what makes the engine stop the work behind the request.

use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use stepyard_buildkit::Transport;
use tokio_util::task::AbortOnDropHandle;

use crate::build::address::Address;

/// How long an engine may take to accept a connection and answer a ping.
const PATIENCE: Duration = Duration::from_secs(10);
/// The newest version of the API whose calls are known to mean what is used here.
const NEWEST_MINOR_VERSION: u32 = 47;
/// The longest answer or line of a stream that is read, in bytes.
const LONGEST_TEXT: usize = 4 << 20;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum EngineError {
    /// The engine answered with an error.
    #[error("{message}")]
    Answered {
        /// The HTTP status.
        status: StatusCode,
        /// What the engine says.
        message: String,
    },
    /// The engine cannot be reached.
    #[error("{0}")]
    Connect(#[from] io::Error),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
    /// The request cannot be written.
    #[error("the request cannot be written: {0}")]
    Request(#[from] http::Error),
    /// The engine's answer is not what its API promises.
    #[error("the engine's answer is not understood: {0}")]
    Answer(String),
}

/// What a request carries beside its path.
pub(super) type RequestBody = UnsyncBoxBody<Bytes, io::Error>;

/// No body.
pub(super) fn no_body() -> RequestBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A client of one engine.
pub(super) struct Client {
    transport: Transport,
    version: String,
    is_podman: bool,
    product: String,
}

/// How an engine answers a ping.
pub(super) struct Pong {
    /// The newest API version that it speaks.
    newest: String,
    is_podman: bool,
    /// Its name and version.
    product: String,
}

impl Client {
    /// Reaches the engine and agrees with it on a version of the API.
    ///
    /// # Errors
    /// Where it cannot be reached or does not answer within ten seconds.
    pub(super) async fn open(address: &Address) -> Result<Self, EngineError> {
        let mut client = Self {
            transport: address.transport()?,
            version: String::new(),
            is_podman: false,
            product: String::new(),
        };
        let Pong {
            newest,
            is_podman,
            product,
        } = client.ping().await?;
        client.is_podman = is_podman;
        client.product = product;
        let minor = newest
            .strip_prefix("1.")
            .and_then(|minor| minor.parse::<u32>().ok())
            .ok_or_else(|| EngineError::Answer(format!("its API has the version {newest:?}")))?;
        client.version = format!("/v1.{}", minor.min(NEWEST_MINOR_VERSION));
        Ok(client)
    }

    /// Asks for a sign of life.
    ///
    /// # Errors
    /// Where the engine cannot be reached or does not answer within ten seconds.
    pub(super) async fn ping(&self) -> Result<Pong, EngineError> {
        let request = Request::get("/_ping").body(no_body())?;
        let reply = tokio::time::timeout(PATIENCE, self.exchange(request))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let version = reply.header("api-version").map(str::to_owned);
        let newest =
            version.ok_or_else(|| EngineError::Answer("it is no Docker Engine".to_owned()))?;
        // `Docker/26.1.5 (linux)`, `Libpod/4.3.1 (linux)`
        let product = reply.header("server").and_then(|server| {
            let (name, version) = server.split(' ').next()?.split_once('/')?;
            Some(match name {
                "Docker" => format!("Docker Engine {version}"),
                "Libpod" => format!("Podman {version}"),
                name => format!("{name} {version}"),
            })
        });
        Ok(Pong {
            newest,
            is_podman: reply.header("libpod-api-version").is_some(),
            product: product.unwrap_or_else(|| "Docker Engine".to_owned()),
        })
    }

    /// The platform of the engine's machine, such as `linux/amd64`.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(super) async fn platform(&self) -> Result<String, EngineError> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Version {
            os: String,
            arch: String,
        }
        let Version { os, arch } = self.get("/version").await?;
        Ok(format!("{os}/{arch}"))
    }

    /// Whether Podman's service answers for a Docker Engine.
    pub(super) fn is_podman(&self) -> bool {
        self.is_podman
    }

    /// The engine's name and version, for a person.
    pub(super) fn product(&self) -> &str {
        &self.product
    }

    /// How the engine is reached.
    pub(super) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Sends a request and waits for the head of the answer.
    ///
    /// # Errors
    /// [`EngineError::Answered`] for every status but 2xx.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
        body: RequestBody,
    ) -> Result<Reply, EngineError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.version))
            .body(body)?;
        request.headers_mut().extend(headers.iter().cloned());
        self.exchange(request).await
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// As [`Client::send`], and for an answer that is not a `T`.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, EngineError> {
        let reply = self.send(Method::GET, path, &[], no_body()).await?;
        serde_json::from_slice(&reply.bytes().await?)
            .map_err(|error| EngineError::Answer(error.to_string()))
    }

    /// Sends a request whose answer is of no interest, and reads it, so that the work is done.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub(super) async fn act(&self, method: Method, path: &str) -> Result<(), EngineError> {
        let reply = self.send(method, path, &[], no_body()).await?;
        reply.bytes().await.map(|_| ())
    }

    async fn exchange(&self, mut request: Request<RequestBody>) -> Result<Reply, EngineError> {
        let host = HeaderValue::from_str(&self.transport.http_host()).map_err(http::Error::from)?;
        request.headers_mut().insert(header::HOST, host);
        let stream = TokioIo::new(self.transport.open().await?);
        let (mut sender, connection) = http1::handshake(stream).await?;
        let connection = AbortOnDropHandle::new(tokio::spawn(async move {
            // A broken connection shows where the answer is awaited or read.
            let _ = connection.await;
        }));
        let (head, body) = sender.send_request(request).await?.into_parts();
        let reply = Reply {
            headers: head.headers,
            body,
            received: BytesMut::new(),
            _connection: connection,
        };
        if head.status.is_success() {
            return Ok(reply);
        }
        let text = reply.bytes().await?;
        Err(EngineError::Answered {
            status: head.status,
            message: error_message(&text),
        })
    }
}

/// An answer whose body is still to be read. Dropping it ends the request.
pub(super) struct Reply {
    headers: http::HeaderMap,
    body: Incoming,
    received: BytesMut,
    _connection: AbortOnDropHandle<()>,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    async fn bytes(self) -> Result<Bytes, EngineError> {
        let body = Limited::new(self.body, LONGEST_TEXT).collect().await;
        body.map(http_body_util::Collected::to_bytes)
            .map_err(|error| match error.downcast::<hyper::Error>() {
                Ok(error) => EngineError::Broken(*error),
                Err(error) => EngineError::Answer(error.to_string()),
            })
    }

    /// The next object of a stream with one JSON object a line, or nothing at its end.
    ///
    /// # Errors
    /// Where the connection breaks, or a line is no `T` or longer than 4 MiB.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, EngineError> {
        loop {
            while let Some(end) = self.received.iter().position(|byte| *byte == b'\n') {
                let line = self.received.split_to(end);
                self.received.advance(1);
                if !line.trim_ascii().is_empty() {
                    return parse_line(&line).map(Some);
                }
            }
            if self.received.len() > LONGEST_TEXT {
                return Err(EngineError::Answer("a line is too long".to_owned()));
            }
            match self.body.frame().await.transpose()? {
                Some(frame) => {
                    if let Ok(data) = frame.into_data() {
                        self.received.extend_from_slice(&data);
                    }
                }
                // The last line need not have an end.
                None if self.received.trim_ascii().is_empty() => return Ok(None),
                None => return parse_line(&self.received.split()).map(Some),
            }
        }
    }
}

fn parse_line<T: DeserializeOwned>(line: &[u8]) -> Result<T, EngineError> {
    serde_json::from_slice(line).map_err(|error| EngineError::Answer(error.to_string()))
}

/// What an error's body says: its `message`, or all of it.
fn error_message(text: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Answer {
        message: String,
    }
    match serde_json::from_slice::<Answer>(text) {
        Ok(answer) => answer.message,
        Err(_) => String::from_utf8_lossy(text).trim().to_owned(),
    }
}

/// `path` with a query.
pub(super) fn with_query<'a>(
    path: &str,
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    format!("{path}?{query}")
}
