//! Images, lists of them, and their copies elsewhere.

use serde_json::json;
use wasmtime::component::Resource;

use super::super::page::{Next, Reading};
use super::super::{Image, ImageList, ListImages, NamedRepository, Page, PageToken, Replica};
use super::{GuestResult, pass};
use crate::capability::CapabilityError;
use crate::component::bindings::stepyard::step::ecr;
use crate::component::state::{RunContext, RunState};

impl ImageList {
    pub(super) async fn open(
        context: &RunContext,
        repository: NamedRepository,
    ) -> Result<Self, CapabilityError> {
        let page = fetch(context, &repository, None).await?;
        Ok(Self {
            repository,
            images: Reading::new(page),
        })
    }

    /// A list whose pages are answered from a recording.
    pub(super) fn replayed(repository: NamedRepository) -> Self {
        Self {
            repository,
            images: Reading::new(Page::default()),
        }
    }

    async fn next(&mut self, context: &RunContext) -> Result<Vec<Image>, CapabilityError> {
        loop {
            match self.images.next() {
                Next::Entries(images) => return Ok(images),
                Next::Page(token) => {
                    let page = fetch(context, &self.repository, Some(token)).await?;
                    self.images.receive(page)?;
                }
            }
        }
    }
}

async fn fetch(
    context: &RunContext,
    repository: &NamedRepository,
    page: Option<PageToken>,
) -> Result<Page<Image>, CapabilityError> {
    let call = ListImages {
        repository: repository.clone(),
        page,
    };
    pass(context, call, |ecr, call| async move {
        ecr.list_images(call).await
    })
    .await
}

impl ecr::HostImageList for RunState {
    async fn next(&mut self, list: Resource<ImageList>) -> GuestResult<Vec<Resource<Image>>> {
        let context = self.context.clone();
        let next = self.table.get_mut(&list)?.next(&context);
        let images = context.exchange("ecr.image-list.next", || json!({}), next);
        let images = images.await;
        self.give_all(images)
    }

    fn drop(&mut self, list: Resource<ImageList>) -> wasmtime::Result<()> {
        self.table.delete(list)?;
        Ok(())
    }
}

impl ecr::HostImage for RunState {
    fn digest(&mut self, image: Resource<Image>) -> wasmtime::Result<String> {
        Ok(self.table.get(&image)?.digest.clone())
    }

    fn tags(&mut self, image: Resource<Image>) -> wasmtime::Result<Vec<String>> {
        Ok(self.table.get(&image)?.tags.clone())
    }

    fn pushed_at(&mut self, image: Resource<Image>) -> wasmtime::Result<Option<String>> {
        Ok(self.table.get(&image)?.pushed_at.clone())
    }

    fn size(&mut self, image: Resource<Image>) -> wasmtime::Result<Option<u64>> {
        Ok(self.table.get(&image)?.size)
    }

    fn media_type(&mut self, image: Resource<Image>) -> wasmtime::Result<Option<String>> {
        Ok(self.table.get(&image)?.media_type.clone())
    }

    fn drop(&mut self, image: Resource<Image>) -> wasmtime::Result<()> {
        self.table.delete(image)?;
        Ok(())
    }
}

impl ecr::HostReplica for RunState {
    fn account(&mut self, replica: Resource<Replica>) -> wasmtime::Result<String> {
        Ok(self.table.get(&replica)?.account.clone())
    }

    fn region(&mut self, replica: Resource<Replica>) -> wasmtime::Result<String> {
        Ok(self.table.get(&replica)?.region.clone())
    }

    fn status(&mut self, replica: Resource<Replica>) -> wasmtime::Result<String> {
        Ok(self.table.get(&replica)?.status.clone())
    }

    fn failure_code(&mut self, replica: Resource<Replica>) -> wasmtime::Result<Option<String>> {
        Ok(self.table.get(&replica)?.failure_code.clone())
    }

    fn drop(&mut self, replica: Resource<Replica>) -> wasmtime::Result<()> {
        self.table.delete(replica)?;
        Ok(())
    }
}
