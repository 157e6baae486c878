//! The settings, validated: what the step is going to do.

use std::collections::BTreeMap;

use stepyard_sdk::{
    Error,
    grammar::{AwsAccountId, AwsRegion, EcrRegistry, EcrRepositoryName, ImageReference, Tag},
    setting::{Problems, Text},
};

use crate::{
    cache::{self, Cache, NamedCache},
    check::{check_pairs, check_path, check_word},
    extensions::Extensions,
    report::NotApplicable,
    repository::Creation,
    resources::CheckedResources,
    secrets::{self, BuildSecrets},
    settings::BuildPushEcr,
};

/// The setting of a cache that is both read and written.
const REMOTE_CACHE: &str = "remoteCacheImage";

/// What the step is going to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The AWS connector to push with.
    pub connector: String,
    /// The registry to push to.
    pub registry: EcrRegistry,
    /// The repository there.
    pub repository: EcrRepositoryName,
    /// Whether to make the repository where it does not exist.
    pub creation: Creation,
    /// A file of the workspace that says which images expire.
    pub lifecycle_policy: Option<String>,
    /// A file of the workspace that says who may use the repository.
    pub repository_policy: Option<String>,
    /// Whether to build nothing where all tags exist.
    pub skip_existing: bool,
    /// The tag to push under.
    pub first_tag: Tag,
    /// The tags to add afterwards, in order, each once.
    pub further_tags: Vec<Tag>,
    /// Connectors for the registries of base images, each once.
    pub base_image_connectors: Vec<String>,
    /// What to build.
    pub build: BuildPlan,
    /// Settings that no engine can honour.
    pub not_applicable: Vec<NotApplicable>,
}

/// What to build.
#[derive(Clone, Debug)]
pub struct BuildPlan {
    /// A folder of the workspace.
    pub context: String,
    /// A file of the workspace; none is `Dockerfile` in the context.
    pub dockerfile: Option<String>,
    /// The stage to build; none is the last one.
    pub target: Option<String>,
    /// Labels of the image.
    pub labels: BTreeMap<String, Text>,
    /// Values for `ARG` instructions.
    pub arguments: BTreeMap<String, Text>,
    /// kaniko's snapshot mode: `redo` where true, else `full`.
    pub optimize: Option<bool>,
    /// The user that the builder runs as.
    pub run_as_user: Option<u32>,
    /// How much the builder may use and asks for.
    pub resources: CheckedResources,
    /// Whether layers of earlier builds may be used; none is as the engine does.
    pub caching: Option<bool>,
    /// Where cached layers may come from.
    pub cache_imports: Vec<Cache>,
    /// Where to keep layers.
    pub cache_exports: Vec<Cache>,
    /// Build secrets.
    pub secrets: BuildSecrets,
    /// What Harness's step does not have.
    pub extensions: Extensions,
    /// Whether to build nothing where nothing has changed.
    pub skip_unchanged: bool,
}

impl BuildPlan {
    /// Whether every build makes another image: an attestation of how it was built holds its time.
    pub fn makes_a_new_image(&self) -> bool {
        self.extensions.attests_the_build() && !self.skip_unchanged
    }
}

impl Plan {
    /// The same plan with `tag`, one of its tags, as the one to push under.
    #[must_use]
    pub fn pushed_first_under(&self, tag: &Tag) -> Self {
        let mut plan = self.clone();
        if let Some(further) = plan.further_tags.iter_mut().find(|further| *further == tag) {
            std::mem::swap(&mut plan.first_tag, further);
        }
        plan
    }

    /// Validates settings.
    ///
    /// # Errors
    /// `invalid-settings` with every problem, a line each.
    pub fn new(settings: BuildPushEcr) -> Result<Self, Error> {
        let mut problems = Problems::default();
        let plan = Self::check(settings, &mut problems);
        problems.into_result(plan)
    }

