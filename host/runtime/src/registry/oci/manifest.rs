//! Manifests: asking for, getting and putting them.

use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use serde::Deserialize;
use stepyard_grammar::{Digest, ImageReference, Tag};

use super::connection::{Connection, Request};
use super::content;
use super::failure::Failure;
use crate::capability::{CapabilityError, ErrorKind};
use crate::registry::{Descriptor, Manifest};

const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.oci.artifact.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.docker.distribution.manifest.v2+json";

/// What names a manifest in a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ManifestName {
    Tag(Tag),
    Digest(Digest),
}

impl ManifestName {
    /// The digest of a reference, else its tag.
    pub(super) fn of(reference: &ImageReference) -> Result<Self, CapabilityError> {
        match (reference.digest(), reference.tag()) {
            (Some(digest), _) => Ok(Self::Digest(digest.clone())),
            (None, Some(tag)) => Ok(Self::Tag(tag.clone())),
            (None, None) => Err(CapabilityError::invalid(format!(
                "{reference} has neither a tag nor a digest; write {reference}:TAG or \
                 {reference}@sha256:…"
            ))),
        }
    }

    fn path(&self) -> String {
        match self {
            Self::Tag(tag) => format!("manifests/{tag}"),
            Self::Digest(digest) => format!("manifests/{digest}"),
        }
    }

    /// `digest`, where it does not contradict this name.
    fn check(&self, digest: Digest) -> Result<Digest, Failure> {
        match self {
            Self::Digest(own) if *own != digest => Err(Failure::Corrupt(format!(
                "the registry answers with {digest} where {own} was asked for"
            ))),
            _ => Ok(digest),
        }
    }
}

impl std::fmt::Display for ManifestName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tag(tag) => write!(formatter, ":{tag}"),
            Self::Digest(digest) => write!(formatter, "@{digest}"),
        }
    }
}

/// What a manifest refers to (OCI image specification, "Image Manifest" and "Image Index";
/// Docker's schema 2 has the same fields).
#[derive(Debug, Default, Deserialize)]
pub(super) struct References {
    #[serde(rename = "schemaVersion", default)]
    schema_version: u8,
    #[serde(default)]
    pub(super) manifests: Vec<Link>,
    #[serde(default)]
    config: Option<Link>,
    #[serde(default)]
    layers: Vec<Link>,
    #[serde(default)]
    blobs: Vec<Link>,
}

/// A content descriptor within a manifest.
#[derive(Debug, Deserialize)]
pub(super) struct Link {
    digest: String,
    #[serde(default)]
    size: u64,
    /// Where a layer that must not be distributed is found instead.
    #[serde(default)]
    urls: Vec<String>,
}

impl Link {
    /// Digest and size.
    pub(super) fn parse(&self) -> Result<(Digest, u64), Failure> {
        let digest = Digest::parse(&self.digest)
            .map_err(|error| Failure::Malformed(format!("the manifest is malformed: {error}")))?;
        Ok((digest, self.size))
    }
}

impl References {
    /// Reads a manifest.
    pub(super) fn of(manifest: &Manifest) -> Result<Self, Failure> {
        let references: Self = serde_json::from_slice(&manifest.content)
            .map_err(|error| Failure::Malformed(format!("the manifest is malformed: {error}")))?;
        if references.schema_version == 1 {
            return Err(Failure::Malformed(
                "the image has a manifest of Docker's schema 1, which registries no longer take; \
                 build or push it anew"
                    .to_owned(),
            ));
        }
        Ok(references)
    }

    /// The blobs that a registry keeps: configuration, layers, an artifact's content.
    pub(super) fn blobs(&self) -> impl Iterator<Item = &Link> {
        self.config
            .iter()
            .chain(&self.layers)
            .chain(&self.blobs)
            .filter(|link| link.urls.is_empty())
    }
}

