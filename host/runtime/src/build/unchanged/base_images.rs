//! What the names of base images stand for now.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use stepyard_build_context::{BaseImages, StagesBuilt};
use stepyard_grammar::{GrammarError, ImageReference, Tag};

use crate::auth::Credential;
use crate::build::{Build, BuildRequest, ContextSource};
use crate::component::state::RunContext;
use crate::event::LogLevel;
use crate::policy::Authorized;

/// How many registries are asked at once.
const AT_ONCE: usize = 8;
/// The most images that are looked up: a build of more is not skipped.
const MOST_IMAGES: usize = 64;
/// How long the registries may take together; a build is then begun without their answers.
const PATIENCE: Duration = Duration::from_secs(5);

/// The digest of each image from elsewhere that the build takes, by its name, or why one is not
/// known.
pub(super) async fn resolve(
    context: &RunContext,
    call: &Authorized<Build>,
    dockerfile: &str,
) -> Result<BTreeMap<String, String>, String> {
    let images = images(&call.call().request, dockerfile)?;
    let digests = stream::iter(images)
        .map(|image| async move {
            let digest = digest(context, call, &image).await?;
            let message = format!("the base image {image} is {digest}");
            context.reporter().log(LogLevel::Debug, message);
            Ok::<_, String>((image, digest))
        })
        .buffer_unordered(AT_ONCE)
        .try_collect();
    match tokio::time::timeout(PATIENCE, digests).await {
        Ok(digests) => digests,
        Err(_) => Err(format!(
            "the registries of the base images did not answer within {} s",
            PATIENCE.as_secs()
        )),
    }
}

/// The images from elsewhere, each once, as they are written.
pub(crate) fn images(request: &BuildRequest, dockerfile: &str) -> Result<BTreeSet<String>, String> {
    let found = BaseImages::of_dockerfile(
        dockerfile,
        request.target.as_deref(),
        &request.build_arguments,
        // More than BuildKit needs, so that it holds for each builder.
        StagesBuilt::UpToTarget,
    );
    if let Some(uncertain) = found.uncertainties.first() {
        return Err(format!("the Dockerfile, {uncertain}"));
    }
    let is_named_context = |reference: &str| {
        let name = reference.strip_suffix(":latest").unwrap_or(reference);
        request
            .named_contexts
            .iter()
            .any(|context| context.name.eq_ignore_ascii_case(name))
    };
    let of_dockerfile = found
        .images
        .into_iter()
        .map(|image| image.reference)
        .filter(|reference| !is_named_context(reference));
    let of_contexts = request
        .named_contexts
        .iter()
        .filter_map(|context| match &context.source {
            ContextSource::Image(reference) => Some(reference.to_string()),
            ContextSource::Folder(_) => None,
        });
    let images: BTreeSet<String> = of_dockerfile.chain(of_contexts).collect();
    if images.len() > MOST_IMAGES {
        return Err(format!("it takes more than {MOST_IMAGES} images"));
    }
    Ok(images)
}

async fn digest(
    context: &RunContext,
    call: &Authorized<Build>,
    image: &str,
) -> Result<String, String> {
    let unknown = |why: &dyn std::fmt::Display| format!("the base image {image}: {why}");
    let reference = reference(image).map_err(|error| unknown(&error))?;
    if let Some(digest) = reference.digest() {
        return Ok(digest.to_string());
    }
    let registry = context.capabilities.registry.as_ref();
    let registry = registry.ok_or_else(|| unknown(&"this host has no registry client"))?;
    let credentials = &call.call().request.base_image_credentials;
    let credential = credentials
        .iter()
        .find(|credential| credential.registry() == reference.registry())
        .cloned()
        .unwrap_or_else(|| Credential::anonymous(reference.registry().clone()));
    let resolved = registry
        .resolve(call.resolving_base_image(reference, credential))
        .await
        .map_err(|error| unknown(&error))?;
    match resolved {
        Some(descriptor) => Ok(descriptor.digest.to_string()),
        None => Err(unknown(&"its registry does not have it")),
    }
}

/// The image that a Dockerfile calls `image`, with a tag or a digest.
pub(crate) fn reference(image: &str) -> Result<ImageReference, GrammarError> {
    let reference = ImageReference::parse_familiar(image)?;
    if reference.digest().is_some() || reference.tag().is_some() {
        return Ok(reference);
    }
    Ok(reference.with_tag(Tag::parse("latest")?))
}
