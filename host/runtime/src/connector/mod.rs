//! Connectors: where a step signs in, and with which secrets' names. Plain data; nothing here
//! resolves a secret.

mod aws;
mod connectors;
mod docker_registry;
mod reference;
mod secret_field;

pub use aws::{
    AccessKey, AwsConnector, AwsCredential, CrossAccountAccess, ManualCredential, RoleArn,
    RoleArnError,
};
pub use connectors::{Connector, ConnectorKind, Connectors};
pub use docker_registry::{
    DockerRegistryAuthentication, DockerRegistryConnector, DockerRegistryProvider, Username,
};
pub use reference::{ConnectorReference, ReferenceError, ReferenceScope};
