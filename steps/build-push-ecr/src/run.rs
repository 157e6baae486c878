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
    policies::Policies,
    prepare::{self, Prepared},
    report::NotApplicable,
    tags::{self, Decision, FoundTag, TakenTag},
};

/// Runs the step: the image is pushed once, under the first tag, and the other tags are added by
/// digest, so that no tag moves before the image is whole.
pub(crate) fn run(plan: &Plan) -> Result<Outcome, Error> {
    let policies = Policies::read(plan)?;
    log::begin_phase("Prepare");
    let engine = build::engine()?;
    let image = plan.image();
    log::info!("{image} is built with the engine {engine}");
    let credential = auth::login(&plan.connector, Some(plan.registry.host()))?;
    let prepared = prepare::prepare(plan, &policies, &credential)?;
    match tags::decide(
        &prepared.tags,
        &image,
        plan.skip_existing,
        plan.build.makes_a_new_image(),
    )? {
        Decision::Build => build_and_push(plan, &engine, &credential, &prepared, &policies),
        Decision::Skip(existing) => {
            log::info!("all tags exist in {image}: nothing is built or pushed");
            let first = existing.first().map(|(_, digest)| digest.clone());
            if existing
                .iter()
                .any(|(_, digest)| first.as_ref() != Some(digest))
            {
                log::warn!("the tags name different images; the outputs are about the first tag");
            }
            Ok(outcome(plan, first.as_ref(), &existing))
        }
        Decision::Complete(digest) => complete(plan, &digest, &credential, prepared.tags),
    }
}

fn build_and_push(
    plan: &Plan,
    engine: &str,
    credential: &Credential,
    prepared: &Prepared,
    policies: &Policies,
) -> Result<Outcome, Error> {
    let named = plan;
    let image = plan.image();
    let taken = tags::taken_tags(&prepared.tags);
    // Where a tag cannot move, the image is pushed under it first: if it names something else, the
    // registry refuses before any other tag has moved.
    let plan = &match taken.first() {
        Some(taken) => plan.pushed_first_under(&taken.tag),
        None => plan.clone(),
    };
    let push = Push {
        plan,
        credential,
        found: &prepared.tags,
        taken: &taken,
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
        credential,
        &mut not_applicable,
    )?;
    let built = request
        .build()
        .map_err(|error| push.explain_conflict(error))?;
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
    let digest = push.pushed(&built)?;
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
        if tags::taken(&taken, tag).is_some() {
            log::info!("{image}:{tag} was there already: {digest}");
        } else {
            add_tag(plan, tag, &digest, credential)?;
        }
    }
    if !prepared.exists {
        policies.put(&prepare::repository(plan))?;
    }
    let tags = named.tags().map(|tag| (tag.clone(), digest.clone()));
    Ok(outcome(named, Some(&digest), &tags.collect::<Vec<_>>()))
}

/// Adds the tags that are missing to the image that has the others, which cannot move.
fn complete(
    plan: &Plan,
    digest: &Digest,
    credential: &Credential,
    found: Vec<FoundTag>,
) -> Result<Outcome, Error> {
    let image = plan.image();
    log::info!("{image} has {digest} under tags that cannot move: nothing is built");
    log::begin_phase("Tag");
    let mut tags = Vec::new();
    for FoundTag {
        tag,
        digest: existing,
        ..
    } in found
    {
        match existing {
            Some(existing) => {
                log::info!("{image}:{tag} was there already: {existing}");
                tags.push((tag, existing));
            }
            None => {
                add_tag(plan, &tag, digest, credential)?;
                tags.push((tag, digest.clone()));
            }
        }
    }
    Ok(outcome(plan, Some(digest), &tags))
}

/// A push of what was built, and what is known of its tags.
struct Push<'a> {
    plan: &'a Plan,
    credential: &'a Credential,
    found: &'a [FoundTag],
    taken: &'a [TakenTag],
}

impl Push<'_> {
    /// The digest of the image at the registry, which it is pushed to where it is not there yet.
    fn pushed(&self, built: &Image) -> Result<Digest, Error> {
        let destination = self.plan.image().with_tag(self.plan.first_tag.clone());
        let pushed = match built.pushed() {
            Some(pushed) => pushed,
            None => built
                .push(&destination, self.credential)
                .map_err(|error| self.explain_conflict(error))?,
        };
        Ok(Digest::parse(&pushed.digest)?)
    }

    /// A conflict of the push with what is known of the first tag. Where the tag was free before
    /// the build, another run has taken it since.
    fn explain_conflict(&self, error: Error) -> Error {
        let tag = &self.plan.first_tag;
        if *error.kind() != ErrorKind::Conflict {
            return error;
        }
        if let Some(taken) = tags::taken(self.taken, tag) {
            return taken.conflict(self.plan.image());
        }
        let found = self.found.iter().find(|found| found.tag == *tag);
        if !found.is_some_and(|found| found.immutable) {
            return error;
        }
        match prepare::resolve(self.plan, tag, self.credential) {
            Ok(Some(digest)) => {
                let tag = tag.clone();
                TakenTag { tag, digest }
                    .conflict(self.plan.image())
                    .with_hint("another run pushed the tag since this one began; no tag was moved")
            }
            _ => error,
        }
    }
}

fn add_tag(plan: &Plan, tag: &Tag, digest: &Digest, credential: &Credential) -> Result<(), Error> {
    let image = plan.image();
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

/// What is told of tags and what each names; of the image with `digest`, the first tag that names it.
fn outcome(plan: &Plan, digest: Option<&Digest>, tags: &[(Tag, Digest)]) -> Outcome {
    let image = plan.image();
    let names: Vec<&str> = tags.iter().map(|(tag, _)| tag.as_str()).collect();
    let mut outcome = Outcome::new();
    if let Some((tag, digest)) = tags.iter().find(|(_, named)| digest == Some(named)) {
        outcome = outcome
            .output("digest", digest.as_str())
            .output("image", format!("{image}:{tag}"));
    }
    let outcome = outcome
        .output("tags", names.join(","))
        .output("registry", plan.registry.as_str())
        .output("repository", plan.repository.as_str());
    tags.iter().fold(outcome, |outcome, (tag, digest)| {
        outcome.image(&image, tag, digest)
    })
}
