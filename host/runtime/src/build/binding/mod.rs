//! The guest's side of the capability: conversion only.

mod request;

use std::sync::Arc;

use serde_json::json;
use stepyard_grammar::{Digest, ImageReference};
use tokio::sync::SemaphorePermit;
use wasmtime::component::Resource;

use super::unchanged::{self, Finding};
use super::{
    Build, BuildEngine, BuildRequest, BuiltImage, Feature, InspectEngine, Push, RequestDraft,
    base_registries,
};
use crate::auth::Credential;
use crate::capability::CapabilityError;
use crate::component::bindings::stepyard::step::{build, types};
use crate::component::state::{RunContext, RunState, absent};
use crate::event::LogLevel;
use crate::policy::Authorized;
use crate::registry::{Descriptor, Resolve, tagged};

impl build::Host for RunState {
    async fn engine(&mut self) -> wasmtime::Result<Result<String, types::Error>> {
        let context = self.context.clone();
        let name = async { Ok(inspect(&context).await?.name().to_owned()) };
        let name = context.exchange("build.engine", || json!({}), name).await;
        Ok(name.map_err(Into::into))
    }

    async fn supports(&mut self, feature: String) -> wasmtime::Result<bool> {
        let context = self.context.clone();
        let supports = async {
            Ok(match Feature::named(&feature) {
                Some(feature) => match inspect(&context).await {
                    Ok(engine) => engine.supports(feature).await,
                    Err(_) => false,
                },
                None => false,
            })
        };
        let arguments = || json!({"feature": feature});
        let supports = context.exchange("build.supports", arguments, supports);
        // A recording that does not say so knows of none.
        Ok(supports.await.unwrap_or(false))
    }

    async fn build(
        &mut self,
        request: Resource<RequestDraft>,
    ) -> wasmtime::Result<Result<Resource<BuiltImage>, types::Error>> {
        let draft = self.table.delete(request)?;
        let context = self.context.clone();
        let destination = draft.destination.as_ref();
        let destination = destination.map(|(reference, _)| reference.clone());
        let arguments = json!({"request": draft});
        let build = build_image(&context, draft);
        let built = context.exchange("build.build", || arguments, build).await;
        Ok(match built {
            Ok(image) => {
                if let (Some(pushed), Some(destination)) = (&image.pushed, &destination) {
                    context.note_replayed(destination, &pushed.digest);
                }
                Ok(self.table.push(image)?)
            }
            Err(error) => Err(error.into()),
        })
    }
}

fn engine(context: &RunContext) -> Result<Arc<dyn BuildEngine>, CapabilityError> {
    context
        .capabilities
        .engine
        .clone()
        .ok_or_else(|| absent("build engine"))
}

/// The engine, once the policy permits to ask for it and it answers. That is found out once a run:
/// a step asks for many features.
async fn inspect(context: &RunContext) -> Result<Arc<dyn BuildEngine>, CapabilityError> {
    let engine = engine(context)?;
    context
        .engine_answers
        .get_or_try_init(|| {
            context
                .gate
                .pass(InspectEngine, async |call: Authorized<InspectEngine>| {
                    let description = engine.ping(call).await?;
                    let line = format!("the build engine is {description}");
                    context.reporter().log(LogLevel::Info, line);
                    Ok(())
                })
        })
        .await?;
    Ok(engine)
}

async fn build_image(
    context: &RunContext,
    draft: RequestDraft,
) -> Result<BuiltImage, CapabilityError> {
    let mut request = BuildRequest::validate(draft, &context.placeholders)?;
    let rules = context.capabilities.build_rules.clone();
    rules.limit_network(&mut request)?;
    let engine = engine(context)?;
    let workspace = context.workspace.clone().ok_or_else(|| {
        CapabilityError::invalid("a build needs a workspace, and this run has none")
            .with_hint("give the run a workspace: the folder that holds the build context")
    })?;
    let cache_folder = context.capabilities.build_cache_folder.clone();
    if request.has_local_cache() && cache_folder.is_none() {
        return Err(
            CapabilityError::unsupported("this host keeps no caches of the type local").with_hint(
                "the operator names a folder for them, with cache under [build] of stepyard.toml",
            ),
        );
    }
    let destination = request.destination.clone();
    let reporter = context.reporter();
    let build = Build {
        request,
        workspace,
        cache_folder,
        secrets: context.capabilities.secrets.clone(),
        rules,
    };
    let (mut built, pending) = context
        .gate
        .pass(build, |call| async {
            let of_call = call.call();
            let rules = of_call.rules.clone();
            rules.check(&of_call.request, &*engine, reporter).await?;
            let call = base_registries::with_their_credentials(call, reporter).await?;
            match unchanged::look(context, &*engine, &call).await {
                Finding::Unchanged(image) => Ok((image, None)),
                Finding::Changed(pending) => {
                    let _slot = slot(context).await;
                    let built = engine.build(call, reporter).await?;
                    Ok((built, pending))
                }
            }
        })
        .await?;
    // An image that is there already is not under that tag yet.
    if built.unchanged {
        return Ok(built);
    }
    if let Some(pending) = pending {
        context.pending_records.note(&built, pending);
    }
    if let (Some(pushed), Some(destination)) = (&built.pushed, destination) {
        let credential = destination
            .credential
            .unwrap_or_else(|| Credential::anonymous(destination.reference.registry().clone()));
        let pushed = pushed.digest.clone();
        let descriptor =
            confirm_push(context, &built, destination.reference, credential, &pushed).await?;
        built.pushed = Some(descriptor);
    }
    Ok(built)
}

