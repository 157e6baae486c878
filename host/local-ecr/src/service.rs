use crate::authentication::Authority;
use crate::findings::Findings;
use crate::names::now;
use crate::replication::Replica;
use crate::restrictions::{Refusal, Restrictions};
use crate::storage::{Repository, Settings, Storage, StorageError, blocking};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use stepyard_grammar::{AwsRegion, RepositoryEncryption, TagMutability};

/// What every request handler works with.
pub(crate) struct Service {
    pub(crate) storage: Storage,
    pub(crate) authority: Authority,
    pub(crate) restrictions: Restrictions,
    pub(crate) account: String,
    pub(crate) region: AwsRegion,
    pub(crate) address: SocketAddr,
    pub(crate) blob_mounting: bool,
    pub(crate) create_on_push: bool,
    pub(crate) findings: Findings,
    pub(crate) replicas: Vec<Replica>,
    /// What AssumeRole asks for.
    pub(crate) external_id: Option<String>,
}

impl Service {
    /// Creates a repository with ECR's defaults, changed by `adjust`.
    pub(crate) async fn create_repository(
        self: &Arc<Self>,
        account: String,
        name: String,
        adjust: impl FnOnce(&mut Settings),
    ) -> Result<Arc<Repository>, StorageError> {
        let mut settings = Settings {
            account,
            name,
            created_at: now(),
            mutability: TagMutability::default(),
            scan_on_push: false,
            encryption: RepositoryEncryption::default(),
            tags: BTreeMap::new(),
            repository_policy: None,
            lifecycle_policy: None,
        };
        adjust(&mut settings);
        let service = self.clone();
        blocking(move || service.storage.repositories.create(settings)).await
    }

    /// Checks a call against what is refused on purpose. The error is ECR's code for it with the
    /// sentence that goes with it.
    pub(crate) fn check_action(
        &self,
        action: &str,
        principal_arn: &str,
        resource: &str,
    ) -> Result<(), (Refusal, String)> {
        self.restrictions.check(action).map_err(|refusal| match refusal {
            Refusal::Throttled => (refusal, "Rate exceeded".to_owned()),
            Refusal::Denied => (
                refusal,
                format!(
                    "User: {principal_arn} is not authorized to perform: {action} on resource: {resource} because no identity-based policy allows the {action} action"
                ),
            ),
        })
    }

    /// The ARN prefix of this server's partition, such as `arn:aws`.
    pub(crate) fn arn_prefix(&self) -> String {
        format!("arn:{}", self.region.partition().name())
    }
}
