//! Whether a registry accepts a credential, whatever that may do there (OCI distribution
//! specification, "Determining Support").

use http::Method;
use stepyard_grammar::RepositoryName;

use super::connection::{Connection, Request};
use super::failure::Failure;
use crate::capability::CapabilityError;

/// A name for the connection of a request that names no repository.
pub(super) fn no_repository() -> Result<RepositoryName, CapabilityError> {
    RepositoryName::parse("none").map_err(|error| CapabilityError::invalid(error.to_string()))
}

impl Connection {
    /// Asks for the API's root, with a login where the registry wants one.
    pub(super) async fn check_login(&self) -> Result<(), Failure> {
        let request = Request::new(Method::GET, self.root()?);
        self.fetch(&request).await.map(drop)
    }
}