/// Waits until fewer builds run than the operator permits.
async fn slot(context: &RunContext) -> Option<SemaphorePermit<'_>> {
    let slots = context.capabilities.build_slots.as_deref()?;
    if let Ok(slot) = slots.try_acquire() {
        return Some(slot);
    }
    let line = "waiting: as many builds run already as concurrent-builds permits";
    context.reporter().log(LogLevel::Info, line);
    slots.acquire().await.ok()
}

/// Pushes, and looks at the registry whether the tag then names what the engine says.
async fn push_image(
    context: &RunContext,
    image: BuiltImage,
    destination: &str,
    credential: Credential,
) -> Result<Descriptor, CapabilityError> {
    let destination = tagged(destination, &credential)?;
    let engine = engine(context)?;
    let reporter = context.reporter().clone();
    let push = Push {
        image: image.clone(),
        destination: destination.clone(),
        credential: credential.clone(),
    };
    let pushed = context
        .gate
        .pass(
            push,
            |call| async move { engine.push(call, &reporter).await },
        )
        .await?;
    confirm_push(context, &image, destination, credential, &pushed).await
}

/// Looks at the registry whether the tag of `destination` names what was pushed.
async fn confirm_push(
    context: &RunContext,
    image: &BuiltImage,
    destination: ImageReference,
    credential: Credential,
    pushed: &Digest,
) -> Result<Descriptor, CapabilityError> {
    let registry = context
        .capabilities
        .registry
        .clone()
        .ok_or_else(|| absent("registry client"))?;
    let resolve = Resolve {
        reference: destination.clone(),
        credential: credential.clone(),
    };
    let found = context
        .gate
        .pass(resolve, |call| async { registry.resolve(call).await })
        .await?;
    match found {
        Some(descriptor) if descriptor.digest == *pushed => {
            context
                .note_pushed_image(&*registry, &destination, credential, &descriptor.digest)
                .await;
            unchanged::record(context, image, &destination, &descriptor.digest).await;
            Ok(descriptor)
        }
        Some(descriptor) => Err(CapabilityError::new(
            crate::ErrorKind::Conflict,
            format!(
                "{destination} was pushed with the digest {pushed}, but the registry now has {} \
                 there",
                descriptor.digest
            ),
        )
        .with_hint("somebody else pushed the same tag at the same time; run the step again")),
        None => Err(CapabilityError::unavailable(format!(
            "{destination} was pushed with the digest {pushed}, but the registry does not have it"
        ))
        .with_hint("run the step again; if it stays so, the registry loses what it accepts")),
    }
}

impl build::HostImage for RunState {
    fn id(&mut self, image: Resource<BuiltImage>) -> wasmtime::Result<String> {
        Ok(self.table.get(&image)?.id.to_string())
    }

    fn pushed(
        &mut self,
        image: Resource<BuiltImage>,
    ) -> wasmtime::Result<Option<types::Descriptor>> {
        Ok(self.table.get(&image)?.pushed.clone().map(Into::into))
    }

    fn unchanged(&mut self, image: Resource<BuiltImage>) -> wasmtime::Result<bool> {
        Ok(self.table.get(&image)?.unchanged)
    }

    fn ignored_settings(
        &mut self,
        image: Resource<BuiltImage>,
    ) -> wasmtime::Result<Vec<build::IgnoredSetting>> {
        let ignored = &self.table.get(&image)?.ignored_settings;
        Ok(ignored
            .iter()
            .map(|ignored| build::IgnoredSetting {
                setting: ignored.setting.clone().into_owned(),
                reason: ignored.reason.clone(),
            })
            .collect())
    }

    async fn push(
        &mut self,
        image: Resource<BuiltImage>,
        reference: String,
        credential: Resource<Credential>,
    ) -> wasmtime::Result<Result<types::Descriptor, types::Error>> {
        let image = self.table.get(&image)?.clone();
        let credential = self.credential(&credential)?;
        let context = self.context.clone();
        let arguments =
            json!({"image": image.id.as_str(), "reference": reference, "credential": credential});
        let push = push_image(&context, image, &reference, credential);
        let pushed = context
            .exchange("build.image.push", || arguments, push)
            .await;
        if let Ok(pushed) = &pushed {
            context.note_replayed(&reference, &pushed.digest);
        }
        Ok(pushed.map(Into::into).map_err(Into::into))
    }

    fn drop(&mut self, image: Resource<BuiltImage>) -> wasmtime::Result<()> {
        self.table.delete(image)?;
        Ok(())
    }
}
