//! Hosts of registries.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::{GrammarError, text::validated_text};

/// The host of a registry with its optional port, in lower case: `registry.example.com`,
/// `localhost:5000`, `127.0.0.1:5000`, `[::1]:5000`.
///
/// As in Docker's references a host must be told apart from the first segment of a repository's
/// name: it has a dot or a port, or is `localhost`, or an IPv6 address in brackets. The names of
/// Docker Hub (`index.docker.io`, `registry-1.docker.io`) become `docker.io`. A host that ends in a
/// number must be an IPv4 address in its one usual form, because resolvers read `127.1` and
/// `0x7f.0.0.1` as addresses too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryHost(String);

validated_text!(RegistryHost);

const SUBJECT: &str = "registry host";
const DOCKER_HUB: &str = "docker.io";

impl RegistryHost {
    /// Reads a host with an optional port.
    ///
    /// # Errors
    /// If the text has a scheme or a path, a label outside DNS's grammar, a port outside 1 to
    /// 65535, or cannot be told apart from a repository's name.
    pub fn parse(text: &str) -> Result<Self, GrammarError> {
        let refuse =
            |offset, expected: &'static str| Err(GrammarError::at(SUBJECT, text, offset, expected));
        let (host, port) = if let Some(inside) = text.strip_prefix('[') {
            let Some((address, after)) = inside.split_once(']') else {
                return refuse(text.len(), "']' after an IPv6 address");
            };
            let Ok(address) = address.parse::<Ipv6Addr>() else {
                return refuse(1, "an IPv6 address without a zone");
            };
            let port = match after.strip_prefix(':') {
                Some(port) => Some(port),
                None if after.is_empty() => None,
                None => return refuse(text.len() - after.len(), "':' and a port, or the end"),
            };
            (format!("[{address}]"), port)
        } else {
            let (host, port) = match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            };
            check_name(text, host)?;
            if port.is_none() && !host.contains('.') && !host.eq_ignore_ascii_case("localhost") {
                return refuse(
                    text.len(),
                    "a dot or a port, to tell a registry from a repository",
                );
            }
            (host.to_ascii_lowercase(), port)
        };
        let Some(port) = port else {
            let hub = matches!(host.as_str(), "index.docker.io" | "registry-1.docker.io");
            return Ok(Self(if hub { DOCKER_HUB.to_owned() } else { host }));
        };
        let digits = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0');
        match port.parse::<u16>() {
            Ok(port) if digits => Ok(Self(format!("{host}:{port}"))),
            _ => refuse(text.len() - port.len(), "a port from 1 to 65535"),
        }
    }

    /// Docker Hub, `docker.io`.
    pub fn docker_hub() -> Self {
        Self(DOCKER_HUB.to_owned())
    }

    /// Whether this is Docker Hub, whose API answers at `registry-1.docker.io`.
    pub fn is_docker_hub(&self) -> bool {
        self.0 == DOCKER_HUB
    }

    /// The host without the port; an IPv6 address keeps its brackets.
    pub fn host(&self) -> &str {
        match self.0.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => host,
            _ => &self.0,
        }
    }

    /// The port, where one was given.
    pub fn port(&self) -> Option<u16> {
        self.0
            .get(self.host().len()..)?
            .strip_prefix(':')?
            .parse()
            .ok()
    }

    /// Whether the host can only be this machine: `localhost` and names below it, `127.0.0.0/8`,
    /// `::1`. Nothing is resolved.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        if let Some(address) = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            return address.parse::<Ipv6Addr>().is_ok_and(|address| {
                address.is_loopback()
                    || address
                        .to_ipv4_mapped()
                        .is_some_and(|inner| inner.is_loopback())
            });
        }
        host == "localhost"
            || host.ends_with(".localhost")
            || host
                .parse::<Ipv4Addr>()
                .is_ok_and(|address| address.is_loopback())
    }

    /// Whether `segment`, the first of a reference, is meant as a registry (Docker's rule).
    pub(crate) fn is_meant_by(segment: &str) -> bool {
        segment.contains(['.', ':', '[']) || segment.eq_ignore_ascii_case("localhost")
    }
}

