//! Byte streams to a daemon.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::error::Error;

/// A byte stream in both directions.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A byte stream to or from a daemon.
pub(crate) type Stream = Box<dyn Duplex>;

/// How a daemon is reached.
#[derive(Clone)]
pub enum Transport {
    /// The path of a unix socket.
    Unix(PathBuf),
    /// TCP, with or without TLS.
    Tcp {
        /// A host name or address, an IPv6 address without brackets.
        host: String,
        /// The port.
        port: u16,
        /// What to trust and, for mutual TLS, what to show.
        tls: Option<Arc<ClientConfig>>,
    },
}

impl Transport {
    /// Opens a stream.
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub(crate) async fn connect(&self) -> Result<Stream, Error> {
        self.open().await.map_err(|source| self.failed(source))
    }

    async fn open(&self) -> io::Result<Stream> {
        let (host, port, tls) = match self {
            Self::Unix(path) => return Ok(Box::new(UnixStream::connect(path).await?)),
            Self::Tcp { host, port, tls } => (host, *port, tls),
        };
        let stream = TcpStream::connect((host.as_str(), port)).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = tls else {
            return Ok(Box::new(stream));
        };
        let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
        Ok(Box::new(
            TlsConnector::from(tls.clone())
                .connect(name, stream)
                .await?,
        ))
    }

    pub(crate) fn failed(&self, source: io::Error) -> Error {
        Error::Connect {
            address: self.to_string(),
            source,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(formatter, "unix://{}", path.display()),
            Self::Tcp { host, port, .. } if host.contains(':') => {
                write!(formatter, "tcp://[{host}]:{port}")
            }
            Self::Tcp { host, port, .. } => write!(formatter, "tcp://{host}:{port}"),
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Transport({self})")
    }
}
