//! Credentials for registries, by the connectors that the operator configured.

use stepyard_grammar::RegistryHost;

use crate::{Credential, Error, bindings::stepyard::step::auth};

/// Logs in to `registry` with the connector called `connector`; without a registry, to the
/// connector's own.
///
/// The credential is a handle. The secret behind it stays in the host, which refreshes it.
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
/// # Errors
/// `denied`.
pub fn anonymous(registry: &RegistryHost) -> Result<Credential, Error> {
    Ok(auth::anonymous(registry.as_str())?)
}
