//! The guest's side of the capability: conversion only.

use std::sync::Arc;

use serde_json::{Value, json};
use stepyard_grammar::{ImageReference, Tag};
use wasmtime::component::Resource;

use super::{
    Copy, Descriptor, GetManifest, ListTags, Manifest, PutManifest, Registry, Resolve, TagImage,
};
use crate::auth::Credential;
use crate::capability::CapabilityError;
use crate::component::bindings::stepyard::step::{registry, types};
use crate::component::state::{RunContext, RunState, absent};
use crate::recording::Answered;

type GuestResult<T> = wasmtime::Result<Result<T, types::Error>>;

impl registry::Host for RunState {
    async fn resolve(
        &mut self,
        reference: String,
        credential: Resource<Credential>,
    ) -> GuestResult<Option<types::Descriptor>> {
        let context = self.context.clone();
        let credential = self.credential(&credential)?;
        let arguments = json!({"reference": reference, "credential": credential});
        let act = async {
            let named = named(&reference, &credential)?;
            let backend = backend(&context)?;
            let call = Resolve {
                reference: named.clone(),
                credential,
            };
            let resolved = context
                .gate
                .pass(call, |call| async move { backend.resolve(call).await })
                .await?;
            if let Some(descriptor) = &resolved {
                context.note_image(&named, &descriptor.digest);
            }
            Ok::<_, CapabilityError>(resolved)
        };
        let resolved = context
            .exchange("registry.resolve", || arguments, act)
            .await;
        if let Ok(Some(resolved)) = &resolved {
            context.note_replayed(&reference, &resolved.digest);
        }
        Ok(resolved
            .map(|descriptor| descriptor.map(Into::into))
            .map_err(Into::into))
    }

    async fn get_manifest(
        &mut self,
        reference: String,
        credential: Resource<Credential>,
    ) -> GuestResult<registry::Manifest> {
        let context = self.context.clone();
        let credential = self.credential(&credential)?;
        let arguments = json!({"reference": reference, "credential": credential});
        let act = async {
            let reference = named(&reference, &credential)?;
            let backend = backend(&context)?;
            let call = GetManifest {
                reference,
                credential,
            };
            context
                .gate
                .pass(call, |call| async move { backend.get_manifest(call).await })
                .await
        };
        let manifest = context
            .exchange("registry.get-manifest", || arguments, act)
            .await;
        Ok(manifest
            .map(|manifest| registry::Manifest {
                media_type: manifest.media_type,
                content: manifest.content,
            })
            .map_err(Into::into))
    }

    async fn put_manifest(
        &mut self,
        reference: String,
        manifest: registry::Manifest,
        credential: Resource<Credential>,
    ) -> GuestResult<types::Descriptor> {
        let context = self.context.clone();
        let credential = self.credential(&credential)?;
        let arguments = json!({"reference": reference, "manifest": to_recorded(&manifest), "credential": credential});
        let act = async {
            let named = named(&reference, &credential)?;
            let call = PutManifest {
                reference: named.clone(),
                manifest: valid_manifest(manifest)?,
                credential: credential.clone(),
            };
            let backend = backend(&context)?;
            let stored = context
                .gate
                .pass(call, |call| async { backend.put_manifest(call).await })
                .await?;
            context
                .note_pushed_image(&*backend, &named, credential, &stored.digest)
                .await;
            Ok::<_, CapabilityError>(stored)
        };
        let descriptor = context
            .exchange("registry.put-manifest", || arguments, act)
            .await;
        if let Ok(descriptor) = &descriptor {
            context.note_replayed(&reference, &descriptor.digest);
        }
        Ok(descriptor.map(Into::into).map_err(Into::into))
    }

    async fn tag(
        &mut self,
        reference: String,
        tag: String,
        credential: Resource<Credential>,
    ) -> GuestResult<types::Descriptor> {
        let context = self.context.clone();
        let credential = self.credential(&credential)?;
        let arguments = json!({"reference": reference, "tag": tag, "credential": credential});
        let act = async {
            let reference = named(&reference, &credential)?;
            let tag = Tag::parse(&tag).map_err(invalid)?;
            let tagged = reference.clone().with_tag(tag.clone());
            let call = TagImage {
                reference,
                tag,
                credential: credential.clone(),
            };
            let backend = backend(&context)?;
            let reporter = context.reporter();
            let descriptor = context
                .gate
                .pass(call, |call| async { backend.tag(call, reporter).await })
                .await?;
            context
                .note_pushed_image(&*backend, &tagged, credential, &descriptor.digest)
                .await;
            Ok::<_, CapabilityError>(descriptor)
        };
        let descriptor = context.exchange("registry.tag", || arguments, act).await;
        if let (Ok(descriptor), Ok(image), Ok(tag)) = (
            &descriptor,
            ImageReference::parse(&reference),
            Tag::parse(&tag),
        ) {
            let tagged = image.with_tag(tag).to_string();
            context.note_replayed(&tagged, &descriptor.digest);
        }
        Ok(descriptor.map(Into::into).map_err(Into::into))
    }

