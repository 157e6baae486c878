//! Byte streams to a daemon.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::error::Error;

/// How long a machine may be silent before its kernel is asked for a sign of life.
const SILENCE: Duration = Duration::from_secs(30);
/// How long each sign of life may take, and how many may fail.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);
const FAILED_SIGNS: u32 = 3;

/// A byte stream in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A byte stream to or from a daemon.
pub type Stream = Box<dyn Duplex>;

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
    /// Opens a stream for BuildKit's client.
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub(crate) async fn connect(&self) -> Result<Stream, Error> {
        self.open().await.map_err(|source| self.failed(source))
    }

    /// Opens a stream, through TLS where there is any.
    ///
    /// # Errors
    /// Where nothing listens, or no TLS connection is agreed on.
    pub async fn open(&self) -> io::Result<Stream> {
        let (host, port, tls) = match self {
            Self::Unix(path) => return Ok(Box::new(UnixStream::connect(path).await?)),
            Self::Tcp { host, port, tls } => (host, *port, tls),
        };
        let stream = connect(host, port).await?;
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

    /// What a request over HTTP/1.1 names as its host.
    pub fn http_host(&self) -> String {
        match self {
            Self::Unix(_) => "docker".to_owned(),
            Self::Tcp { host, .. } if host.contains(':') => format!("[{host}]"),
            Self::Tcp { host, .. } => host.clone(),
        }
    }

    pub(crate) fn failed(&self, source: io::Error) -> Error {
        Error::Connect {
            address: self.to_string(),
            source,
        }
    }
}

/// A build is silent for long, and that of a machine that is gone would be for ever.
async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(SILENCE)
        .with_interval(SIGN_OF_LIFE)
        .with_retries(FAILED_SIGNS);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(stream)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_machine_that_is_gone_is_noticed() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let stream = connect("127.0.0.1", port).await.unwrap();
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), SILENCE);
    }

    #[test]
    fn hosts_are_named_as_http_does() {
        let tcp = |host: &str| Transport::Tcp {
            host: host.to_owned(),
            port: 1,
            tls: None,
        };
        for (transport, name, address) in [
            (Transport::Unix("/run/x".into()), "docker", "unix:///run/x"),
            (tcp("engine"), "engine", "tcp://engine:1"),
            (tcp("::1"), "[::1]", "tcp://[::1]:1"),
        ] {
            assert_eq!(transport.http_host(), name);
            assert_eq!(transport.to_string(), address);
        }
    }
}
