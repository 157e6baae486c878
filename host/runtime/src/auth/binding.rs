//! The guest's side of the capability: conversion only.

use serde_json::json;
use stepyard_grammar::RegistryHost;
use wasmtime::component::Resource;

use super::{Credential, Login, LoginAnonymously, check_connector_name};
use crate::capability::CapabilityError;
use crate::component::bindings::stepyard::step::{auth, types};
use crate::component::state::{RunContext, RunState, absent};

impl auth::Host for RunState {
    async fn login(
        &mut self,
        connector: String,
        registry: Option<String>,
    ) -> wasmtime::Result<Result<Resource<Credential>, types::Error>> {
        let context = self.context.clone();
        let arguments = json!({"connector": connector, "registry": registry});
        let login = login(&context, connector, registry);
        let credential = context.exchange("auth.login", || arguments, login).await;
        self.hand_out(credential)
    }

    async fn anonymous(
        &mut self,
        registry: String,
    ) -> wasmtime::Result<Result<Resource<Credential>, types::Error>> {
        let context = self.context.clone();
        let arguments = || json!({"registry": registry});
        let login = async {
            let registry = host(&registry)?;
            context
                .gate
                .pass(LoginAnonymously { registry }, async |call| {
                    Ok(Credential::anonymous(call.into_call().registry))
                })
                .await
        };
        let credential = context.exchange("auth.anonymous", arguments, login).await;
        self.hand_out(credential)
    }
}

impl RunState {
    fn hand_out(
        &mut self,
        credential: Result<Credential, CapabilityError>,
    ) -> wasmtime::Result<Result<Resource<Credential>, types::Error>> {
        Ok(match credential {
            Ok(credential) => Ok(self
                .table
                .push(credential.masking(self.reporter().mask()))?),
            Err(error) => Err(error.into()),
        })
    }
}

async fn login(
    context: &RunContext,
    connector: String,
    registry: Option<String>,
) -> Result<Credential, CapabilityError> {
    check_connector_name(&connector)?;
    let registry = registry.as_deref().map(host).transpose()?;
    let authenticator = context.capabilities.authenticator.clone();
    let call = Login {
        connector,
        registry,
    };
    context
        .gate
        .pass(call, async |call| match authenticator {
            Some(authenticator) => authenticator.login(call).await,
            None => Err(absent("connectors")),
        })
        .await
}

fn host(text: &str) -> Result<RegistryHost, CapabilityError> {
    RegistryHost::parse(text).map_err(|error| CapabilityError::invalid(error.to_string()))
}