fn check_name(text: &str, host: &str) -> Result<(), GrammarError> {
    let refuse =
        |offset, expected: &'static str| Err(GrammarError::at(SUBJECT, text, offset, expected));
    let mut label_start = 0;
    for (offset, byte) in host.bytes().chain([b'.']).enumerate() {
        match byte {
            b'.' | b'-' if offset == label_start => return refuse(offset, "a letter or a digit"),
            b'.' => {
                if host
                    .get(label_start..offset)
                    .is_some_and(|label| label.ends_with('-'))
                {
                    return refuse(
                        offset - 1,
                        "a letter or a digit before the dot, the port or the end",
                    );
                }
                if offset - label_start > 63 {
                    return refuse(label_start + 63, "no more than 63 characters between dots");
                }
                label_start = offset + 1;
            }
            _ if !byte.is_ascii_alphanumeric() && byte != b'-' => {
                return refuse(
                    offset,
                    "a host name (letters, digits, '-', '.') with an optional port",
                );
            }
            _ => {}
        }
    }
    if host.len() > 253 {
        return refuse(253, "no more than 253 characters");
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    let number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last
            .strip_prefix("0x")
            .or(last.strip_prefix("0X"))
            .is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
    if number && host.parse::<Ipv4Addr>().is_err() {
        return Err(GrammarError::found(
            SUBJECT,
            text,
            host.len() - last.len(),
            "a number at the end of a host name",
            "four decimal numbers from 0 to 255, or a name",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::HOSTILE;

    #[test]
    fn accepts_and_normalises() {
        for (text, normal) in [
            ("Registry.Example.COM", "registry.example.com"),
            ("localhost", "localhost"),
            ("LOCALHOST:5000", "localhost:5000"),
            ("registry:5000", "registry:5000"),
            ("127.0.0.1:5000", "127.0.0.1:5000"),
            ("[::1]", "[::1]"),
            ("[0:0:0:0:0:0:0:1]:5000", "[::1]:5000"),
            ("[2001:DB8::1]:443", "[2001:db8::1]:443"),
            ("docker.io", "docker.io"),
            ("index.docker.io", "docker.io"),
            ("Registry-1.docker.io", "docker.io"),
            ("docker.io:443", "docker.io:443"),
            (
                "123456789012.dkr.ecr.us-east-1.amazonaws.com",
                "123456789012.dkr.ecr.us-east-1.amazonaws.com",
            ),
        ] {
            let host = RegistryHost::parse(text).unwrap();
            assert_eq!(host.as_str(), normal);
            assert_eq!(RegistryHost::parse(normal).unwrap(), host);
        }
    }

    #[test]
    fn refuses_what_is_no_host() {
        let long_label = format!("{}.com", "a".repeat(64));
        let long = format!("{}.com", ["a"; 130].join("."));
        let more = [
            "library",
            "https://a.com",
            "a.com/",
            "a.com/v2",
            "user@a.com",
            "a..b",
            ".a",
            "a.",
            "-a.com",
            "a-.com",
            "a.com-",
            "a_b.com",
            "a.com:",
            "a.com:0",
            "a.com:080",
            "a.com:65536",
            "a.com:+80",
            "a.com:80:80",
            "a.com:80/",
            ":80",
            "[::1",
            "::1",
            "[::1]5000",
            "[fe80::1%eth0]",
            "[1.2.3.4]",
            "127.1",
            "2130706433:80",
            "0x7f.0.0.1",
            "127.0.0.0x1",
            "0177.0.0.1",
            "1.2.3.4.5",
            "256.0.0.1",
            "a.com\n",
            "a.com:80\n",
            "bücher.de",
            &long_label,
            &long,
        ];
        for text in HOSTILE.iter().copied().chain(more) {
            assert!(RegistryHost::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn parts() {
        for (text, host, port) in [
            ("a.com:80", "a.com", Some(80)),
            ("a.com", "a.com", None),
            ("[::1]:80", "[::1]", Some(80)),
            ("[::1]", "[::1]", None),
        ] {
            let parsed = RegistryHost::parse(text).unwrap();
            assert_eq!((parsed.host(), parsed.port()), (host, port), "{text}");
        }
    }

    #[test]
    fn loopback() {
        for text in [
            "localhost",
            "localhost:1",
            "a.localhost:1",
            "127.9.9.9:5000",
            "[::1]:1",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(RegistryHost::parse(text).unwrap().is_loopback(), "{text}");
        }
        for text in [
            "localhost.evil.test",
            "notlocalhost:1",
            "127.0.0.1.nip.io",
            "10.0.0.1",
            "[::2]",
            "0.0.0.0:1",
        ] {
            assert!(!RegistryHost::parse(text).unwrap().is_loopback(), "{text}");
        }
    }
}
