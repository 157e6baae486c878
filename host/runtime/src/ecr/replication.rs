//! Copies of images in other registries, by ECR's rules of replication.

use super::NamedImage;
use crate::policy::{Access, Action, Call};

/// A copy of an image in another registry.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Replica {
    /// The account that owns the registry.
    pub account: String,
    /// The registry's region.
    pub region: String,
    /// `IN_PROGRESS`, `COMPLETE` or `FAILED`.
    pub status: String,
    /// ECR's code for why it failed.
    pub failure_code: Option<String>,
}

/// The call `ecr.replication-status`.
#[derive(Clone, Debug)]
pub struct ReplicationStatus {
    /// The image.
    pub image: NamedImage,
}

impl Call for ReplicationStatus {
    fn accesses(&self) -> Vec<Access> {
        self.image.accesses(Action::ReadReplicationStatus)
    }
}
