//! The guest's side of the capability: conversion only.

mod images;
mod repositories;
mod scans;

use std::sync::Arc;

use serde_json::json;
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
        let context = self.context.clone();
        let arguments = json!({"connector": connector, "registry": registry, "name": name});
        let act = async {
            let repository = NamedRepository::parse(connector, &registry, &name)?;
            let call = DescribeRepository { repository };
            pass(&context, call, |ecr, call| async move {
                ecr.describe_repository(call).await
            })
            .await
        };
        let found = context
            .exchange("ecr.describe-repository", || arguments, act)
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
        let context = self.context.clone();
        let arguments =
            json!({"connector": connector, "registry": registry, "name": name, "settings": draft});
        let act = async {
            let call = CreateRepository {
                repository: NamedRepository::parse(connector, &registry, &name)?,
                settings: RepositorySettings::validate(draft)?,
            };
            pass(&context, call, |ecr, call| async move {
                ecr.create_repository(call).await
            })
            .await
        };
        let made = context
            .exchange("ecr.create-repository", || arguments, act)
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
        let context = self.context.clone();
        let arguments =
            json!({"connector": connector, "registry": registry, "name": name, "policy": policy});
        let act = async {
            let call = PutLifecyclePolicy {
                repository: NamedRepository::parse(connector, &registry, &name)?,
                policy: PolicyText::lifecycle(policy)?,
            };
            pass(&context, call, |ecr, call| async move {
                ecr.put_lifecycle_policy(call).await
            })
            .await
        };
        let put = context
            .exchange("ecr.put-lifecycle-policy", || arguments, act)
            .await;
        Ok(put.map_err(Into::into))
    }

    async fn set_repository_policy(
        &mut self,
        connector: String,
        registry: String,
        name: String,
        policy: String,
    ) -> GuestResult<()> {
        let context = self.context.clone();
        let arguments =
            json!({"connector": connector, "registry": registry, "name": name, "policy": policy});
        let act = async {
            let call = SetRepositoryPolicy {
                repository: NamedRepository::parse(connector, &registry, &name)?,
                policy: PolicyText::repository(policy)?,
            };
            pass(&context, call, |ecr, call| async move {
                ecr.set_repository_policy(call).await
            })
            .await
        };
        let set = context
            .exchange("ecr.set-repository-policy", || arguments, act)
            .await;
        Ok(set.map_err(Into::into))
    }

    async fn put_tag_mutability(
        &mut self,
        connector: String,
        registry: String,
        name: String,
        mutability: String,
        exclusions: Vec<String>,
    ) -> GuestResult<()> {
        let context = self.context.clone();
        let arguments = json!({"connector": connector, "registry": registry, "name": name, "mutability": mutability, "exclusions": exclusions});
        let act = async {
            let call = PutTagMutability {
                repository: NamedRepository::parse(connector, &registry, &name)?,
                mutability: repositories::mutability(&mutability, &exclusions)?,
            };
            pass(&context, call, |ecr, call| async move {
                ecr.put_tag_mutability(call).await
            })
            .await
        };
        let put = context
            .exchange("ecr.put-tag-mutability", || arguments, act)
            .await;
        Ok(put.map_err(Into::into))
    }

    async fn list_images(
        &mut self,
        connector: String,
        registry: String,
        name: String,
    ) -> GuestResult<Resource<ImageList>> {
        let context = self.context.clone();
        let arguments = json!({"connector": connector, "registry": registry, "name": name});
        let repository = NamedRepository::parse(connector, &registry, &name);
        let mut list = None;
        let act = async {
            list = Some(ImageList::open(&context, repository.clone()?).await?);
            Ok(())
        };
        let listed = context.exchange("ecr.list-images", || arguments, act).await;
        let listed = listed.and_then(|()| match list {
            Some(list) => Ok(list),
            None => repository.map(ImageList::replayed),
        });
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
        let context = self.context.clone();
        let arguments =
            json!({"connector": connector, "registry": registry, "name": name, "image": image});
        let act = async {
            let image = named_image(connector, &registry, &name, &image)?;
            pass(&context, DescribeImage { image }, |ecr, call| async move {
                ecr.describe_image(call).await
            })
            .await
        };
        let found = context
            .exchange("ecr.describe-image", || arguments, act)
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
        let context = self.context.clone();
        let arguments =
            json!({"connector": connector, "registry": registry, "name": name, "images": images});
        let act = async {
            let repository = NamedRepository::parse(connector, &registry, &name)?;
            let images = images.iter().map(|image| ImageId::parse(image));
            let call = DeleteImages::new(repository, images.collect::<Result<_, _>>()?)?;
            pass(&context, call, |ecr, call| async move {
                ecr.delete_images(call).await
            })
            .await
        };
        let deleted = context
            .exchange("ecr.delete-images", || arguments, act)
            .await;
        let left = deleted.map_err(Into::into);
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
        let context = self.context.clone();
        let arguments = json!({
            "connector": connector, "registry": registry, "name": name, "image": image
        });
        let image = named_image(connector, &registry, &name, &image);
        let mut opened = None;
        let act = async {
            opened = OpenScan::open(&context, image.clone()?).await?;
            Ok(opened.as_ref().map(|opened| opened.scan.clone()))
        };
        let found = context
            .exchange("ecr.scan-findings", || arguments, act)
            .await;
        let found = found.and_then(|scan| match (scan, opened) {
            (Some(scan), None) => image.map(|image| Some(OpenScan::replayed(image, scan))),
            (_, opened) => Ok(opened),
        });
        self.give(found)
    }

    async fn start_scan(
        &mut self,
        connector: String,
        registry: String,
        name: String,
        image: String,
    ) -> GuestResult<String> {
        let context = self.context.clone();
        let arguments =
            json!({"connector": connector, "registry": registry, "name": name, "image": image});
        let act = async {
            let image = named_image(connector, &registry, &name, &image)?;
            pass(&context, StartScan { image }, |ecr, call| async move {
                ecr.start_scan(call).await
            })
            .await
        };
        let started = context.exchange("ecr.start-scan", || arguments, act).await;
        Ok(started.map_err(Into::into))
    }

    async fn replication_status(
        &mut self,
        connector: String,
        registry: String,
        name: String,
        image: String,
    ) -> GuestResult<Vec<Resource<Replica>>> {
        let context = self.context.clone();
        let arguments =
            json!({"connector": connector, "registry": registry, "name": name, "image": image});
        let act = async {
            let image = named_image(connector, &registry, &name, &image)?;
            pass(
                &context,
                ReplicationStatus { image },
                |ecr, call| async move { ecr.replication_status(call).await },
            )
            .await
        };
        let found = context
            .exchange("ecr.replication-status", || arguments, act)
            .await;
        self.give_all(found)
    }
}