impl Connection {
    /// What `name` names, or nothing where the repository has no such manifest.
    pub(super) async fn find(&self, name: &ManifestName) -> Result<Option<Descriptor>, Failure> {
        match self.send(&self.request(Method::HEAD, name)?).await {
            Ok(response) => {
                if let Some(descriptor) = descriptor(response.headers()) {
                    name.check(descriptor.digest.clone())?;
                    return Ok(Some(descriptor));
                }
            }
            // The answer to HEAD has no body, so only GET says whether the repository exists.
            Err(failure) if failure.is_not_found() => {}
            Err(failure) => return Err(failure),
        }
        match self.get(name).await {
            Ok((_, descriptor)) => Ok(Some(descriptor)),
            Err(failure) if failure.is_not_found() && !failure.is_unknown_repository() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Whether the repository has the manifest with this digest. A missing repository has not.
    pub(super) async fn has_manifest(&self, digest: &Digest) -> Result<bool, Failure> {
        let request = self.request(Method::HEAD, &ManifestName::Digest(digest.clone()))?;
        match self.send(&request).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.is_not_found() => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// The manifest that `name` names, its digest verified.
    pub(super) async fn get(&self, name: &ManifestName) -> Result<(Manifest, Descriptor), Failure> {
        let response = self.fetch(&self.request(Method::GET, name)?).await?;
        let headers = response.headers().clone();
        let content = self.read(response, Manifest::LARGEST).await?;
        let digest = match (name, claimed_digest(&headers)) {
            (ManifestName::Digest(digest), _) => digest.clone(),
            (ManifestName::Tag(_), Some(digest)) => digest,
            (ManifestName::Tag(_), None) => content::digest_of(&content)
                .ok_or_else(|| Failure::Malformed("the manifest has no digest".to_owned()))?,
        };
        if !content::matches(&content, &digest) {
            return Err(Failure::Corrupt(format!(
                "the registry's manifest for {name} does not have the digest {digest}"
            )));
        }
        let media_type = media_type(&headers)
            .or_else(|| own_media_type(&content))
            .unwrap_or_else(|| "application/vnd.oci.image.manifest.v1+json".to_owned());
        let descriptor = Descriptor {
            digest,
            media_type: media_type.clone(),
            size: content.len() as u64,
        };
        let manifest = Manifest {
            media_type,
            content,
        };
        Ok((manifest, descriptor))
    }

    /// Puts a manifest under `name`.
    pub(super) async fn put(
        &self,
        name: &ManifestName,
        manifest: &Manifest,
    ) -> Result<(), Failure> {
        let mut request = self.request(Method::PUT, name)?;
        let media_type = HeaderValue::from_str(&manifest.media_type).map_err(|_| {
            Failure::Malformed(format!("{:?} is no media type", manifest.media_type))
        })?;
        request.headers.insert(CONTENT_TYPE, media_type);
        request.body = manifest.content.clone().into();
        self.send(&request).await.map(drop)
    }

    /// Puts a manifest under `tag`, and verifies that the tag names `digest` afterwards. Where it
    /// does so before, nothing is written.
    pub(super) async fn put_tag(
        &self,
        tag: &Tag,
        manifest: &Manifest,
        digest: &Digest,
        what: &str,
    ) -> Result<Descriptor, CapabilityError> {
        let name = ManifestName::Tag(tag.clone());
        // A repository that does not exist yet may be made by the first push.
        let before = match self.find(&name).await {
            Err(failure) if failure.is_unknown_repository() => None,
            result => result.map_err(|failure| self.told(failure, what))?,
        };
        if let Some(descriptor) = before.filter(|before| before.digest == *digest) {
            return Ok(descriptor);
        }
        let conflict = match self.put(&name, manifest).await {
            Ok(()) => None,
            // Somebody, such as an attempt of ours whose answer was lost, may have written the
            // same: digests decide, not messages.
            Err(failure) if failure.is_tag_conflict() => Some(failure),
            Err(failure) => return Err(self.told(failure, what)),
        };
        let after = self
            .find(&name)
            .await
            .map_err(|failure| self.told(failure, what))?;
        match (after, conflict) {
            (Some(after), _) if after.digest == *digest => Ok(after),
            (Some(after), Some(failure)) => {
                let error = self.told(failure, what);
                let message = format!(
                    "{}; the tag {tag} names {} and not {digest}",
                    error.message, after.digest
                );
                Err(CapabilityError { message, ..error }
                    .with_hint("choose another tag: the repository's tags are immutable"))
            }
            (None, Some(failure)) => Err(self.told(failure, what)),
            (Some(after), None) => Err(CapabilityError::new(
                ErrorKind::Conflict,
                format!(
                    "{what}: the registry took {digest}, but the tag {tag} names {}; somebody \
                     else writes the same tag",
                    after.digest
                ),
            )),
            (None, None) => Err(CapabilityError::unavailable(format!(
                "{what}: the registry took {digest}, but does not have the tag {tag}"
            ))),
        }
    }

    /// A request for the manifest that `name` names.
    pub(super) fn request(&self, method: Method, name: &ManifestName) -> Result<Request, Failure> {
        let mut request = Request::new(method, self.url(&name.path())?);
        request
            .headers
            .insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
        Ok(request)
    }
}

fn claimed_digest(headers: &HeaderMap) -> Option<Digest> {
    let value = headers.get("docker-content-digest")?.to_str().ok()?;
    Digest::parse(value).ok()
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let media_type = value.split(';').next().unwrap_or(value).trim();
    // Some registries answer so for want of anything better.
    (media_type.starts_with("application/vnd.")).then(|| media_type.to_owned())
}

fn own_media_type(content: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Typed {
        media_type: String,
    }
    serde_json::from_slice::<Typed>(content)
        .ok()
        .map(|typed| typed.media_type)
}

/// The descriptor in the headers of an answer to HEAD, where they are complete.
fn descriptor(headers: &HeaderMap) -> Option<Descriptor> {
    Some(Descriptor {
        digest: claimed_digest(headers)?,
        media_type: media_type(headers)?,
        size: headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()?,
    })
}
