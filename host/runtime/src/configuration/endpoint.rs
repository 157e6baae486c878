//! Addresses of services.

use std::fmt;

/// The HTTP address of a service: `http://HOST[:PORT]` or `https://HOST[:PORT]`, nothing behind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    text: String,
}

/// A text that is not the address of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `http://HOST:PORT` or `https://HOST:PORT`, without a user, a path or a query")]
pub struct EndpointError;

impl Endpoint {
    /// Reads an address.
    ///
    /// # Errors
    /// The scheme is another one, the host is missing, or there is more than host and port.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let uri: http::Uri = text.parse().map_err(|_| EndpointError)?;
        let scheme = matches!(uri.scheme_str(), Some("http" | "https"));
        let authority = uri.authority().is_some_and(|authority| {
            !authority.host().is_empty() && !authority.as_str().contains('@')
        });
        // `http::Uri` drops a fragment, so the text is looked at too.
        let bare = matches!(uri.path(), "" | "/") && !text.contains(['?', '#']);
        if scheme && authority && bare {
            Ok(Self {
                text: text.trim_end_matches('/').to_owned(),
            })
        } else {
            Err(EndpointError)
        }
    }

    /// The address, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Host and port, as they stand in the address.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.text
            .split_once("://")
            .map_or(self.text.as_str(), |(_, authority)| authority)
    }

    /// Whether the address is `http://`.
    #[must_use]
    pub fn is_plain_http(&self) -> bool {
        self.text.starts_with("http://")
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// The address of a Docker Engine, as `DOCKER_HOST` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerHost {
    text: String,
}

/// A text that is not the address of a Docker Engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `unix:///PATH` or `tcp://HOST:PORT`")]
pub struct DockerHostError;

impl DockerHost {
    /// Reads an address.
    ///
    /// # Errors
    /// It is neither a unix socket by its absolute path nor a TCP address.
    pub fn parse(text: &str) -> Result<Self, DockerHostError> {
        let valid = match text.split_once("://") {
            Some(("unix", path)) => path.starts_with('/') && path.len() > 1,
            Some(("tcp", address)) => Endpoint::parse(&format!("http://{address}")).is_ok(),
            _ => false,
        };
        if valid {
            Ok(Self {
                text: text.to_owned(),
            })
        } else {
            Err(DockerHostError)
        }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for DockerHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses_and_nothing_more() {
        let endpoint = Endpoint::parse("http://127.0.0.1:5000/").unwrap();
        assert_eq!(endpoint.as_str(), "http://127.0.0.1:5000");
        assert_eq!(endpoint.authority(), "127.0.0.1:5000");
        assert!(endpoint.is_plain_http());
        assert!(
            !Endpoint::parse("https://[::1]:443")
                .unwrap()
                .is_plain_http()
        );
        for text in [
            "",
            "127.0.0.1:5000",
            "ftp://h",
            "http://",
            "http://u:p@h",
            "http://h/v2",
            "http://h?q",
            "http://h#f",
            "http://h h",
        ] {
            assert!(Endpoint::parse(text).is_err(), "{text}");
        }
        for text in ["unix:///var/run/docker.sock", "tcp://127.0.0.1:2375"] {
            assert_eq!(DockerHost::parse(text).unwrap().as_str(), text);
        }
        for text in [
            "",
            "unix://",
            "unix://relative",
            "/var/run/docker.sock",
            "tcp://",
            "ssh://h",
        ] {
            assert!(DockerHost::parse(text).is_err(), "{text}");
        }
    }
}
