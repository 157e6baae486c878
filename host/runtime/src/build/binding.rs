//! The guest's side of the capability: conversion only.

use std::sync::Arc;

use wasmtime::component::Resource;

use super::{
    Build, BuildEngine, BuildRequest, BuiltImage, Feature, InspectEngine, Push, RequestDraft,
};
use crate::auth::Credential;
use crate::capability::CapabilityError;
use crate::component::bindings::stepyard::step::{build, types};
use crate::component::state::{RunContext, RunState, absent};
use crate::policy::Authorized;
use crate::registry::{Descriptor, Resolve, tagged};

/// How many bytes a guest may note in the requests of one run, so that it cannot fill the host's
/// memory.
const MOST_NOTED: usize = 64 << 20;

impl build::Host for RunState {
    async fn engine(&mut self) -> wasmtime::Result<Result<String, types::Error>> {
        Ok(inspect(&self.context.clone()).await.map_err(Into::into))
    }

    fn supports(&mut self, feature: String) -> wasmtime::Result<bool> {
        Ok(
            match (&self.context.capabilities.engine, Feature::named(&feature)) {
                (Some(engine), Some(feature)) => engine.supports(feature),
                _ => false,
            },
        )
    }

    async fn build(
        &mut self,
        request: Resource<RequestDraft>,
    ) -> wasmtime::Result<Result<Resource<BuiltImage>, types::Error>> {
        let draft = self.table.delete(request)?;
        Ok(match build_image(&self.context.clone(), draft).await {
            Ok(image) => Ok(self.table.push(image)?),
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

async fn inspect(context: &RunContext) -> Result<String, CapabilityError> {
    let engine = engine(context)?;
    context
        .gate
        .pass(InspectEngine, async |call: Authorized<InspectEngine>| {
            engine.ping(call).await?;
            Ok(engine.name().to_owned())
        })
        .await
}

async fn build_image(
    context: &RunContext,
    draft: RequestDraft,
) -> Result<BuiltImage, CapabilityError> {
    let request = BuildRequest::validate(draft, &context.placeholders)?;
    let engine = engine(context)?;
    let workspace = context.workspace.clone().ok_or_else(|| {
        CapabilityError::invalid("a build needs a workspace, and this run has none")
            .with_hint("give the run a workspace: the folder that holds the build context")
    })?;
    let destination = request.destination.clone();
    let reporter = context.reporter();
    let built = context
        .gate
        .pass(Build { request, workspace }, |call| async {
            engine.build(call, reporter).await
        })
        .await?;
    if let (Some(pushed), Some(destination)) = (&built.pushed, destination)
        && let (Some(registry), Some(credential)) = (
            context.capabilities.registry.clone(),
            destination.credential,
        )
    {
        context
            .note_pushed_image(
                &*registry,
                &destination.reference,
                credential,
                &pushed.digest,
            )
            .await;
    }
    Ok(built)
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
        image,
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
        Some(descriptor) if descriptor.digest == pushed => {
            context
                .note_pushed_image(&*registry, &destination, credential, &descriptor.digest)
                .await;
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

    fn ignored_settings(
        &mut self,
        image: Resource<BuiltImage>,
    ) -> wasmtime::Result<Vec<build::IgnoredSetting>> {
        let ignored = &self.table.get(&image)?.ignored_settings;
        Ok(ignored
            .iter()
            .map(|ignored| build::IgnoredSetting {
                setting: ignored.setting.to_owned(),
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
        let descriptor = push_image(&self.context.clone(), image, &reference, credential).await;
        Ok(descriptor.map(Into::into).map_err(Into::into))
    }

    fn drop(&mut self, image: Resource<BuiltImage>) -> wasmtime::Result<()> {
        self.table.delete(image)?;
        Ok(())
    }
}

/// Setters that keep one text.
macro_rules! keep_text {
    ($($setter:ident => $field:ident),* $(,)?) => {$(
        fn $setter(&mut self, request: Resource<RequestDraft>, value: String) -> wasmtime::Result<()> {
            let draft = self.noting(&request, value.len())?;
            draft.$field = Some(value);
            Ok(())
        }
    )*};
}

/// Setters that append a pair of texts.
macro_rules! append_pair {
    ($($setter:ident => $field:ident),* $(,)?) => {$(
        fn $setter(
            &mut self,
            request: Resource<RequestDraft>,
            name: String,
            value: String,
        ) -> wasmtime::Result<()> {
            let draft = self.noting(&request, name.len().saturating_add(value.len()))?;
            draft.$field.push((name, value));
            Ok(())
        }
    )*};
}

impl RunState {
    /// The draft behind a handle, after `bytes` more were counted.
    fn noting(
        &mut self,
        request: &Resource<RequestDraft>,
        bytes: usize,
    ) -> wasmtime::Result<&mut RequestDraft> {
        // Each entry costs its own bookkeeping, however short its text is.
        self.noted = self.noted.saturating_add(bytes).saturating_add(64);
        if self.noted > MOST_NOTED {
            // Setters have no way to report an error, so the guest is stopped.
            return Err(wasmtime::Error::msg(format!(
                "its build requests hold more than {MOST_NOTED} bytes"
            )));
        }
        Ok(self.table.get_mut(request)?)
    }
}

impl build::HostRequest for RunState {
    fn new(&mut self) -> wasmtime::Result<Resource<RequestDraft>> {
        Ok(self.table.push(RequestDraft::default())?)
    }

    keep_text! {
        set_context => context,
        set_dockerfile => dockerfile,
        set_target => target,
        set_network_mode => network_mode,
        set_run_as_user => run_as_user,
        set_memory_limit => memory_limit,
        set_cpu_limit => cpu_limit,
        set_memory_request => memory_request,
        set_cpu_request => cpu_request,
        set_snapshot_mode => snapshot_mode,
        set_compression => compression,
    }

    append_pair! {
        add_build_argument => build_arguments,
        add_label => labels,
        add_secret => secrets,
        add_secret_file => secret_files,
    }

    fn add_platform(
        &mut self,
        request: Resource<RequestDraft>,
        platform: String,
    ) -> wasmtime::Result<()> {
        let draft = self.noting(&request, platform.len())?;
        draft.platforms.push(platform);
        Ok(())
    }

    fn add_base_image_credential(
        &mut self,
        request: Resource<RequestDraft>,
        credential: Resource<Credential>,
    ) -> wasmtime::Result<()> {
        let credential = self.credential(&credential)?;
        let draft = self.noting(&request, 0)?;
        draft.base_image_credentials.push(credential);
        Ok(())
    }

    fn add_cache_source(
        &mut self,
        request: Resource<RequestDraft>,
        reference: String,
        credential: Option<Resource<Credential>>,
    ) -> wasmtime::Result<()> {
        let credential = credential
            .map(|credential| self.credential(&credential))
            .transpose()?;
        let draft = self.noting(&request, reference.len())?;
        draft.cache_sources.push((reference, credential));
        Ok(())
    }

    fn add_cache_destination(
        &mut self,
        request: Resource<RequestDraft>,
        reference: String,
        credential: Resource<Credential>,
    ) -> wasmtime::Result<()> {
        let credential = self.credential(&credential)?;
        let draft = self.noting(&request, reference.len())?;
        draft.cache_destinations.push((reference, credential));
        Ok(())
    }

    fn set_build_cache(
        &mut self,
        request: Resource<RequestDraft>,
        enabled: bool,
    ) -> wasmtime::Result<()> {
        self.noting(&request, 0)?.build_cache = Some(enabled);
        Ok(())
    }

    fn set_pull(&mut self, request: Resource<RequestDraft>, enabled: bool) -> wasmtime::Result<()> {
        self.noting(&request, 0)?.pull = enabled;
        Ok(())
    }

    fn set_destination(
        &mut self,
        request: Resource<RequestDraft>,
        reference: String,
        credential: Resource<Credential>,
    ) -> wasmtime::Result<()> {
        let credential = self.credential(&credential)?;
        let draft = self.noting(&request, reference.len())?;
        draft.destination = Some((reference, credential));
        Ok(())
    }

    fn drop(&mut self, request: Resource<RequestDraft>) -> wasmtime::Result<()> {
        self.table.delete(request)?;
        Ok(())
    }
}
