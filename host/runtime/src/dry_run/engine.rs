//! An engine that is asked, and builds nothing.

use std::sync::Arc;

use async_trait::async_trait;
use stepyard_grammar::Digest;

use super::written::{Written, WrittenImage, descriptor};
use crate::build::{Build, BuildEngine, BuiltImage, Feature, InspectEngine, Push, open_context};
use crate::capability::CapabilityError;
use crate::event::Reporter;
use crate::policy::Authorized;

pub(super) struct DryEngine {
    pub(super) engine: Arc<dyn BuildEngine>,
    pub(super) written: Written,
}

#[async_trait]
impl BuildEngine for DryEngine {
    fn name(&self) -> &str {
        self.engine.name()
    }

    async fn ping(&self, call: Authorized<InspectEngine>) -> Result<String, CapabilityError> {
        self.engine.ping(call).await
    }

    async fn supports(&self, feature: Feature) -> bool {
        self.engine.supports(feature).await
    }

    async fn enforces_source_rules(&self) -> bool {
        self.engine.enforces_source_rules().await
    }

    async fn platform(&self) -> Option<String> {
        self.engine.platform().await
    }

    /// Looks at the context and the Dockerfile, and gives an image that nobody holds.
    async fn build(
        &self,
        call: Authorized<Build>,
        _reporter: &Reporter,
    ) -> Result<BuiltImage, CapabilityError> {
        open_context(call.call()).await?;
        let id = self.written.next_digest()?;
        let destination = call.call().request.destination.as_ref();
        let pushed = destination.map(|destination| {
            let descriptor = descriptor(id.clone());
            self.written.put_image(
                &destination.reference,
                WrittenImage {
                    descriptor: descriptor.clone(),
                    manifest: None,
                },
            );
            descriptor
        });
        Ok(BuiltImage {
            id,
            pushed,
            unchanged: false,
            ignored_settings: Vec::new(),
        })
    }

    async fn push(
        &self,
        call: Authorized<Push>,
        _reporter: &Reporter,
    ) -> Result<Digest, CapabilityError> {
        let Push {
            image, destination, ..
        } = call.into_call();
        let image = WrittenImage {
            descriptor: descriptor(image.id.clone()),
            manifest: None,
        };
        self.written.put_image(&destination, image.clone());
        Ok(image.descriptor.digest)
    }
}
