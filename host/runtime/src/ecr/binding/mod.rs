//! The guest's side of the capability: conversion only.

mod images;
mod repositories;
mod scans;

use std::sync::Arc;

use wasmtime::component::Resource;

use super::{
    CreateRepository, DeleteImages, DescribeImage, DescribeRepository, Ecr, Image, ImageId,
    ImageList, NamedImage, NamedRepository, OpenScan, PolicyText, PutLifecyclePolicy,
    PutTagMutability, Replica, ReplicationStatus, Repository, RepositoryDraft, RepositorySettings,
    SetRepositoryPolicy, StartScan,
};
use crate::capability::CapabilityError;
use crate::component::bindings::stepyard::step::{ecr, types};
use crate::component::state::{RunContext, RunState, absent};
use crate::policy::{Authorized, Call};

type GuestResult<T> = wasmtime::Result<Result<T, types::Error>>;

/// Lets the backend `act` where the policy permits the call.
async fn pass<C, T, F>(
    context: &RunContext,
    call: C,
    act: impl FnOnce(Arc<dyn Ecr>, Authorized<C>) -> F,
) -> Result<T, CapabilityError>
where
    C: Call,
    F: Future<Output = Result<T, CapabilityError>>,
{
    let ecr = context.capabilities.ecr.clone();
    context
        .gate
        .pass(call, async |call| match ecr {
            Some(ecr) => act(ecr, call).await,
            None => Err(absent("connection to Amazon ECR")),
        })
        .await
}

fn named_image(
    connector: String,
    registry: &str,
    name: &str,
    image: &str,
) -> Result<NamedImage, CapabilityError> {
    Ok(NamedImage {
        repository: NamedRepository::parse(connector, registry, name)?,
        image: ImageId::parse(image)?,
    })
}

impl RunState {
    /// What a guest is given of a call that may find a resource.
    fn give<T: Send + 'static>(
        &mut self,
        found: Result<Option<T>, CapabilityError>,
    ) -> GuestResult<Option<Resource<T>>> {
        Ok(match found {
            Ok(Some(found)) => Ok(Some(self.table.push(found)?)),
            Ok(None) => Ok(None),
            Err(error) => Err(error.into()),
        })
    }

    /// What a guest is given of a call that finds resources.
    fn give_all<T: Send + 'static>(
        &mut self,
        found: Result<Vec<T>, CapabilityError>,
    ) -> GuestResult<Vec<Resource<T>>> {
        Ok(match found {
            Ok(found) => {
                let pushed = found.into_iter().map(|one| self.table.push(one));
                Ok(pushed.collect::<Result<_, _>>()?)
            }
            Err(error) => Err(error.into()),
        })
    }
}

impl ecr::Host for RunState {
    async fn describe_repository(
        &mut self,
        connector: String,
        registry: String,
        name: String,
    ) -> GuestResult<Option<Resource<Repository>>> {
        let found = async {
            let repository = NamedRepository::parse(connector, &registry, &name)?;
            let call = DescribeRepository { repository };
            pass(&self.context, call, |ecr, call| async move {
                ecr.describe_repository(call).await
            })
            .await
        }
        .await;
        self.give(found)
    }

    async fn create_repository(
        &mut self,
        connector: String,
        registry: String,
        name: String,
        settings: Resource<RepositoryDraft>,
    ) -> GuestResult<Resource<Repository>> {
        let draft = self.table.delete(settings)?;
        let made = async {
            let call = CreateRepository {
                repository: NamedRepository::parse(connector, &registry, &name)?,
                settings: RepositorySettings::validate(draft)?,
            };
            pass(&self.context, call, |ecr, call| async move {
                ecr.create_repository(call).await
            })
            .await
        }
        .await;
        Ok(match made {
            Ok(made) => Ok(self.table.push(made)?),
            Err(error) => Err(error.into()),
        })
    }

    async fn put_lifecycle_policy(
        &mut self,
        connector: String,
        registry: String,
        name: String,
        policy: String,
    ) -> GuestResult<()> {
        let put = async {
            let call = PutLifecyclePolicy {
                repository: NamedRepository::parse(connector, &registry, &name)?,
                policy: PolicyText::lifecycle(policy)?,
            };
            pass(&self.context, call, |ecr, call| async move {
                ecr.put_lifecycle_policy(call).await
            })
            .await
        };
        Ok(put.await.map_err(Into::into))
    }

