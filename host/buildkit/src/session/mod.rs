//! A session: the services of this side that the daemon calls during one build.
//!
//! The daemon is the client here. It asks for the files of the context, for credentials, secrets
//! and keys at the moment that it needs them, and nothing of it is written down anywhere.

mod auth;
mod grpc;
mod health;
mod secrets;
mod services;
mod ssh;
mod traffic;

use http::{HeaderName, HeaderValue};
use hyper::server::conn::http2;
use hyper_util::rt::TokioIo;
use tonic::metadata::{MetadataKey, MetadataMap, MetadataValue};

pub use auth::{CredentialSource, RegistryCredential};
pub use secrets::SecretSource;
pub(crate) use services::Services;
pub use traffic::Traffic;

use crate::connect::{Control, Endpoint, Scope, Stream, upgrade};
use crate::error::Error;
use crate::random::random_identifier;

/// HTTP/2 flow control of the whole connection, in bytes. With the protocol's 64 KiB the daemon's
/// many small requests run into the h2 crate's guard against floods of tiny frames.
const CONNECTION_WINDOW: u32 = 4 << 20;
/// The same of one stream.
const STREAM_WINDOW: u32 = 1 << 20;
/// The largest frame that is taken, in bytes.
const FRAME: u32 = 256 << 10;

/// Requests that the daemon may make at once; a further one waits. Each may hold a thread.
const REQUESTS: u32 = 200;
/// The largest header of a request, in bytes: one line of an ignore file is one field of it.
const HEADER: u32 = 1 << 20;

const UUID: &str = "x-docker-expose-session-uuid";
const NAME: &str = "x-docker-expose-session-name";
const SHARED_KEY: &str = "x-docker-expose-session-sharedkey";
const METHOD: &str = "x-docker-expose-session-grpc-method";

/// An open session; dropping it closes it.
pub(crate) struct Session {
    id: String,
    traffic: Traffic,
    _scope: Scope,
}

impl Session {
    /// Offers `services` to the daemon. `shared_key` names the context across builds: the daemon
    /// compares it with what it received under the same key before.
    ///
    /// # Errors
    /// As [`Endpoint::control`].
    pub(crate) async fn open(
        endpoint: &Endpoint,
        control: &Control,
        services: Services,
        name: &str,
        shared_key: &str,
    ) -> Result<Self, Error> {
        let id = random_identifier()?;
        let mut announced = vec![
            (UUID, id.clone()),
            (NAME, name.to_owned()),
            (SHARED_KEY, shared_key.to_owned()),
        ];
        announced.extend(services.methods().map(|method| (METHOD, method)));
        let scope = Scope::default();
        let stream: Stream = match endpoint {
            Endpoint::DockerEngine(transport) => {
                upgrade(transport, "/session", &headers(&announced)?).await?
            }
            Endpoint::Daemon(_) => grpc::session(endpoint, control, metadata(&announced)?).await?,
        };
        let traffic = Traffic::default();
        let stream = traffic.counting(stream);
        let connection = http2::Builder::new(scope.executor())
            .initial_connection_window_size(CONNECTION_WINDOW)
            .initial_stream_window_size(STREAM_WINDOW)
            .max_frame_size(FRAME)
            .max_header_list_size(HEADER)
            .max_concurrent_streams(REQUESTS)
            .serve_connection(TokioIo::new(stream), services);
        scope.spawn(async move {
            // A session that breaks shows in the build's own failure.
            let _ = connection.await;
        });
        Ok(Self {
            id,
            traffic,
            _scope: scope,
        })
    }

    /// The name that the solve request refers to the session by.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Counts the bytes on the session's connection.
    pub(crate) fn traffic(&self) -> &Traffic {
        &self.traffic
    }
}

fn headers(announced: &[(&'static str, String)]) -> Result<Vec<(HeaderName, HeaderValue)>, Error> {
    let header = |(name, value): &(&'static str, String)| {
        HeaderValue::from_str(value)
            .map(|value| (HeaderName::from_static(name), value))
            .map_err(|_| unsendable(name))
    };
    announced.iter().map(header).collect()
}

fn metadata(announced: &[(&'static str, String)]) -> Result<MetadataMap, Error> {
    let mut metadata = MetadataMap::new();
    for (name, value) in announced {
        let value = MetadataValue::try_from(value).map_err(|_| unsendable(name))?;
        metadata.append(MetadataKey::from_static(name), value);
    }
    Ok(metadata)
}

fn unsendable(name: &str) -> Error {
    Error::Invalid(format!(
        "the session's {name} has characters that no header may have"
    ))
}