    async fn copy(
        &mut self,
        source: String,
        source_credential: Resource<Credential>,
        destination: String,
        destination_credential: Resource<Credential>,
    ) -> GuestResult<types::Descriptor> {
        let context = self.context.clone();
        let source_credential = self.credential(&source_credential)?;
        let destination_credential = self.credential(&destination_credential)?;
        let arguments = json!({"source": source, "source-credential": source_credential, "destination": destination, "destination-credential": destination_credential});
        let act = async {
            let destination = tagged(&destination, &destination_credential)?;
            let call = Copy {
                source: named(&source, &source_credential)?,
                destination: destination.clone(),
                source_credential,
                destination_credential: destination_credential.clone(),
            };
            let backend = backend(&context)?;
            let reporter = context.reporter();
            let copied = context
                .gate
                .pass(call, |call| async { backend.copy(call, reporter).await })
                .await?;
            context
                .note_pushed_image(
                    &*backend,
                    &destination,
                    destination_credential,
                    &copied.digest,
                )
                .await;
            Ok::<_, CapabilityError>(copied)
        };
        let descriptor = context.exchange("registry.copy", || arguments, act).await;
        if let Ok(descriptor) = &descriptor {
            context.note_replayed(&destination, &descriptor.digest);
        }
        Ok(descriptor.map(Into::into).map_err(Into::into))
    }

    async fn list_tags(
        &mut self,
        repository: String,
        credential: Resource<Credential>,
    ) -> GuestResult<Vec<String>> {
        let context = self.context.clone();
        let credential = self.credential(&credential)?;
        let arguments = json!({"repository": repository, "credential": credential});
        let act = async {
            let reference = ImageReference::parse(&repository).map_err(invalid)?;
            if reference.tag().is_some() || reference.digest().is_some() {
                return Err(CapabilityError::invalid(format!(
                    "{repository:?} names an image; a repository was expected, without tag and \
                     digest"
                )));
            }
            require_registry(&reference, &credential)?;
            let call = ListTags {
                registry: reference.registry().clone(),
                repository: reference.repository().clone(),
                credential,
            };
            let backend = backend(&context)?;
            context
                .gate
                .pass(call, |call| async move { backend.list_tags(call).await })
                .await
        };
        let tags = context
            .exchange("registry.list-tags", || arguments, act)
            .await;
        Ok(tags.map_err(Into::into))
    }
}

impl From<Descriptor> for types::Descriptor {
    fn from(descriptor: Descriptor) -> Self {
        Self {
            digest: descriptor.digest.to_string(),
            media_type: descriptor.media_type,
            size: descriptor.size,
        }
    }
}

fn backend(context: &RunContext) -> Result<Arc<dyn Registry>, CapabilityError> {
    context
        .capabilities
        .registry
        .clone()
        .ok_or_else(|| absent("registry client"))
}

fn invalid(error: impl std::fmt::Display) -> CapabilityError {
    CapabilityError::invalid(error.to_string())
}

/// A reference with a tag or a digest, in the registry that the credential is for.
fn named(text: &str, credential: &Credential) -> Result<ImageReference, CapabilityError> {
    let reference = ImageReference::parse(text).map_err(invalid)?;
    if reference.tag().is_none() && reference.digest().is_none() {
        return Err(CapabilityError::invalid(format!(
            "{text:?} has neither a tag nor a digest"
        )));
    }
    require_registry(&reference, credential)?;
    Ok(reference)
}

/// A reference with a tag and without a digest, in the registry that the credential is for.
pub(crate) fn tagged(
    text: &str,
    credential: &Credential,
) -> Result<ImageReference, CapabilityError> {
    let reference = ImageReference::parse(text).map_err(invalid)?;
    if reference.tag().is_none() || reference.digest().is_some() {
        return Err(CapabilityError::invalid(format!(
            "{text:?} must have a tag and no digest"
        )));
    }
    require_registry(&reference, credential)?;
    Ok(reference)
}

/// A credential goes to its own registry only.
fn require_registry(
    reference: &ImageReference,
    credential: &Credential,
) -> Result<(), CapabilityError> {
    if reference.registry() == credential.registry() {
        Ok(())
    } else {
        Err(CapabilityError::invalid(format!(
            "the credential is for {}, not for {}",
            credential.registry(),
            reference.registry()
        )))
    }
}

/// A manifest that a guest hands over, as recordings have it.
fn to_recorded(manifest: &registry::Manifest) -> Value {
    Manifest {
        media_type: manifest.media_type.clone(),
        content: manifest.content.clone(),
    }
    .to_answer()
}

fn valid_manifest(manifest: registry::Manifest) -> Result<Manifest, CapabilityError> {
    if manifest.content.len() > Manifest::LARGEST {
        return Err(CapabilityError::invalid(format!(
            "the manifest has {} bytes; at most {} are accepted",
            manifest.content.len(),
            Manifest::LARGEST
        )));
    }
    let is_media_type = manifest.media_type.len() <= 255
        && manifest.media_type.contains('/')
        && manifest
            .media_type
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/.+-_".contains(&byte));
    if !is_media_type {
        return Err(CapabilityError::invalid(format!(
            "{:?} is not a media type",
            manifest.media_type
        )));
    }
    Ok(Manifest {
        media_type: manifest.media_type,
        content: manifest.content,
    })
}