    /// Looks at every setting before anything of it can fail the whole.
    fn check(settings: BuildPushEcr, problems: &mut Problems) -> Option<Self> {
        let mut not_applicable = Vec::new();
        check_connector("connectorRef", &settings.connector_ref, problems);
        let registry = check_registry(&settings, problems);
        let repository = check_repository(&settings.image_name, problems);
        let creation = Creation::check(&settings.create_repository, problems);
        for (setting, path) in [
            ("lifecyclePolicy", &settings.lifecycle_policy),
            ("repositoryPolicy", &settings.repository_policy),
        ] {
            if let Some(path) = path {
                check_path(setting, path, problems);
            }
        }
        let tags = check_tags(&settings.tags.0, problems);
        let base_image_connectors =
            check_base_images(&settings.base_image_connector_refs.0, problems);

        check_path("context", &settings.context, problems);
        if let Some(dockerfile) = &settings.dockerfile {
            check_path("dockerfile", dockerfile, problems);
        }
        check_pairs("labels", &settings.labels, problems);
        check_pairs("buildArgs", &settings.build_args, problems);
        if let Some(target) = &settings.target {
            check_word("target", target, "the name of a stage", problems);
        }
        let run_as_user = settings
            .run_as_user
            .as_ref()
            .and_then(|user| check_user(&user.0, problems));
        let resources = CheckedResources::new(settings.resources.clone(), problems);

        let extensions = Extensions::check(&settings, problems);

        let (imports, exports) = check_caches(&settings, problems);
        let secrets = secrets::check(
            &settings.env_docker_secrets,
            &settings.file_docker_secrets,
            &settings.env_variables,
            problems,
            &mut not_applicable,
        );

        let (registry, repository, creation) = (registry?, repository?, creation?);
        let (first_tag, further_tags) = tags?;
        let mut in_registry = |caches: Vec<NamedCache>| -> Vec<Cache> {
            caches
                .into_iter()
                .filter_map(|cache| cache.in_registry(&registry, problems))
                .collect()
        };
        let (imports, cache_exports) = (in_registry(imports), in_registry(exports));
        let read_too = cache_exports
            .iter()
            .filter(|cache| cache.setting == REMOTE_CACHE)
            .filter_map(|cache| Some(Cache::of_image(REMOTE_CACHE, &cache.image()?)));
        let cache_imports = read_too.chain(imports).collect();
        for cache in &cache_exports {
            let Some(image) = cache.image() else {
                continue;
            };
            let tag = image.tag().map_or("latest", Tag::as_str);
            let pushed = std::iter::once(&first_tag).chain(&further_tags);
            if image.repository().as_str() == repository.as_str()
                && pushed.into_iter().any(|pushed| pushed.as_str() == tag)
            {
                problems.add(
                    &cache.setting,
                    format_args!(
                        "the cache would overwrite the image's own tag {tag}; expected another \
                         repository or tag"
                    ),
                );
            }
        }
        Some(Self {
            connector: settings.connector_ref,
            registry,
            repository,
            creation,
            lifecycle_policy: settings.lifecycle_policy,
            repository_policy: settings.repository_policy,
            skip_existing: settings.skip_push_if_tag_exists,
            first_tag,
            further_tags,
            base_image_connectors,
            build: BuildPlan {
                context: settings.context,
                dockerfile: settings.dockerfile,
                target: settings.target,
                labels: settings.labels,
                arguments: settings.build_args,
                optimize: settings.optimize,
                run_as_user,
                resources,
                caching: settings.caching,
                cache_imports,
                cache_exports,
                secrets,
                extensions,
                skip_unchanged: settings.skip_unchanged,
            },
            not_applicable,
        })
    }

    /// All tags, with the one to push under first.
    pub fn tags(&self) -> impl Iterator<Item = &Tag> {
        std::iter::once(&self.first_tag).chain(&self.further_tags)
    }

