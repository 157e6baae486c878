//! The guest's side of the capability: conversion only.

use stepyard_grammar::{EcrRegistry, RepositoryName};
use wasmtime::component::Resource;

use super::{DescribeRepository, Repository};
use crate::capability::CapabilityError;
use crate::component::bindings::stepyard::step::{ecr, types};
use crate::component::state::{RunContext, RunState, absent};

impl ecr::Host for RunState {
    async fn describe_repository(
        &mut self,
        connector: String,
        registry: String,
        name: String,
    ) -> wasmtime::Result<Result<Option<Resource<Repository>>, types::Error>> {
        Ok(
            match describe(&self.context.clone(), connector, &registry, &name).await {
                Ok(Some(repository)) => Ok(Some(self.table.push(repository)?)),
                Ok(None) => Ok(None),
                Err(error) => Err(error.into()),
            },
        )
    }
}

impl ecr::HostRepository for RunState {
    fn name(&mut self, repository: Resource<Repository>) -> wasmtime::Result<String> {
        Ok(self.table.get(&repository)?.name.clone())
    }

    fn arn(&mut self, repository: Resource<Repository>) -> wasmtime::Result<String> {
        Ok(self.table.get(&repository)?.arn.clone())
    }

    fn uri(&mut self, repository: Resource<Repository>) -> wasmtime::Result<String> {
        Ok(self.table.get(&repository)?.uri.clone())
    }

    fn tag_mutability(&mut self, repository: Resource<Repository>) -> wasmtime::Result<String> {
        Ok(self.table.get(&repository)?.tag_mutability.name.clone())
    }

    fn tag_is_immutable(
        &mut self,
        repository: Resource<Repository>,
        tag: String,
    ) -> wasmtime::Result<bool> {
        let repository = self.table.get(&repository)?;
        Ok(repository.tag_mutability.forbids_overwriting(&tag))
    }

    fn drop(&mut self, repository: Resource<Repository>) -> wasmtime::Result<()> {
        self.table.delete(repository)?;
        Ok(())
    }
}

async fn describe(
    context: &RunContext,
    connector: String,
    registry: &str,
    name: &str,
) -> Result<Option<Repository>, CapabilityError> {
    let invalid =
        |error: stepyard_grammar::GrammarError| CapabilityError::invalid(error.to_string());
    let registry = EcrRegistry::parse(registry).map_err(invalid)?;
    let call = DescribeRepository {
        connector,
        host: registry.host().clone(),
        registry,
        name: RepositoryName::parse(name).map_err(invalid)?,
    };
    let ecr = context.capabilities.ecr.clone();
    context
        .gate
        .pass(call, async |call| match ecr {
            Some(ecr) => ecr.describe_repository(call).await,
            None => Err(absent("connection to Amazon ECR")),
        })
        .await
}
