//! A repository, with a login that its registry accepts.

use futures_util::future::join_all;
use stepyard_grammar::{
    EcrRegistry, ImageReference, RegistryHost, RepositoryName, Tag, TagFilter, TagMutability,
};

use super::look::Look;
use super::subjects::RepositoryUse;
use super::{Check, Finding, Verdict};
use crate::auth::Credential;
use crate::capability::{CapabilityError, ErrorKind};
use crate::ecr::Repository;
use crate::registry::{Descriptor, Probed};

/// What may or may not be done in a repository: ECR's name for it, and one for other registries.
#[derive(Clone, Copy)]
struct Permission {
    check: Check,
    action: &'static str,
    otherwise: &'static str,
}

const READ_MANIFEST: Permission = Permission {
    check: Check::ReadManifest,
    action: "ecr:BatchGetImage",
    otherwise: "reading manifests",
};
const FIND_LAYER: Permission = Permission {
    check: Check::FindLayer,
    action: "ecr:BatchCheckLayerAvailability",
    otherwise: "asking for layers",
};
const BEGIN_UPLOAD: Permission = Permission {
    check: Check::BeginUpload,
    action: "ecr:InitiateLayerUpload",
    otherwise: "beginning an upload",
};
const PUT_MANIFEST: Permission = Permission {
    check: Check::Push,
    action: "ecr:PutImage",
    otherwise: "writing manifests",
};

/// A login that the registry accepts.
pub(super) struct LoggedIn<'a> {
    pub(super) look: &'a Look<'a>,
    pub(super) connector: Option<&'a str>,
    pub(super) credential: Credential,
    /// The registry, where it is one of ECR.
    pub(super) ecr: Option<EcrRegistry>,
}

/// A repository that is written to.
#[derive(Clone, Copy)]
struct Destination<'a> {
    name: &'a RepositoryName,
    /// Whether a run makes it where it does not exist.
    is_made: bool,
    keeps_cache: bool,
}

/// What is known of a repository from ECR.
enum Described {
    /// There is nobody to ask.
    NotAsked,
    Found(Repository),
    Missing,
    Unknown(CapabilityError),
}

