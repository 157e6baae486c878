//! What is done before the build, so that nobody waits for a build that cannot be pushed.

use stepyard_sdk::{
    Credential, Error, ErrorKind,
    ecr::{NamedRepository, Repository},
    grammar::{Digest, Tag},
    log, registry,
};

use crate::{
    plan::Plan,
    policies::Policies,
    repository::{CheckedRepository, Creation},
    tags::FoundTag,
};

/// What is known of the repository before the build.
pub(crate) struct Prepared {
    /// Whether it exists.
    pub(crate) exists: bool,
    /// The plan's tags, in order. A tag that may move is looked at only where that matters.
    pub(crate) tags: Vec<FoundTag>,
}

/// The plan's repository, with the identity of its connector.
pub(crate) fn repository(plan: &Plan) -> NamedRepository {
    NamedRepository::new(&plan.connector, &plan.registry, &plan.repository)
}

/// Makes the repository where that is asked for, gives it its policies, and looks at its tags.
///
/// # Errors
/// `not-found` where the repository does not exist and nobody makes it, and as ECR and the registry
/// answer.
pub(crate) fn prepare(
    plan: &Plan,
    policies: &Policies,
    credential: &Credential,
) -> Result<Prepared, Error> {
    let named = repository(plan);
    let existing = find(plan, &named, credential)?;
    let existing = match (existing, &plan.creation) {
        (Some(existing), creation) => {
            if let (Some(found), Creation::BeforeBuild(wanted)) = (&existing.described, creation) {
                compare(plan, found, wanted);
            }
            existing
        }
        (None, Creation::Never) => return Err(missing(plan)),
        (None, Creation::OnPush) => {
            log::info!("{} does not exist yet: the push makes it", plan.image());
            return Ok(Prepared {
                exists: false,
                tags: Vec::new(),
            });
        }
        (None, Creation::BeforeBuild(wanted)) => create(plan, &named, wanted, credential)?,
    };
    policies.put(&named)?;
    let mut tags = Vec::new();
    for tag in plan.tags() {
        let immutable = existing
            .described
            .as_ref()
            .is_some_and(|repository| repository.tag_is_immutable(tag));
        let digest = if *tag == plan.first_tag {
            existing.first.clone()
        } else if immutable || plan.skip_existing {
            registry_has(plan, tag, credential)?
        } else {
            None
        };
        tags.push(FoundTag {
            tag: tag.clone(),
            digest,
            immutable,
        });
    }
    Ok(Prepared { exists: true, tags })
}

/// A repository that is there.
struct Existing {
    /// What the first tag names.
    first: Option<Digest>,
    /// What ECR says of it, where the connector may ask.
    described: Option<Repository>,
}

/// Looks for the repository at the registry and in ECR's API; nothing where one of them misses it.
fn find(
    plan: &Plan,
    named: &NamedRepository,
    credential: &Credential,
) -> Result<Option<Existing>, Error> {
    let first = match registry_has(plan, &plan.first_tag, credential) {
        Err(error) if *error.kind() == ErrorKind::NotFound => return Ok(None),
        found => found?,
    };
    let described = match named.describe() {
        Ok(None) => return Ok(None),
        Ok(described) => described,
        // Pushing does not need the permission to describe, so its absence is no failure.
        Err(error) => {
            log::debug!("whether tags are immutable is not known: {error}");
            None
        }
    };
    Ok(Some(Existing { first, described }))
}

fn create(
    plan: &Plan,
    named: &NamedRepository,
    wanted: &CheckedRepository,
    credential: &Credential,
) -> Result<Existing, Error> {
    let made = named
        .create(wanted.request())
        .map_err(|error| error.with_context("createRepository"))?;
    let first = if made.is_new() {
        log::info!(
            "{} was made: its tags are {}",
            plan.image(),
            wanted.mutability
        );
        None
    } else {
        // Another run was faster.
        compare(plan, &made, wanted);
        registry_has(plan, &plan.first_tag, credential)?
    };
    Ok(Existing {
        first,
        described: Some(made),
    })
}

/// Says what of an existing repository is not as `createRepository` says: only a new one is made so.
fn compare(plan: &Plan, found: &Repository, wanted: &CheckedRepository) {
    let mutability = found.tag_mutability().ok();
    let differences = [
        mutability
            .filter(|mutability| *mutability != wanted.mutability)
            .map(|mutability| format!("its tags are {mutability}, not {}", wanted.mutability)),
        (found.scans_on_push() != wanted.scan_on_push)
            .then(|| format!("scan on push is {}", found.scans_on_push())),
        (found.encryption() != wanted.encryption.kind()).then(|| {
            format!(
                "its encryption is {}, not {}",
                found.encryption(),
                wanted.encryption.kind()
            )
        }),
    ];
    let differences: Vec<String> = differences.into_iter().flatten().collect();
    if !differences.is_empty() {
        log::warn!(
            "{} exists, and createRepository does not change it: {}",
            plan.image(),
            differences.join("; ")
        );
    }
}

/// The digest that a tag of the plan's repository names. In a repository that does not exist, and
/// that the push makes, a tag names nothing.
pub(crate) fn resolve(
    plan: &Plan,
    tag: &Tag,
    credential: &Credential,
) -> Result<Option<Digest>, Error> {
    match registry_has(plan, tag, credential) {
        Err(error) if plan.creation == Creation::OnPush && *error.kind() == ErrorKind::NotFound => {
            Ok(None)
        }
        Err(error) if *error.kind() == ErrorKind::NotFound => Err(missing(plan)),
        found => found,
    }
}

fn registry_has(plan: &Plan, tag: &Tag, credential: &Credential) -> Result<Option<Digest>, Error> {
    let found = registry::resolve(&plan.image().with_tag(tag.clone()), credential)?;
    Ok(found
        .map(|descriptor| Digest::parse(&descriptor.digest))
        .transpose()?)
}

fn missing(plan: &Plan) -> Error {
    Error::not_found(format!(
        "the repository {} does not exist in {}",
        plan.repository, plan.registry
    ))
    .with_hint(format!(
        "set createRepository: true (on-push where ECR makes it when something is pushed), or make \
         it: aws ecr create-repository --registry-id {} --region {} --repository-name {}",
        plan.registry.account(),
        plan.registry.region(),
        plan.repository
    ))
}
