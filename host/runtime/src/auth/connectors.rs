//! Logging in with the connectors of users' files.

/// Logs in with the connectors of users' files.
#[derive(Debug)]
pub struct ConnectorAuthenticator;