    /// The repository as a reference without a tag.
    pub fn image(&self) -> ImageReference {
        ImageReference::new(self.registry.host().clone(), self.repository.clone().into())
    }
}

/// The caches to take layers from and those to keep them in.
fn check_caches(
    settings: &BuildPushEcr,
    problems: &mut Problems,
) -> (Vec<NamedCache>, Vec<NamedCache>) {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    if let Some(text) = &settings.remote_cache_image {
        let cache = cache::parse_image(REMOTE_CACHE, text, problems);
        exports.extend(cache.map(NamedCache::of_all_stages));
    }
    for (index, text) in settings.cache_from.0.iter().enumerate() {
        let path = format!("cacheFrom[{index}]");
        imports.extend(cache::parse_import(&path, text, problems));
    }
    if let Some(text) = &settings.cache_to {
        exports.extend(cache::parse_export("cacheTo", text, problems));
    }
    (imports, exports)
}

fn check_connector(path: impl std::fmt::Display, connector: &str, problems: &mut Problems) -> bool {
    let valid = !connector.is_empty()
        && connector
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "_$.-".contains(character));
    if !valid {
        problems.add(
            path,
            format_args!(
                "{connector:?} is not a connector; expected its identifier, such as aws_main or \
                 account.aws_main"
            ),
        );
    }
    valid
}

fn check_registry(settings: &BuildPushEcr, problems: &mut Problems) -> Option<EcrRegistry> {
    let account = problems.check("account", AwsAccountId::parse(&settings.account.0));
    let region = problems.check("region", AwsRegion::parse(&settings.region));
    let endpoint = settings.registry_endpoint.into();
    problems.check(
        "registryEndpoint",
        EcrRegistry::new(account?, region?, endpoint),
    )
}

fn check_repository(image_name: &str, problems: &mut Problems) -> Option<EcrRepositoryName> {
    if let Some((repository, _)) = image_name
        .split_once([':', '@'])
        .filter(|(repository, _)| EcrRepositoryName::parse(repository).is_ok())
    {
        problems.add(
            "imageName",
            format_args!(
                "{image_name:?} has a tag or digest; expected {repository:?}, with the tags in tags"
            ),
        );
        return None;
    }
    let first = image_name.split('/').next().unwrap_or_default();
    if EcrRegistry::parse(first).is_ok() {
        problems.add(
            "imageName",
            format_args!(
                "{image_name:?} names the registry; expected the repository alone: account and \
                 region name the registry"
            ),
        );
        return None;
    }
    problems.check("imageName", EcrRepositoryName::parse(image_name))
}

/// The first tag and the others, each once.
fn check_tags(tags: &[Text], problems: &mut Problems) -> Option<(Tag, Vec<Tag>)> {
    if tags.is_empty() {
        problems.add("tags", "empty; expected at least one tag");
    }
    let mut checked: Vec<Tag> = Vec::new();
    for (index, text) in tags.iter().enumerate() {
        let tag = problems.check(format_args!("tags[{index}]"), Tag::parse(&text.0));
        checked.extend(tag.filter(|tag| !checked.contains(tag)));
    }
    let mut checked = checked.into_iter();
    Some((checked.next()?, checked.collect()))
}

fn check_base_images(connectors: &[String], problems: &mut Problems) -> Vec<String> {
    let mut checked: Vec<String> = Vec::new();
    for (index, connector) in connectors.iter().enumerate() {
        let path = format!("baseImageConnectorRefs[{index}]");
        if check_connector(path, connector, problems) && !checked.contains(connector) {
            checked.push(connector.clone());
        }
    }
    checked
}

fn check_user(user: &str, problems: &mut Problems) -> Option<u32> {
    let number = user.parse().ok().filter(|_| !user.starts_with('+'));
    if number.is_none() {
        problems.add(
            "runAsUser",
            format_args!(
                "{user:?} is not a user id; expected a number from 0 to {}",
                u32::MAX
            ),
        );
    }
    number
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
