use super::error::ApiError;
use super::{Call, RepositoryRequest, aside};
use crate::names::{digest_of, is_digest, is_tag};
use crate::storage::{ImageReference, Repository, StorageError, TaggedImage};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How the API names an image.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ImageIdentifier {
    #[serde(skip_serializing_if = "Option::is_none")]
    image_digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_tag: Option<String>,
}

impl ImageIdentifier {
    /// What it names; the digest counts where both are given.
    pub(super) fn reference(&self) -> Result<ImageReference, ApiError> {
        match (&self.image_digest, &self.image_tag) {
            (Some(digest), _) if is_digest(digest) => Ok(ImageReference::Digest(digest.clone())),
            (None, Some(tag)) if is_tag(tag) => Ok(ImageReference::Tag(tag.clone())),
            _ => Err(ApiError::invalid(
                "imageIds",
                "must have a valid imageDigest or imageTag",
            )),
        }
    }

    /// The same with the digest of the image that it names.
    pub(super) fn named(&self, digest: &str) -> Self {
        Self {
            image_digest: Some(digest.to_owned()),
            image_tag: self.image_tag.clone(),
        }
    }

    fn failure(&self, error: &StorageError) -> Value {
        let (code, reason) = match error {
            StorageError::ImageReferenced { .. } => {
                ("ImageReferencedByManifestList", error.to_string())
            }
            StorageError::ImageNotFound { .. } => {
                ("ImageNotFound", "Requested image not found".to_owned())
            }
            _ => (
                "ImageInaccessible",
                "The server failed; its log says why".to_owned(),
            ),
        };
        json!({"imageId": self, "failureCode": code, "failureReason": reason})
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchRequest {
    #[serde(flatten)]
    repository: RepositoryRequest,
    image_ids: Vec<ImageIdentifier>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LayersRequest {
    layer_digests: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PutRequest {
    #[serde(flatten)]
    repository: RepositoryRequest,
    image_manifest: String,
    image_manifest_media_type: Option<String>,
    image_tag: Option<String>,
    image_digest: Option<String>,
}

/// One image as BatchGetImage and PutImage answer it.
fn image(call: &Call, request: &RepositoryRequest, found: &Found) -> Result<Value, ApiError> {
    Ok(json!({
        "registryId": call.registry(request.registry_id.as_deref())?,
        "repositoryName": request.repository_name,
        "imageId": found.identifier,
        "imageManifest": found.manifest,
        "imageManifestMediaType": found.media_type,
    }))
}

struct Found {
    identifier: ImageIdentifier,
    manifest: String,
    media_type: String,
}

fn find(repository: &Repository, reference: &ImageReference) -> Result<Found, StorageError> {
    let TaggedImage { image, .. } = repository.image(reference)?;
    let image_tag = match reference {
        ImageReference::Tag(tag) => Some(tag.clone()),
        ImageReference::Digest(_) => None,
    };
    let manifest = repository.manifest(&image.digest)?;
    Ok(Found {
        identifier: ImageIdentifier {
            image_digest: Some(image.digest),
            image_tag,
        },
        manifest: String::from_utf8_lossy(&manifest).into_owned(),
        media_type: image.media_type,
    })
}

/// BatchGetImage. `acceptedMediaTypes` is not looked at: manifests are given as they are stored.
pub(super) async fn batch_get(call: &Call) -> Result<Value, ApiError> {
    let request: BatchRequest = call.request()?;
    let (mut images, mut failures) = (Vec::new(), Vec::new());
    for identifier in request.image_ids {
        let repository = call.named_repository()?;
        let reference = identifier.reference()?;
        match aside(move || Ok(find(&repository, &reference))).await? {
            Ok(found) => images.push(image(call, &request.repository, &found)?),
            Err(error) => failures.push(identifier.failure(&error)),
        }
    }
    Ok(json!({"images": images, "failures": failures}))
}

/// BatchDeleteImage.
pub(super) async fn batch_delete(call: &Call) -> Result<Value, ApiError> {
    let request: BatchRequest = call.request()?;
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for identifier in request.image_ids {
        let repository = call.named_repository()?;
        let reference = identifier.reference()?;
        match aside(move || Ok(repository.delete_image(&reference))).await? {
            Ok(named) => deleted.push(ImageIdentifier {
                image_digest: Some(named.image.digest),
                image_tag: identifier.image_tag,
            }),
            Err(error) => failures.push(identifier.failure(&error)),
        }
    }
    Ok(json!({"imageIds": deleted, "failures": failures}))
}

/// BatchCheckLayerAvailability.
pub(super) async fn check_layers(call: &Call) -> Result<Value, ApiError> {
    let request: LayersRequest = call.request()?;
    let repository = call.named_repository()?;
    let (layers, failures) = aside(move || {
        let (mut layers, mut failures) = (Vec::new(), Vec::new());
        for digest in request.layer_digests {
            if !is_digest(&digest) {
                failures.push(json!({
                    "layerDigest": digest,
                    "failureCode": "InvalidLayerDigest",
                    "failureReason": "Expected sha256: and 64 hexadecimal digits",
                }));
                continue;
            }
            layers.push(match repository.blob_size(&digest) {
                Ok(size) => json!({
                    "layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": size,
                }),
                Err(StorageError::BlobNotFound { .. }) => {
                    json!({"layerDigest": digest, "layerAvailability": "UNAVAILABLE"})
                }
                Err(error) => return Err(error),
            });
        }
        Ok((layers, failures))
    })
    .await?;
    Ok(json!({"layers": layers, "failures": failures}))
}

/// PutImage: AWS's documented way to give an image another tag.
pub(super) async fn put(call: &Call) -> Result<Value, ApiError> {
    let request: PutRequest = call.request()?;
    let repository = call.named_repository()?;
    if request.image_tag.as_ref().is_some_and(|tag| !is_tag(tag)) {
        return Err(ApiError::invalid(
            "imageTag",
            "must satisfy '[A-Za-z0-9_][A-Za-z0-9._-]{0,127}'",
        ));
    }
    let actual = digest_of(request.image_manifest.as_bytes());
    if let Some(expected) = request.image_digest.filter(|digest| *digest != actual) {
        return Err(StorageError::DigestMismatch { expected, actual }.into());
    }
    let reference = request
        .image_tag
        .clone()
        .map_or(ImageReference::Digest(actual), ImageReference::Tag);
    let (unchanged, found) = aside(move || {
        let pushed = repository.put_image(
            request.image_manifest.as_bytes(),
            request.image_manifest_media_type.as_deref(),
            request.image_tag.as_deref(),
        )?;
        Ok((pushed.unchanged, find(&repository, &reference)?))
    })
    .await?;
    if unchanged {
        return Err(ApiError::new(
            "ImageAlreadyExistsException",
            format!(
                "Image with digest '{}' and tag '{}' already exists in the repository with name '{}' in registry with id '{}'",
                found.identifier.image_digest.as_deref().unwrap_or("null"),
                found.identifier.image_tag.as_deref().unwrap_or("null"),
                request.repository.repository_name,
                call.registry(request.repository.registry_id.as_deref())?,
            ),
        ));
    }
    Ok(json!({ "image": image(call, &request.repository, &found)? }))
}
