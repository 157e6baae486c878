//! Registries that follow the OCI distribution specification.

use stepyard_grammar::{ImageReference, Tag};

use crate::{Credential, Descriptor, Error, bindings::stepyard::step::registry};

pub use registry::Manifest;

/// What `reference` names; nothing where the repository has no such tag or digest.
///
/// ```
/// use stepyard_sdk::{grammar::{ImageReference, Tag}, registry, testing::{self, Host}};
///
/// let credential = testing::credential("ghcr.io");
/// let image = ImageReference::parse("ghcr.io/team/app:1.0")?;
/// let run = Host::new()
///     .on_resolve(&image, Ok(Some(testing::descriptor("sha256:1f…"))))
///     .call(|| registry::resolve(&image, &credential));
/// assert!(run.value().is_some());
/// # let _ = Tag::parse("1.0");
/// # Ok::<(), stepyard_sdk::Error>(())
/// ```
///
/// # Errors
/// `denied`; `not-found` where the repository does not exist; `unauthenticated`; `forbidden`;
/// `throttled`; `unavailable`.
pub fn resolve(
    reference: &ImageReference,
    credential: &Credential,
) -> Result<Option<Descriptor>, Error> {
    Ok(registry::resolve(&reference.to_string(), credential)?)
}

/// The manifest that `reference` names, its digest verified.
///
/// ```
/// use stepyard_sdk::{grammar::{ImageReference, Tag}, registry, testing::{self, Host}};
///
/// let credential = testing::credential("ghcr.io");
/// let image = ImageReference::parse("ghcr.io/team/app:1.0")?;
/// let run = Host::new()
///     .on_get_manifest(&image, Ok(testing::manifest("a/b", &testing::json!({"layers": []}))))
///     .call(|| registry::get_manifest(&image, &credential));
/// assert_eq!(run.value().media_type, "a/b");
/// # let _ = Tag::parse("1.0");
/// # Ok::<(), stepyard_sdk::Error>(())
/// ```
///
/// # Errors
/// As [`resolve`]; `not-found` also where nothing has that tag or digest.
pub fn get_manifest(
    reference: &ImageReference,
    credential: &Credential,
) -> Result<Manifest, Error> {
    Ok(registry::get_manifest(&reference.to_string(), credential)?)
}

/// Stores a manifest under `reference`, whose blobs the repository must have already.
///
/// ```
/// use stepyard_sdk::{grammar::{ImageReference, Tag}, registry, testing::{self, Host}};
///
/// let credential = testing::credential("ghcr.io");
/// let image = ImageReference::parse("ghcr.io/team/app:1.0")?;
/// let run = Host::new()
///     .on_put_manifest(&image, Ok(testing::descriptor("sha256:1f…")))
///     .call(|| {
///         let manifest = testing::manifest("a/b", &testing::json!({"layers": []}));
///         registry::put_manifest(&image, &manifest, &credential)
///     });
/// assert_eq!(run.value().digest, "sha256:1f…");
/// # let _ = Tag::parse("1.0");
/// # Ok::<(), stepyard_sdk::Error>(())
/// ```
///
/// # Errors
/// As [`resolve`]; `conflict` where the tag is immutable and names something else.
pub fn put_manifest(
    reference: &ImageReference,
    manifest: &Manifest,
    credential: &Credential,
) -> Result<Descriptor, Error> {
    Ok(registry::put_manifest(
        &reference.to_string(),
        manifest,
        credential,
    )?)
}

/// Lets a further tag name what `reference` names, without moving a layer, and verifies it.
///
/// ```
/// use stepyard_sdk::{grammar::{ImageReference, Tag}, registry, testing::{self, Host}};
///
/// let credential = testing::credential("ghcr.io");
/// let image = ImageReference::parse("ghcr.io/team/app:1.0")?;
/// let run = Host::new()
///     .on_tag(&image, "latest", Ok(testing::descriptor("sha256:1f…")))
///     .call(|| registry::tag(&image, &Tag::parse("latest")?, &credential));
/// assert_eq!(run.value().digest, "sha256:1f…");
/// # let _ = Tag::parse("1.0");
/// # Ok::<(), stepyard_sdk::Error>(())
/// ```
///
/// # Errors
/// As [`put_manifest`].
pub fn tag(
    reference: &ImageReference,
    tag: &Tag,
    credential: &Credential,
) -> Result<Descriptor, Error> {
    Ok(registry::tag(
        &reference.to_string(),
        tag.as_str(),
        credential,
    )?)
}

/// Copies an image or image index with all that it refers to, and verifies it. Blobs that the
/// destination has are not sent; its tag is written last.
///
/// ```
/// use stepyard_sdk::{grammar::{ImageReference, Tag}, registry, testing::{self, Host}};
///
/// let credential = testing::credential("ghcr.io");
/// let image = ImageReference::parse("ghcr.io/team/app:1.0")?;
/// let run = Host::new()
///     .on_copy(&image, "ghcr.io/live/app:1.0", Ok(testing::descriptor("sha256:1f…")))
///     .call(|| {
///         let live = ImageReference::parse("ghcr.io/live/app:1.0")?;
///         registry::copy(&image, &credential, &live, &credential)
///     });
/// assert_eq!(run.value().digest, "sha256:1f…");
/// # let _ = Tag::parse("1.0");
/// # Ok::<(), stepyard_sdk::Error>(())
/// ```
///
/// # Errors
/// As [`get_manifest`] for the source and [`put_manifest`] for the destination.
pub fn copy(
    source: &ImageReference,
    source_credential: &Credential,
    destination: &ImageReference,
    destination_credential: &Credential,
) -> Result<Descriptor, Error> {
    Ok(registry::copy(
        &source.to_string(),
        source_credential,
        &destination.to_string(),
        destination_credential,
    )?)
}

/// The tags of the repository of `reference`, in the registry's order.
///
/// ```
/// use stepyard_sdk::{grammar::{ImageReference, Tag}, registry, testing::{self, Host}};
///
/// let credential = testing::credential("ghcr.io");
/// let image = ImageReference::parse("ghcr.io/team/app:1.0")?;
/// let run = Host::new()
///     .on_list_tags("ghcr.io/team/app", Ok(vec!["1.0", "latest"]))
///     .call(|| registry::list_tags(&image, &credential));
/// assert_eq!(*run.value(), ["1.0", "latest"]);
/// # let _ = Tag::parse("1.0");
/// # Ok::<(), stepyard_sdk::Error>(())
/// ```
///
/// # Errors
/// As [`resolve`].
pub fn list_tags(
    reference: &ImageReference,
    credential: &Credential,
) -> Result<Vec<String>, Error> {
    let repository = format!("{}/{}", reference.registry(), reference.repository());
    Ok(registry::list_tags(&repository, credential)?)
}
