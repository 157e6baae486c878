use super::error::ApiError;
use super::images::ImageIdentifier;
use super::paging::Page;
use super::{Call, RepositoryRequest, seconds};
use crate::storage::{Repository, TaggedImage};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListRequest {
    #[serde(flatten)]
    repository: RepositoryRequest,
    image_ids: Option<Vec<ImageIdentifier>>,
    #[serde(default)]
    filter: Filter,
    next_token: Option<String>,
    max_results: Option<usize>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Filter {
    #[serde(default)]
    tag_status: TagStatus,
}

#[derive(Deserialize, Default, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
enum TagStatus {
    Tagged,
    Untagged,
    #[default]
    Any,
}

impl ListRequest {
    fn images(&self, repository: &Repository) -> Result<Vec<TaggedImage>, ApiError> {
        let images = match &self.image_ids {
            None => repository.images()?,
            Some(identifiers) => identifiers
                .iter()
                .map(|identifier| Ok(repository.image(&identifier.reference()?)?))
                .collect::<Result<_, ApiError>>()?,
        };
        let wanted = |image: &TaggedImage| match self.filter.tag_status {
            TagStatus::Tagged => !image.tags.is_empty(),
            TagStatus::Untagged => image.tags.is_empty(),
            TagStatus::Any => true,
        };
        Ok(images.into_iter().filter(wanted).collect())
    }
}

/// DescribeImages.
pub(super) fn describe_images(call: &Call) -> Result<Value, ApiError> {
    let request: ListRequest = call.request()?;
    let page = Page::new(request.next_token.as_deref(), request.max_results)?;
    let repository = call.named_repository()?;
    let RepositoryRequest {
        registry_id,
        repository_name,
    } = &request.repository;
    let registry = call.registry(registry_id.as_deref())?;
    let detail = |TaggedImage { image, tags }: TaggedImage| {
        let mut detail = Map::new();
        detail.insert("registryId".into(), json!(registry));
        detail.insert("repositoryName".into(), json!(repository_name));
        detail.insert("imageDigest".into(), json!(image.digest));
        if !tags.is_empty() {
            detail.insert("imageTags".into(), json!(tags));
        }
        if let Some(size) = image.image_size {
            detail.insert("imageSizeInBytes".into(), json!(size));
        }
        detail.insert("imagePushedAt".into(), json!(seconds(image.pushed_at)));
        detail.insert("imageManifestMediaType".into(), json!(image.media_type));
        if let Some(kind) = image.artifact_type {
            detail.insert("artifactMediaType".into(), json!(kind));
        }
        (image.digest, Value::Object(detail))
    };
    let details = request
        .images(&repository)?
        .into_iter()
        .map(detail)
        .collect();
    Ok(page.answer("imageDetails", details))
}

/// ListImages: one entry a tag, and one for each image without tags.
pub(super) fn list_images(call: &Call) -> Result<Value, ApiError> {
    let request: ListRequest = call.request()?;
    let page = Page::new(request.next_token.as_deref(), request.max_results)?;
    let mut entries = Vec::new();
    for TaggedImage { image, tags } in request.images(&*call.named_repository()?)? {
        if tags.is_empty() {
            entries.push((image.digest.clone(), json!({"imageDigest": image.digest})));
        }
        for tag in tags {
            let entry = json!({"imageDigest": image.digest, "imageTag": tag});
            entries.push((format!("{} {tag}", image.digest), entry));
        }
    }
    Ok(page.answer("imageIds", entries))
}