impl LoggedIn<'_> {
    /// Looks at what a step does in one repository.
    pub(super) async fn look_at(&self, what: &RepositoryUse) -> Vec<Finding> {
        match what {
            RepositoryUse::Push {
                name,
                tags,
                is_made,
            } => {
                let destination = Destination {
                    name,
                    is_made: *is_made,
                    keeps_cache: false,
                };
                self.look_at_push(destination, tags).await
            }
            RepositoryUse::KeepCache(name, tag) => {
                let destination = Destination {
                    name,
                    is_made: false,
                    keeps_cache: true,
                };
                self.look_at_push(destination, std::slice::from_ref(tag))
                    .await
            }
            RepositoryUse::ReadCache(name, tag) => vec![self.look_at_cache(name, tag).await],
            RepositoryUse::Pull(image) => self.look_at_image(image).await,
        }
    }

    fn registry(&self) -> &RegistryHost {
        self.credential.registry()
    }

    fn image(&self, name: &RepositoryName, tag: &Tag) -> ImageReference {
        ImageReference::new(self.registry().clone(), name.clone()).with_tag(tag.clone())
    }

    async fn look_at_push(&self, destination: Destination<'_>, tags: &[Tag]) -> Vec<Finding> {
        let name = destination.name;
        let resolved = join_all(tags.iter().map(|tag| async move {
            let image = self.image(name, tag);
            (tag, self.look.resolve(&image, &self.credential).await)
        }));
        let (described, resolved) = tokio::join!(self.describe(name), resolved);
        let is_not_found = |answer: &Result<Option<Descriptor>, CapabilityError>| matches!(answer, Err(error) if error.kind == ErrorKind::NotFound);
        if matches!(described, Described::Missing)
            || resolved.iter().any(|(_, answer)| is_not_found(answer))
        {
            return self.missing(destination);
        }
        let mut findings: Vec<Finding> = self
            .told_description(name, &described)
            .into_iter()
            .collect();
        let mutability = match &described {
            Described::Found(repository) => Some(&repository.tag_mutability),
            _ => None,
        };
        let is_known = mutability.is_some() || resolved.iter().any(|(_, answer)| answer.is_ok());
        match resolved
            .iter()
            .find_map(|(_, answer)| answer.as_ref().err())
        {
            Some(error) => findings.push(self.refused(READ_MANIFEST, name, error.clone())),
            None if resolved.is_empty() => {}
            None => {
                findings.push(self.permitted(READ_MANIFEST, name));
                let taken = resolved.iter().filter_map(|(tag, answer)| {
                    let digest = answer
                        .as_ref()
                        .ok()?
                        .as_ref()
                        .map(|found| found.digest.as_str());
                    Some((*tag, digest))
                });
                let is_ecr = self.ecr.is_some();
                findings.extend(taken.map(|(tag, digest)| {
                    told_tag(
                        &format!("{name}:{tag}"),
                        tag,
                        digest,
                        mutability,
                        is_ecr,
                        destination.keeps_cache,
                    )
                }));
            }
        }
        findings.extend(self.probe_push(name, is_known).await);
        findings
    }

    fn missing(&self, destination: Destination<'_>) -> Vec<Finding> {
        let name = destination.name;
        let registry = self.registry();
        if destination.is_made {
            let message = format!(
                "the repository {name} does not exist yet in {registry}: only a run shows whether \
                 it can be made (ecr:CreateRepository) and pushed to"
            );
            return vec![Finding::unproven(Check::Repository, message)];
        }
        let finding = Finding::new(
            Check::Repository,
            Verdict::Failed,
            format!("the repository {name} does not exist in {registry}"),
        );
        let finding = match &self.ecr {
            Some(ecr) => finding.with_remedy(format!(
                "aws ecr create-repository --registry-id {} --region {} --repository-name {name}",
                ecr.account(),
                ecr.region()
            )),
            None => finding,
        };
        let rest = format!("what may be done in {name} shows once it exists");
        vec![finding, Finding::unproven(Check::Push, rest)]
    }

    async fn describe(&self, name: &RepositoryName) -> Described {
        let (Some(ecr), Some(connector)) = (&self.ecr, self.connector) else {
            return Described::NotAsked;
        };
        match self.look.describe(connector, ecr, name).await {
            Ok(Some(repository)) => Described::Found(repository),
            Ok(None) => Described::Missing,
            Err(error) => Described::Unknown(error),
        }
    }

    fn told_description(&self, name: &RepositoryName, described: &Described) -> Option<Finding> {
        const ACTION: &str = "ecr:DescribeRepositories";
        match described {
            Described::NotAsked | Described::Missing => None,
            Described::Found(repository) => {
                let mutability = &repository.tag_mutability;
                let mut message = format!(
                    "{ACTION}: {name} exists, its tags are {}",
                    mutability.mode().name()
                );
                let exclusions: Vec<&str> = mutability
                    .exclusions()
                    .iter()
                    .map(TagFilter::as_str)
                    .collect();
                if !exclusions.is_empty() {
                    message.push_str(&format!(", except {}", exclusions.join(", ")));
                }
                Some(Finding::ok(Check::Repository, message))
            }
            // Pushing does not need this permission.
            Described::Unknown(error) if error.kind == ErrorKind::Forbidden => Some(
                Finding::new(
                    Check::Repository,
                    Verdict::Warning,
                    format!("{}; which tags are immutable is not known", error.message),
                )
                .with_remedy(format!(
                    "allow {ACTION} to the identity, to be told before a build that a tag is taken"
                )),
            ),
            Described::Unknown(error) => Some(Finding::warning(Check::Repository, error.clone())),
        }
    }

    async fn probe_push(&self, name: &RepositoryName, is_known: bool) -> Vec<Finding> {
        let mut unproven = vec![
            ("ecr:UploadLayerPart", "sending layers"),
            ("ecr:CompleteLayerUpload", "completing uploads"),
        ];
        let mut findings = Vec::new();
        // Where a first push makes repositories, so would the question.
        if self.ecr.is_some() && !is_known {
            unproven.splice(
                0..0,
                [FIND_LAYER, BEGIN_UPLOAD].map(|one| (one.action, one.otherwise)),
            );
            unproven.push((PUT_MANIFEST.action, PUT_MANIFEST.otherwise));
            return vec![self.unproven("a push to", Check::Push, name, &unproven)];
        }
        match self.look.probe_push(name, &self.credential).await {
            Ok(probe) => {
                for (permission, probed) in [
                    (FIND_LAYER, probe.find_layer),
                    (BEGIN_UPLOAD, probe.begin_upload),
                ] {
                    findings.push(match probed {
                        Probed::Permitted => self.permitted(permission, name),
                        Probed::Refused(error) => self.refused(permission, name, error),
                    });
                }
                match probe.put_manifest {
                    Probed::Refused(error) => {
                        findings.push(self.refused(PUT_MANIFEST, name, error));
                    }
                    Probed::Permitted => {
                        unproven.push((PUT_MANIFEST.action, PUT_MANIFEST.otherwise));
                    }
                }
            }
            Err(error) if error.kind == ErrorKind::Unsupported => {
                return vec![Finding::unproven(Check::Push, error.message)];
            }
            Err(error) => findings.push(Finding::failed(Check::Push, error)),
        }
        findings.push(self.unproven("a push to", Check::Push, name, &unproven));
        findings
    }

    async fn look_at_cache(&self, name: &RepositoryName, tag: &Tag) -> Finding {
        let image = self.image(name, tag);
        match self.look.resolve(&image, &self.credential).await {
            Ok(Some(found)) => Finding::ok(
                Check::Cache,
                format!("the cache {name}:{tag} is {}", found.digest),
            ),
            // A build goes on without.
            Ok(None) => Finding::new(
                Check::Cache,
                Verdict::Warning,
                format!("there is no cache {name}:{tag} yet; the build goes on without it"),
            ),
            Err(error) => Finding::warning(Check::Cache, error),
        }
    }

    async fn look_at_image(&self, image: &ImageReference) -> Vec<Finding> {
        let name = image.repository();
        match self.look.resolve(image, &self.credential).await {
            Ok(Some(found)) => {
                let read = [("ecr:GetDownloadUrlForLayer", "reading layers")];
                vec![
                    Finding::ok(Check::ReadManifest, format!("{image} is {}", found.digest)),
                    self.unproven("a copy from", Check::ReadLayer, name, &read),
                ]
            }
            Ok(None) => vec![
                Finding::new(
                    Check::ReadManifest,
                    Verdict::Failed,
                    format!("{image} does not exist"),
                )
                .with_remedy("check the tag or digest of the source"),
            ],
            Err(error) if error.kind == ErrorKind::NotFound => {
                vec![Finding::failed(Check::Repository, error)]
            }
            Err(error) => vec![self.refused(READ_MANIFEST, name, error)],
        }
    }

    fn label(&self, action: &'static str, otherwise: &'static str) -> &'static str {
        match self.ecr {
            Some(_) => action,
            None => otherwise,
        }
    }

    fn permitted(&self, permission: Permission, name: &RepositoryName) -> Finding {
        let label = self.label(permission.action, permission.otherwise);
        Finding::ok(permission.check, format!("{label}: permitted in {name}"))
    }

    fn refused(
        &self,
        permission: Permission,
        name: &RepositoryName,
        error: CapabilityError,
    ) -> Finding {
        let label = self.label(permission.action, permission.otherwise);
        let is_permission = error.kind == ErrorKind::Forbidden && self.ecr.is_some();
        let mut finding = Finding::failed(permission.check, error);
        finding.message = format!("{label}: {}", finding.message);
        if is_permission {
            finding.remedy = Some(format!(
                "allow {label} on {name} to the identity, in another account also by the \
                 repository's policy"
            ));
        }
        finding
    }

    fn unproven(
        &self,
        what: &str,
        check: Check,
        name: &RepositoryName,
        permissions: &[(&'static str, &'static str)],
    ) -> Finding {
        let labels: Vec<&str> = permissions
            .iter()
            .map(|(action, otherwise)| self.label(action, otherwise))
            .collect();
        let message = format!("{}: only {what} {name} shows it", labels.join(", "));
        Finding::unproven(check, message)
    }
}