    async fn set_repository_policy(
        &mut self,
        connector: String,
        registry: String,
        name: String,
        policy: String,
    ) -> GuestResult<()> {
        let set = async {
            let call = SetRepositoryPolicy {
                repository: NamedRepository::parse(connector, &registry, &name)?,
                policy: PolicyText::repository(policy)?,
            };
            pass(&self.context, call, |ecr, call| async move {
                ecr.set_repository_policy(call).await
            })
            .await
        };
        Ok(set.await.map_err(Into::into))
    }

    async fn put_tag_mutability(
        &mut self,
        connector: String,
        registry: String,
        name: String,
        mutability: String,
        exclusions: Vec<String>,
    ) -> GuestResult<()> {
        let put = async {
            let call = PutTagMutability {
                repository: NamedRepository::parse(connector, &registry, &name)?,
                mutability: repositories::mutability(&mutability, &exclusions)?,
            };
            pass(&self.context, call, |ecr, call| async move {
                ecr.put_tag_mutability(call).await
            })
            .await
        };
        Ok(put.await.map_err(Into::into))
    }

    async fn list_images(
        &mut self,
        connector: String,
        registry: String,
        name: String,
    ) -> GuestResult<Resource<ImageList>> {
        let listed = async {
            let repository = NamedRepository::parse(connector, &registry, &name)?;
            ImageList::open(&self.context, repository).await
        }
        .await;
        Ok(match listed {
            Ok(list) => Ok(self.table.push(list)?),
            Err(error) => Err(error.into()),
        })
    }

    async fn describe_image(
        &mut self,
        connector: String,
        registry: String,
        name: String,
        image: String,
    ) -> GuestResult<Option<Resource<Image>>> {
        let found = async {
            let image = named_image(connector, &registry, &name, &image)?;
            pass(
                &self.context,
                DescribeImage { image },
                |ecr, call| async move { ecr.describe_image(call).await },
            )
            .await
        }
        .await;
        self.give(found)
    }

    async fn delete_images(
        &mut self,
        connector: String,
        registry: String,
        name: String,
        images: Vec<String>,
    ) -> GuestResult<Vec<(String, String)>> {
        let deleted = async {
            let repository = NamedRepository::parse(connector, &registry, &name)?;
            let images = images.iter().map(|image| ImageId::parse(image));
            let call = DeleteImages::new(repository, images.collect::<Result<_, _>>()?)?;
            pass(&self.context, call, |ecr, call| async move {
                ecr.delete_images(call).await
            })
            .await
        };
        let left = deleted.await.map_err(Into::into);
        Ok(left.map(|left| {
            let pair = |left: super::NotDeleted| (left.image, left.reason);
            left.into_iter().map(pair).collect()
        }))
    }

    async fn scan_findings(
        &mut self,
        connector: String,
        registry: String,
        name: String,
        image: String,
    ) -> GuestResult<Option<Resource<OpenScan>>> {
        let found = async {
            let image = named_image(connector, &registry, &name, &image)?;
            OpenScan::open(&self.context, image).await
        }
        .await;
        self.give(found)
    }

    async fn start_scan(
        &mut self,
        connector: String,
        registry: String,
        name: String,
        image: String,
    ) -> GuestResult<String> {
        let started = async {
            let image = named_image(connector, &registry, &name, &image)?;
            pass(&self.context, StartScan { image }, |ecr, call| async move {
                ecr.start_scan(call).await
            })
            .await
        };
        Ok(started.await.map_err(Into::into))
    }

    async fn replication_status(
        &mut self,
        connector: String,
        registry: String,
        name: String,
        image: String,
    ) -> GuestResult<Vec<Resource<Replica>>> {
        let found = async {
            let image = named_image(connector, &registry, &name, &image)?;
            pass(
                &self.context,
                ReplicationStatus { image },
                |ecr, call| async move { ecr.replication_status(call).await },
            )
            .await
        }
        .await;
        self.give_all(found)
    }
}
