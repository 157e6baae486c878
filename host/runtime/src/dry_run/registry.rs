//! A registry that is read, and written to only in memory.

use std::sync::Arc;

use async_trait::async_trait;

use super::written::{Written, WrittenImage, digest_of, repository};
use crate::capability::{CapabilityError, ErrorKind};
use crate::event::Reporter;
use crate::policy::Authorized;
use crate::registry::{
    Copy, Descriptor, GetManifest, ListTags, Manifest, PutManifest, Registry, Resolve, TagImage,
};

pub(super) struct DryRegistry {
    pub(super) registry: Arc<dyn Registry>,
    pub(super) written: Written,
}

impl DryRegistry {
    /// What the source of a copy or of a further tag names.
    async fn source(&self, call: Authorized<Resolve>) -> Result<Descriptor, CapabilityError> {
        let reference = call.call().reference.clone();
        self.resolve(call)
            .await?
            .ok_or_else(|| CapabilityError::not_found(format!("{reference} does not exist")))
    }
}

#[async_trait]
impl Registry for DryRegistry {
    async fn resolve(
        &self,
        call: Authorized<Resolve>,
    ) -> Result<Option<Descriptor>, CapabilityError> {
        let reference = &call.call().reference;
        if let Some(image) = self.written.image(reference) {
            return Ok(Some(image.descriptor));
        }
        let is_new = self.written.repository(&repository(reference)).is_some();
        match self.registry.resolve(call).await {
            Err(error) if is_new && error.kind == ErrorKind::NotFound => Ok(None),
            resolved => resolved,
        }
    }

    async fn get_manifest(
        &self,
        call: Authorized<GetManifest>,
    ) -> Result<Manifest, CapabilityError> {
        match self.written.image(&call.call().reference) {
            Some(WrittenImage {
                manifest: Some(manifest),
                ..
            }) => Ok(manifest),
            Some(_) => Err(CapabilityError::unsupported(format!(
                "{} has no manifest, because a dry run builds and copies nothing",
                call.call().reference
            ))),
            None => self.registry.get_manifest(call).await,
        }
    }

    async fn put_manifest(
        &self,
        call: Authorized<PutManifest>,
    ) -> Result<Descriptor, CapabilityError> {
        let PutManifest {
            reference,
            manifest,
            ..
        } = call.into_call();
        let descriptor = Descriptor {
            digest: digest_of(&manifest.content)?,
            media_type: manifest.media_type.clone(),
            size: manifest.content.len() as u64,
        };
        let image = WrittenImage {
            descriptor: descriptor.clone(),
            manifest: Some(manifest),
        };
        self.written.put_image(&reference, image);
        Ok(descriptor)
    }

    async fn tag(
        &self,
        call: Authorized<TagImage>,
        _reporter: &Reporter,
    ) -> Result<Descriptor, CapabilityError> {
        let descriptor = self.source(call.resolving_source()).await?;
        let TagImage { reference, tag, .. } = call.into_call();
        let manifest = self
            .written
            .image(&reference)
            .and_then(|image| image.manifest);
        let image = WrittenImage {
            descriptor: descriptor.clone(),
            manifest,
        };
        self.written.put_image(&reference.with_tag(tag), image);
        Ok(descriptor)
    }

    async fn copy(
        &self,
        call: Authorized<Copy>,
        _reporter: &Reporter,
    ) -> Result<Descriptor, CapabilityError> {
        let descriptor = self.source(call.resolving_source()).await?;
        let image = WrittenImage {
            descriptor: descriptor.clone(),
            manifest: None,
        };
        self.written.put_image(&call.call().destination, image);
        Ok(descriptor)
    }

    async fn list_tags(&self, call: Authorized<ListTags>) -> Result<Vec<String>, CapabilityError> {
        let repository = format!("{}/{}", call.call().registry, call.call().repository);
        let is_new = self.written.repository(&repository).is_some();
        let mut tags = match self.registry.list_tags(call).await {
            Err(error) if is_new && error.kind == ErrorKind::NotFound => Vec::new(),
            tags => tags?,
        };
        for tag in self.written.tags(&repository) {
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        Ok(tags)
    }
}