/// What a tag names, and whether it can name something else.
fn told_tag(
    image: &str,
    tag: &Tag,
    digest: Option<&str>,
    mutability: Option<&TagMutability>,
    is_ecr: bool,
    keeps_cache: bool,
) -> Finding {
    let immutable = mutability.map(|mutability| mutability.is_immutable(tag.as_str()));
    let warning = |message: String| Finding::new(Check::Tag, Verdict::Warning, message);
    match (digest, immutable) {
        (None, Some(true)) if keeps_cache => warning(format!(
            "the cache tag {image} is immutable: it will be written once and never again"
        ))
        .with_remedy("exclude the tag from the repository's immutability"),
        (None, _) => Finding::ok(Check::Tag, format!("the tag {image} is free")),
        (Some(digest), Some(true)) => warning(format!(
            "the tag {image} is immutable and names {digest}: to push another image under it will \
             be a conflict"
        ))
        .with_remedy(
            "give the image a tag of its own, or exclude the tag from the repository's immutability",
        ),
        (Some(digest), None) if is_ecr => warning(format!(
            "the tag {image} names {digest}, and whether it can name another image is not known"
        )),
        (Some(digest), _) => Finding::ok(
            Check::Tag,
            format!("the tag {image} names {digest} and can name another image"),
        ),
    }
}
