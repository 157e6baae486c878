//! The calls of a run, in order.

use stepyard_sdk::{
    Credential, Error, ErrorKind, Outcome, auth,
    build::{self, Image, feature},
    grammar::{Digest, Tag},
    log, registry,
};

use crate::{
    build::request,
    plan::Plan,
    prepare,
    report::NotApplicable,
    tags::{self, TakenTag},
};

/// Runs the step: the image is pushed once, under the first tag, and the other tags are added by
/// digest, so that no tag moves before the image is whole.
pub(crate) fn run(plan: &Plan) -> Result<Outcome, Error> {
    log::begin_phase("Prepare");
    let engine = build::engine()?;
    let image = plan.image();
    log::info!("{image} is built with the engine {engine}");
    let credential = auth::login(&plan.connector, Some(plan.registry.host()))?;
    let taken = prepare::taken_tags(plan, &credential)?;
    let named = plan;
    // Where a tag cannot move, the image is pushed under it first: if it names something else, the
    // registry refuses before any other tag has moved.
    let plan = &match taken.first() {
        Some(taken) => plan.pushed_first_under(&taken.tag),
        None => plan.clone(),
    };
    let destination = image.clone().with_tag(plan.first_tag.clone());
    let pushes_while_building = build::supports(feature::PUSH_WHILE_BUILDING);
    if !pushes_while_building && !build::supports(feature::HOLD) {
        return Err(Error::unsupported(format!(
            "the engine {engine} can neither push nor hold an image"
        )));
    }

    log::begin_phase("Build");
    let mut not_applicable = plan.not_applicable.clone();
    let request = request(
        plan,
        pushes_while_building.then_some(&destination),
        &credential,
        &mut not_applicable,
    )?;
    let built = request
        .build()
        .map_err(|error| explain_conflict(plan, &taken, error))?;
    let ignored = built.ignored_settings();
    not_applicable.extend(
        ignored
            .into_iter()
            .map(|ignored| NotApplicable::by_engine(&ignored.setting, ignored.reason)),
    );
    for setting in &not_applicable {
        log::info!("not applicable with the engine {engine}: {setting}");
    }

    // Where nothing was built, the host has said so.
    if !built.unchanged() {
        log::begin_phase("Push");
    }
    let digest = pushed(plan, &built, &credential, &taken)?;
    tags::check(&taken, &image, &digest)?;
    if !built.unchanged() && tags::taken(&taken, &plan.first_tag).is_some() {
        log::info!("{destination} was there already: {digest}");
    }
    // What was pushed in an earlier run need not have the first tag of this one.
    let first = built.unchanged().then_some(&plan.first_tag);
    let mut missing = first.into_iter().chain(&plan.further_tags).peekable();
    if missing.peek().is_some() {
        log::begin_phase("Tag");
    }
    for tag in missing {
        add_tag(plan, tag, &digest, &credential, &taken)?;
    }
    Ok(outcome(named, &digest))
}

/// The digest of the image at the registry, which it is pushed to where it is not there yet.
fn pushed(
    plan: &Plan,
    built: &Image,
    credential: &Credential,
    taken: &[TakenTag],
) -> Result<Digest, Error> {
    let destination = plan.image().with_tag(plan.first_tag.clone());
    let pushed = match built.pushed() {
        Some(pushed) => pushed,
        None => built
            .push(&destination, credential)
            .map_err(|error| explain_conflict(plan, taken, error))?,
    };
    Ok(Digest::parse(&pushed.digest)?)
}

fn add_tag(
    plan: &Plan,
    tag: &Tag,
    digest: &Digest,
    credential: &Credential,
    taken: &[TakenTag],
) -> Result<(), Error> {
    let image = plan.image();
    if tags::taken(taken, tag).is_some() {
        log::info!("{image}:{tag} was there already: {digest}");
        return Ok(());
    }
    let tagged = registry::tag(&image.clone().with_digest(digest.clone()), tag, credential)
        .map_err(|error| error.with_context(format_args!("{image}:{tag}")))?;
    if tagged.digest != digest.as_str() {
        return Err(Error::conflict(format!(
            "{image}:{tag} names {} after it was written to name {digest}",
            tagged.digest
        ))
        .with_hint("another run pushes the same tag at the same time"));
    }
    Ok(())
}

/// A conflict of the push with what is known of the first tag.
fn explain_conflict(plan: &Plan, taken: &[TakenTag], error: Error) -> Error {
    match tags::taken(taken, &plan.first_tag) {
        Some(taken) if *error.kind() == ErrorKind::Conflict => taken.conflict(plan.image()),
        _ => error,
    }
}

fn outcome(plan: &Plan, digest: &Digest) -> Outcome {
    let image = plan.image();
    let tags: Vec<&Tag> = plan.tags().collect();
    let names: Vec<&str> = tags.iter().map(|tag| tag.as_str()).collect();
    let outcome = Outcome::new()
        .output("digest", digest.as_str())
        .output("image", format!("{image}:{}", plan.first_tag))
        .output("tags", names.join(","))
        .output("registry", plan.registry.as_str())
        .output("repository", plan.repository.as_str());
    tags.into_iter()
        .fold(outcome, |outcome, tag| outcome.image(&image, tag, digest))
}
