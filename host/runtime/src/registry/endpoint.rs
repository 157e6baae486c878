//! Where a registry is reached: the logical name of settings and policies to a physical address.

use std::collections::BTreeMap;

use stepyard_grammar::RegistryHost;

/// A physical address that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not the address of a registry: {problem}; write http://HOST:PORT or https://HOST"
)]
pub struct EndpointError {
    /// What was found.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Where a registry is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether without TLS.
    pub plain_http: bool,
    /// Host and port.
    pub host: RegistryHost,
}

impl Endpoint {
    /// Parses `http://HOST:PORT` or `https://HOST[:PORT]`.
    ///
    /// # Errors
    /// Where it is neither.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let error = |problem: &str| EndpointError {
            text: text.to_owned(),
            problem: problem.to_owned(),
        };
        let (plain_http, rest) = if let Some(rest) = text.strip_prefix("http://") {
            (true, rest)
        } else if let Some(rest) = text.strip_prefix("https://") {
            (false, rest)
        } else {
            return Err(error("it has no scheme"));
        };
        let host = RegistryHost::parse(rest.trim_end_matches('/'))
            .map_err(|problem| error(&problem.to_string()))?;
        Ok(Self { plain_http, host })
    }
}

/// The operator's mapping of registries to physical addresses. A registry that is not in it is
/// reached under its own name, by HTTPS, or by HTTP where it is on this machine.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    mapped: BTreeMap<RegistryHost, Endpoint>,
}

impl Endpoints {
    /// No mapping.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reaches `registry` at `endpoint`.
    pub fn map(&mut self, registry: RegistryHost, endpoint: Endpoint) {
        self.mapped.insert(registry, endpoint);
    }

    /// Where `registry` is reached.
    pub fn of(&self, registry: &RegistryHost) -> Endpoint {
        self.mapped
            .get(registry)
            .cloned()
            .unwrap_or_else(|| Endpoint {
                plain_http: registry.is_loopback(),
                host: registry.clone(),
            })
    }
}
