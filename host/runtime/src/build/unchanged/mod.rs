//! Skipping a build where nothing has changed since its image was pushed.
//!
//! | file | what |
//! | --- | --- |
//! | [`sources`] | the files that a build reads, as one digest |
//! | [`base_images`] | what the names of base images stand for now |
//! | [`key`] | all that decides what a build makes, as one digest |
//! | [`records`] | which image was pushed for a key, on disk |
//!
//! A key is looked up before the build. Where a record is found and the registry still has its
//! image, the build is over. Otherwise the image is built, and recorded once it is pushed and
//! verified, if the files are then still those that the key was made of.
//!
//! Whatever cannot be told is a reason to build, never one to fail.

pub(crate) mod base_images;
mod key;
mod records;
mod sources;

use std::sync::Mutex;

use stepyard_grammar::{Digest, ImageReference};

pub use records::{PushRecords, PushRecordsError};

use self::key::Key;
use self::sources::SourcePaths;
use super::{Build, BuildEngine, BuiltImage, RegistryImage};
use crate::auth::Credential;
use crate::component::state::RunContext;
use crate::event::LogLevel;
use crate::policy::Authorized;
use crate::registry::{Descriptor, Resolve};

/// What is known before a build begins.
pub(super) enum Finding {
    /// Nothing has changed since this image was pushed.
    Unchanged(BuiltImage),
    /// It has to be built, and may be recorded when it is pushed.
    Changed(Option<Pending>),
}

/// A build whose image can be recorded once it is pushed.
pub(super) struct Pending {
    key: Key,
    repository: ImageReference,
    paths: SourcePaths,
    /// [`sources::Sources::digest`] before the build.
    sources: [u8; 32],
}

/// The builds of a run that wait for their push, with the image that each has made.
#[derive(Default)]
pub(crate) struct PendingRecords(Mutex<Vec<(Digest, Pending)>>);

/// Looks whether the build would make what was pushed before.
pub(super) async fn look(
    context: &RunContext,
    engine: &dyn BuildEngine,
    call: &Authorized<Build>,
) -> Finding {
    let Some(image) = &call.call().request.skip_unchanged else {
        return Finding::Changed(None);
    };
    let say = |message: String| context.reporter().log(LogLevel::Info, message);
    let built = |why: &str| say(format!("the build is not skipped: {why}"));
    let pending = match pending(context, engine, call, image).await {
        Ok(pending) => pending,
        Err(why) => {
            built(&why);
            return Finding::Changed(None);
        }
    };
    match recorded(context, &pending, image).await {
        Ok(descriptor) => {
            say(format!(
                "nothing has changed since {} was pushed: the build is skipped",
                descriptor.digest
            ));
            Finding::Unchanged(BuiltImage {
                id: descriptor.digest.clone(),
                pushed: Some(descriptor),
                unchanged: true,
                ignored_settings: Vec::new(),
            })
        }
        Err(why) => {
            built(&why);
            Finding::Changed(Some(pending))
        }
    }
}

/// The key of a build, or why it has none.
async fn pending(
    context: &RunContext,
    engine: &dyn BuildEngine,
    call: &Authorized<Build>,
    image: &RegistryImage,
) -> Result<Pending, String> {
    let request = &call.call().request;
    if !request.build_cache {
        return Err("the step asks for a build that uses nothing of earlier ones".to_owned());
    }
    let records = &context.capabilities.push_records;
    let records = records
        .as_ref()
        .ok_or("this host keeps no record of what was pushed")?;
    let mut platforms = request.platforms.clone();
    if platforms.is_empty() {
        let own = engine.platform().await;
        platforms.push(own.ok_or("the engine does not say which platform it builds for")?);
    }
    let paths = SourcePaths::of(call.call(), records);
    let dockerfile = paths.dockerfile().await?;
    let (sources, images) = tokio::try_join!(
        paths.read(),
        base_images::resolve(context, call, &dockerfile)
    )?;
    if sources.dockerfile != dockerfile {
        return Err("the Dockerfile changes".to_owned());
    }
    let repository = repository_of(&image.reference);
    Ok(Pending {
        key: Key::of(
            engine.name(),
            &platforms,
            &repository,
            request,
            &sources,
            &images,
            &call.call().rules,
        ),
        repository,
        paths,
        sources: sources.digest,
    })
}

/// The reference without tag and digest.
fn repository_of(reference: &ImageReference) -> ImageReference {
    ImageReference::new(reference.registry().clone(), reference.repository().clone())
}

/// The image that was pushed for the key, if the registry still has it, or why there is none.
async fn recorded(
    context: &RunContext,
    pending: &Pending,
    image: &RegistryImage,
) -> Result<Descriptor, String> {
    let records = context.capabilities.push_records.as_ref();
    let registry = context.capabilities.registry.as_ref();
    let (Some(records), Some(registry)) = (records, registry) else {
        return Err("this host has no registry client".to_owned());
    };
    let repository = &pending.repository;
    let Some(digest) = records.find(&pending.key).await else {
        return Err(format!(
            "no image of this context, Dockerfile and settings is known in {repository}"
        ));
    };
    let anonymous = || Credential::anonymous(repository.registry().clone());
    let call = Resolve {
        reference: repository.clone().with_digest(digest.clone()),
        credential: image.credential.clone().unwrap_or_else(anonymous),
    };
    let found = context
        .gate
        .pass(call, |call| async { registry.resolve(call).await })
        .await
        .map_err(|error| error.to_string())?;
    match found {
        Some(descriptor) if descriptor.digest == digest => Ok(descriptor),
        _ => Err(format!("{repository} does not have {digest} any more")),
    }
}

impl PendingRecords {
    /// Notes what the build has made.
    pub(super) fn note(&self, image: &BuiltImage, pending: Pending) {
        if let Ok(mut waiting) = self.0.lock() {
            waiting.push((image.id.clone(), pending));
        }
    }

    /// Takes the builds that made `image` for the repository of `reference`.
    fn take(&self, image: &BuiltImage, reference: &ImageReference) -> Vec<Pending> {
        let repository = repository_of(reference);
        let Ok(mut waiting) = self.0.lock() else {
            return Vec::new();
        };
        waiting
            .extract_if(.., |(id, pending)| {
                *id == image.id && pending.repository == repository
            })
            .map(|(_, pending)| pending)
            .collect()
    }
}

/// Records that an image was pushed and verified.
pub(super) async fn record(
    context: &RunContext,
    image: &BuiltImage,
    reference: &ImageReference,
    digest: &Digest,
) {
    let Some(records) = &context.capabilities.push_records else {
        return;
    };
    for pending in context.pending_records.take(image, reference) {
        let kept = match pending.paths.read().await {
            Ok(sources) if sources.digest == pending.sources => {
                records.keep(&pending.key, digest.clone()).await
            }
            Ok(_) => Err("the build context changed while the image was built".to_owned()),
            Err(why) => Err(why),
        };
        if let Err(why) = kept {
            let message = format!("it is not recorded that {digest} was pushed: {why}");
            context.reporter().log(LogLevel::Info, message);
        }
    }
}

#[cfg(test)]
mod tests;
