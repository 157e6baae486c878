//! The calls of a run, in order.

use stepyard_sdk::{
    Credential, Descriptor, Error, Outcome, auth,
    grammar::{Digest, ImageReference, Tag},
    log, registry,
};

use crate::plan::Plan;

/// Copies by digest, so that the image cannot change between its check and its copy.
pub(crate) fn run(plan: &Plan) -> Result<Outcome, Error> {
    log::begin_phase("Prepare");
    let source_credential = match &plan.source_connector {
        Some(connector) => auth::login(connector, Some(plan.source.registry()))?,
        None => auth::anonymous(plan.source.registry())?,
    };
    let digest = find(&plan.source, &source_credential)?;
    let credential = auth::login(
        &plan.destination_connector,
        Some(plan.destination.registry()),
    )?;
    let source = plan
        .source
        .clone()
        .without_tag()
        .with_digest(digest.clone());
    log::info!("{} is {digest}", plan.source);

    log::begin_phase("Copy");
    let destination = plan.destination.clone().with_tag(plan.first_tag.clone());
    let existing = registry::resolve(&destination, &credential)?;
    if existing.is_some_and(|existing| existing.digest == digest.as_str()) {
        log::info!("{destination} was there already: {digest}");
    } else {
        let copied = registry::copy(&source, &source_credential, &destination, &credential)?;
        verify(&destination, &copied, &digest)?;
        log::info!("copied to {destination}: {digest}");
    }

    if !plan.further_tags.is_empty() {
        log::begin_phase("Tag");
    }
    let by_digest = plan.destination.clone().with_digest(digest.clone());
    for tag in &plan.further_tags {
        let tagged = registry::tag(&by_digest, tag, &credential)?;
        let image = plan.destination.clone().with_tag(tag.clone());
        verify(&image, &tagged, &digest)?;
        log::info!("tagged {image}: {digest}");
    }
    Ok(outcome(plan, &digest))
}

fn find(source: &ImageReference, credential: &Credential) -> Result<Digest, Error> {
    let Some(found) = registry::resolve(source, credential)? else {
        return Err(Error::not_found(format!("{source} does not exist"))
            .with_hint("check the tag or digest of the setting source"));
    };
    Ok(Digest::parse(&found.digest)?)
}

fn verify(image: &ImageReference, found: &Descriptor, expected: &Digest) -> Result<(), Error> {
    if found.digest == expected.as_str() {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "{image} names {} after it was written to name {expected}",
        found.digest
    ))
    .with_hint("another run pushes the same tag at the same time"))
}

fn outcome(plan: &Plan, digest: &Digest) -> Outcome {
    let tags: Vec<&Tag> = std::iter::once(&plan.first_tag)
        .chain(&plan.further_tags)
        .collect();
    let names: Vec<&str> = tags.iter().map(|tag| tag.as_str()).collect();
    let outcome = Outcome::new()
        .output("digest", digest.as_str())
        .output("image", format!("{}:{}", plan.destination, plan.first_tag))
        .output("tags", names.join(","));
    tags.into_iter().fold(outcome, |outcome, tag| {
        outcome.image(&plan.destination, tag, digest)
    })
}
