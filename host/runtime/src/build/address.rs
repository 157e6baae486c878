//! Addresses of engines.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use stepyard_buildkit::Transport;
use tokio_rustls::rustls::ClientConfig;

use super::tls;
use crate::capability::CapabilityError;

/// An address in a form that can be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// A unix socket.
    Unix(PathBuf),
    /// A TCP port.
    Tcp {
        /// Host name or IP address, the latter without brackets.
        host: String,
        /// The port.
        port: u16,
        /// The files for TLS; none is plain text.
        tls: Option<TlsFiles>,
    },
}

impl Address {
    /// How it is connected to.
    ///
    /// # Errors
    /// TLS files that are missing or malformed; the message names the file.
    pub(crate) fn transport(&self) -> io::Result<Transport> {
        let tls = match self {
            Self::Tcp {
                tls: Some(files), ..
            } => Some(tls::configuration(files)?),
            _ => None,
        };
        Ok(self.transport_with(tls))
    }

    fn transport_with(&self, tls: Option<Arc<ClientConfig>>) -> Transport {
        match self {
            Self::Unix(path) => Transport::Unix(path.clone()),
            Self::Tcp { host, port, .. } => Transport::Tcp {
                host: host.clone(),
                port: *port,
                tls,
            },
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.transport_with(None).fmt(formatter)
    }
}

/// PEM files for mutual TLS, in the folder that `DOCKER_CERT_PATH` or a Docker context names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    pub(crate) folder: PathBuf,
}

impl TlsFiles {
    /// The authority that signed the engine's certificate.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The client's certificate.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("cert.pem")
    }

    /// The client's private key.
    pub(crate) fn key(&self) -> PathBuf {
        self.folder.join("key.pem")
    }
}

/// Reads an address. A TCP port without a number is `default_port`; with TLS, Docker's is 2376.
///
/// # Errors
/// [`crate::ErrorKind::InvalidSettings`], and [`crate::ErrorKind::Unsupported`] for `ssh://`.
pub(crate) fn parse_address(
    text: &str,
    default_port: u16,
    tls: Option<TlsFiles>,
    origin: &str,
) -> Result<Address, CapabilityError> {
    let malformed = |problem: &str| {
        CapabilityError::invalid(format!("{origin} is {text:?}: {problem}"))
            .with_hint("write unix:///PATH or tcp://HOST:PORT")
    };
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(malformed("it has no scheme"));
    };
    match scheme {
        "unix" if rest.starts_with('/') => Ok(Address::Unix(rest.into())),
        "unix" => Err(malformed("the path of the socket is not absolute")),
        "tcp" | "http" | "https" => {
            let tls = match scheme {
                "http" => None,
                "https" if tls.is_none() => {
                    return Err(malformed(
                        "set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH for an engine with TLS",
                    ));
                }
                _ => tls,
            };
            // Docker's port with TLS is the next one.
            let default_port = match (&tls, default_port) {
                (Some(_), 2375) => 2376,
                (_, port) => port,
            };
            let authority = rest.trim_end_matches('/');
            let (host, port) = match authority.rsplit_once(':') {
                Some((host, port)) if !port.ends_with(']') => (
                    host,
                    port.parse()
                        .map_err(|_| malformed("the port is not a number up to 65535"))?,
                ),
                _ => (authority, default_port),
            };
            let host = host.trim_start_matches('[').trim_end_matches(']');
            if host.is_empty() || host.contains(['/', '@', ' ']) {
                return Err(malformed("it has no host name"));
            }
            Ok(Address::Tcp {
                host: host.to_owned(),
                port,
                tls,
            })
        }
        "ssh" => Err(CapabilityError::unsupported(format!(
            "{origin} is {text}: engines behind ssh are not supported"
        ))
        .with_hint(
            "forward the socket with `ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock HOST` and \
             set DOCKER_HOST=unix:///tmp/docker.sock",
        )),
        _ => Err(malformed("the scheme is not known")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::ErrorKind;

    #[test]
    fn malformed_addresses_are_refused() {
        for text in [
            "",
            "engine:2375",
            "unix://a",
            "tcp://:1",
            "tcp://a:b",
            "ftp://a",
            "https://a",
        ] {
            let error = parse_address(text, 2375, None, "DOCKER_HOST").unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidSettings, "{text}");
        }
    }
}
