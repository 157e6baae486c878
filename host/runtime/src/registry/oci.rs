//! Registries over HTTP.

/// A client of any registry that follows the OCI distribution specification.
#[derive(Debug)]
pub struct OciRegistry;
