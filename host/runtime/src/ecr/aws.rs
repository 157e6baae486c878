//! ECR's own API, through connectors of type `Aws`.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ecr::types::Repository as EcrRepository;

use super::{DescribeRepository, Ecr, Repository, TagMutability};
use crate::auth::ConnectorAuthenticator;
use crate::auth::aws::{AwsCaller, AwsClients, untraced};
use crate::capability::CapabilityError;
use crate::policy::Authorized;

/// ECR's own API, with the identity of connectors of type `Aws`.
#[derive(Clone, Debug)]
pub struct AwsEcr {
    clients: Arc<AwsClients>,
}

impl AwsEcr {
    /// ECR with the connectors, and the clients, of `authenticator`.
    pub fn new(authenticator: &ConnectorAuthenticator) -> Self {
        Self {
            clients: authenticator.aws(),
        }
    }
}

#[async_trait]
impl Ecr for AwsEcr {
    async fn describe_repository(
        &self,
        call: Authorized<DescribeRepository>,
    ) -> Result<Option<Repository>, CapabilityError> {
        let step = call.step().clone();
        let DescribeRepository {
            connector,
            registry,
            host,
            name,
        } = call.into_call();
        // The policy has decided on the host.
        if *registry.host() != host {
            return Err(CapabilityError::invalid(format!(
                "{host} is not the ECR registry {registry}"
            )));
        }
        let (client, call) = self
            .clients
            .ecr(
                &AwsCaller { connector, step },
                &registry,
                "ecr:DescribeRepositories",
            )
            .await?;
        let request = client
            .describe_repositories()
            .registry_id(registry.account().as_str())
            .repository_names(name.as_str());
        match untraced(request.send()).await {
            Ok(answer) => Ok(answer.repositories().first().map(model)),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_repository_not_found_exception()) =>
            {
                Ok(None)
            }
            Err(error) => Err(call.told(&error)),
        }
    }
}

fn model(repository: &EcrRepository) -> Repository {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let exclusions = repository.image_tag_mutability_exclusion_filters();
    Repository {
        name: text(repository.repository_name()),
        arn: text(repository.repository_arn()),
        uri: text(repository.repository_uri()),
        tag_mutability: TagMutability {
            name: repository
                .image_tag_mutability()
                .map_or("MUTABLE", |mutability| mutability.as_str())
                .to_owned(),
            exclusions: exclusions
                .iter()
                .map(|exclusion| exclusion.filter().to_owned())
                .collect(),
        },
    }
}
