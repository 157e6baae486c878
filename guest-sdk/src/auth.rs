//! Credentials for registries, by the connectors that the operator configured.

use stepyard_grammar::RegistryHost;

use crate::{Credential, Error, bindings::stepyard::step::auth};

/// Logs in to `registry` with the connector called `connector`; without a registry, to the
/// connector's own.
///
/// The credential is a handle. The secret behind it stays in the host, which refreshes it.
///
/// ```
/// use stepyard_sdk::{auth, grammar::RegistryHost, testing::Host};
///
/// let registry = RegistryHost::parse("ghcr.io")?;
/// let run = Host::new()
///     .on_login("github", &registry, Ok(()))
///     .call(|| auth::login("github", Some(&registry)));
/// assert!(run.result().is_ok());
/// # Ok::<(), stepyard_sdk::Error>(())
/// ```
///
/// # Errors
/// `denied`; `not-found` where no connector has that name; `invalid-settings` where the connector
/// is not for that registry; `unauthenticated` and `forbidden` as the identity provider answers;
/// `unavailable`.
pub fn login(connector: &str, registry: Option<&RegistryHost>) -> Result<Credential, Error> {
    Ok(auth::login(connector, registry.map(RegistryHost::as_str))?)
}

/// A credential for `registry` without an identity, for what anyone may read.
///
/// ```
/// use stepyard_sdk::{auth, grammar::RegistryHost, testing::Host};
///
/// let registry = RegistryHost::parse("docker.io")?;
/// let run = Host::new()
///     .on_anonymous(&registry, Ok(()))
///     .call(|| auth::anonymous(&registry));
/// assert_eq!(run.calls(), ["auth.anonymous"]);
/// # Ok::<(), stepyard_sdk::Error>(())
/// ```
///
/// # Errors
/// `denied`.
pub fn anonymous(registry: &RegistryHost) -> Result<Credential, Error> {
    Ok(auth::anonymous(registry.as_str())?)
}
