//! What is checked before the build, so that nobody waits for a build that cannot be pushed.

use stepyard_sdk::{
    Credential, Error, ErrorKind, ecr,
    grammar::{Digest, Tag},
    log, registry,
};

use crate::{plan::Plan, tags::TakenTag};

/// Checks that the repository exists and returns the plan's tags that are taken for good.
///
/// # Errors
/// `not-found` where the repository does not exist, and as the registry answers.
pub(crate) fn taken_tags(plan: &Plan, credential: &Credential) -> Result<Vec<TakenTag>, Error> {
    let first = resolve(plan, &plan.first_tag, credential)?;
    let repository =
        match ecr::describe_repository(&plan.connector, &plan.registry, &plan.repository) {
            Ok(repository) => repository,
            // Pushing does not need the permission to describe, so its absence is no failure.
            Err(error) => {
                log::debug!("whether tags are immutable is not known: {error}");
                None
            }
        };
    let Some(repository) = repository else {
        return Ok(Vec::new());
    };
    let mut taken = Vec::new();
    let mut note = |tag: &Tag, digest: Option<Digest>| {
        taken.extend(digest.map(|digest| TakenTag {
            tag: tag.clone(),
            digest,
        }));
    };
    if repository.tag_is_immutable(&plan.first_tag) {
        note(&plan.first_tag, first);
    }
    for tag in &plan.further_tags {
        if repository.tag_is_immutable(tag) {
            note(tag, resolve(plan, tag, credential)?);
        }
    }
    Ok(taken)
}

/// The digest that a tag of the plan's repository names.
pub(crate) fn resolve(
    plan: &Plan,
    tag: &Tag,
    credential: &Credential,
) -> Result<Option<Digest>, Error> {
    let found = registry::resolve(&plan.image().with_tag(tag.clone()), credential)
        .map_err(|error| explain_missing(plan, error))?;
    Ok(found
        .map(|descriptor| Digest::parse(&descriptor.digest))
        .transpose()?)
}

fn explain_missing(plan: &Plan, error: Error) -> Error {
    if *error.kind() != ErrorKind::NotFound {
        return error;
    }
    Error::not_found(format!(
        "the repository {} does not exist in {}",
        plan.repository, plan.registry
    ))
    .with_hint(format!(
        "create it: aws ecr create-repository --registry-id {} --region {} --repository-name {}",
        plan.registry.account(),
        plan.registry.region(),
        plan.repository
    ))
}
