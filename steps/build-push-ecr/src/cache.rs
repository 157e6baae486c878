//! Caches of a build: `remoteCacheImage`, `cacheFrom` and `cacheTo`.

use stepyard_sdk::{
    build::{feature, supports},
    grammar::{CacheOptions, EcrRegistry, EcrRepositoryName, GrammarError, ImageReference, Tag},
    setting::Problems,
};

use crate::report::NotApplicable;

/// A cache that a setting names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// The setting's path, as the user writes it.
    pub setting: String,
    /// The cache, with a whole reference where it is in a registry.
    pub options: CacheOptions,
}

/// A cache whose registry is not known yet.
#[derive(Clone, Debug)]
pub struct NamedCache {
    cache: Cache,
    image: Option<CacheName>,
}

/// An image that holds cached layers, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
enum CacheName {
    /// A repository of the registry that the step pushes to, with or without a tag.
    Repository(EcrRepositoryName, Option<Tag>),
    /// A whole reference.
    Image(ImageReference),
}

/// Reads an image to keep layers in. Nothing, and a noted problem, where it is none.
pub fn parse_image(setting: &str, text: &str, problems: &mut Problems) -> Option<NamedCache> {
    let named = parse_export(setting, text, problems)?;
    if named.image.is_none() {
        let kind = named.cache.options.kind();
        problems.add(
            setting,
            format_args!("found a cache of the type {kind}; expected an image"),
        );
        return None;
    }
    Some(named)
}

/// Reads a cache to take layers from. Nothing, and a noted problem, where it is none.
pub fn parse_import(setting: &str, text: &str, problems: &mut Problems) -> Option<NamedCache> {
    parse(setting, CacheOptions::parse_import(text), problems)
}

/// Reads a cache to keep layers in. In a registry it takes the form that ECR takes, where the user
/// says nothing else.
pub fn parse_export(setting: &str, text: &str, problems: &mut Problems) -> Option<NamedCache> {
    let mut named = parse(setting, CacheOptions::parse_export(text), problems)?;
    if named.image.is_some() && named.cache.options.get("oci-mediatypes") != Some("false") {
        named.cache.options = named
            .cache
            .options
            .with_default("image-manifest", "true")
            .with_default("oci-mediatypes", "true");
    }
    Some(named)
}

fn parse(
    setting: &str,
    options: Result<CacheOptions, GrammarError>,
    problems: &mut Problems,
) -> Option<NamedCache> {
    let options = problems.check(setting, options)?;
    let image = match (options.kind(), options.get("ref")) {
        ("registry", Some(reference)) => Some(parse_name(setting, reference, problems)?),
        _ => None,
    };
    Some(NamedCache {
        cache: Cache {
            setting: setting.to_owned(),
            options,
        },
        image,
    })
}

fn parse_name(path: &str, text: &str, problems: &mut Problems) -> Option<CacheName> {
    // As in Docker's references, a first segment with a dot or a port is a registry.
    let is_whole = text
        .split_once('/')
        .is_some_and(|(first, _)| first.contains(['.', ':']) || first == "localhost");
    if is_whole {
        let image = problems.check(path, ImageReference::parse(text))?;
        if image.digest().is_some() {
            problems.add(path, "found a digest; expected a tag or none");
            return None;
        }
        return Some(CacheName::Image(image));
    }
    let (repository, tag) = match text.split_once(':') {
        Some((repository, tag)) => (repository, Some(problems.check(path, Tag::parse(tag))?)),
        None => (text, None),
    };
    let repository = problems.check(path, EcrRepositoryName::parse(repository))?;
    Some(CacheName::Repository(repository, tag))
}

impl NamedCache {
    /// The same cache with the layers of all stages.
    #[must_use]
    pub fn of_all_stages(mut self) -> Self {
        self.cache.options = self.cache.options.with_default("mode", "max");
        self
    }

    /// The cache, by the host name of `registry`. Nothing, and a noted problem, where it is in
    /// another account or region: the step's credential is for this one.
    pub fn in_registry(self, registry: &EcrRegistry, problems: &mut Problems) -> Option<Cache> {
        let Self { mut cache, image } = self;
        if let Some(name) = image {
            let image = name.in_registry(&cache.setting, registry, problems)?;
            cache.options = cache.options.with("ref", image.to_string());
        }
        Some(cache)
    }
}

impl CacheName {
    fn in_registry(
        self,
        setting: &str,
        registry: &EcrRegistry,
        problems: &mut Problems,
    ) -> Option<ImageReference> {
        let (repository, tag) = match self {
            Self::Repository(repository, tag) => (repository.into(), tag),
            Self::Image(image) => {
                let same = EcrRegistry::from_host(image.registry()).is_some_and(|other| {
                    other.account() == registry.account() && other.region() == registry.region()
                });
                if !same {
                    problems.add(
                        setting,
                        format_args!(
                            "{} is another registry; expected a repository of {registry}",
                            image.registry()
                        ),
                    );
                    return None;
                }
                (image.repository().clone(), image.tag().cloned())
            }
        };
        let image = ImageReference::new(registry.host().clone(), repository);
        Some(match tag {
            Some(tag) => image.with_tag(tag),
            None => image,
        })
    }
}

impl Cache {
    /// The cache that an image of the step's registry holds.
    pub fn of_image(setting: &str, image: &ImageReference) -> Self {
        Self {
            setting: setting.to_owned(),
            options: CacheOptions::of_image(&image.to_string()),
        }
    }

    /// The image that holds it, where it is in a registry.
    pub fn image(&self) -> Option<ImageReference> {
        match self.options.kind() {
            "registry" => ImageReference::parse(self.options.get("ref")?).ok(),
            _ => None,
        }
    }

    /// Whether the engine can use the cache. Where it cannot, that is noted.
    pub(crate) fn is_supported(
        &self,
        export: bool,
        not_applicable: &mut Vec<NotApplicable>,
    ) -> bool {
        let kind = self.options.kind();
        let supported = supports(feature::of_cache(kind, export));
        if !supported {
            let reason = match kind {
                "registry" if export => {
                    "the engine does not write a cache to a registry".to_owned()
                }
                "registry" => "the engine does not take layers from a registry".to_owned(),
                kind => format!("the engine has no caches of the type {kind}"),
            };
            not_applicable.push(NotApplicable {
                setting: self.setting.clone(),
                reason,
            });
        }
        supported
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

    type Parse = fn(&str, &str, &mut Problems) -> Option<NamedCache>;

    fn read(parse: Parse, text: &str) -> Result<String, Vec<String>> {
        let mut problems = Problems::default();
        let registry = EcrRegistry::parse(HOST).unwrap();
        let cache = parse("cache", text, &mut problems)
            .and_then(|cache| cache.in_registry(&registry, &mut problems));
        match cache {
            Some(cache) => Ok(cache.options.to_string()),
            None => Err(problems.lines().to_vec()),
        }
    }

    #[test]
    fn a_repository_is_completed_with_the_registry() {
        for (text, image) in [
            ("app/cache", "app/cache"),
            ("app/cache:v1", "app/cache:v1"),
            (&format!("{HOST}/app/cache:v1"), "app/cache:v1"),
            ("type=registry,ref=app/cache:v1", "app/cache:v1"),
        ] {
            let found = read(parse_import, text);
            assert_eq!(found, Ok(format!("type=registry,ref={HOST}/{image}")));
        }
    }

    #[test]
    fn a_registry_cache_is_written_as_ecr_takes_it() {
        let oci = "image-manifest=true";
        for (text, written) in [
            ("app", format!("{oci},oci-mediatypes=true,ref={HOST}/app")),
            (
                "type=registry,ref=app,mode=max,ignore-error=false",
                format!("ignore-error=false,{oci},mode=max,oci-mediatypes=true,ref={HOST}/app"),
            ),
            (
                "type=registry,ref=app,oci-mediatypes=false",
                format!("oci-mediatypes=false,ref={HOST}/app"),
            ),
        ] {
            let found = read(parse_export, text);
            assert_eq!(found, Ok(format!("type=registry,{written}")));
        }
    }

    #[test]
    fn other_types_are_left_as_they_are() {
        for text in [
            "type=inline",
            "type=local,dest=team/app",
            "type=gha,scope=main",
        ] {
            assert_eq!(read(parse_export, text), Ok(text.to_owned()));
        }
    }

    #[test]
    fn another_endpoint_of_the_same_registry_becomes_this_one() {
        let fips = "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com/app/cache";
        assert_eq!(
            read(parse_import, fips),
            Ok(format!("type=registry,ref={HOST}/app/cache"))
        );
    }

    #[test]
    fn other_registries_are_refused() {
        for host in [
            "docker.io",
            "210987654321.dkr.ecr.us-east-1.amazonaws.com",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        ] {
            assert_eq!(
                read(parse_export, &format!("{host}/app/cache")),
                Err(vec![format!(
                    "cache: {host} is another registry; expected a repository of {HOST}"
                )])
            );
        }
    }

    #[test]
    fn what_is_no_cache_is_refused() {
        for (text, problem) in [
            (
                "type=local,dest=/tmp",
                "cache: invalid cache \"/tmp\": found '/' at character 1; expected dest= and a \
                 folder within the operator's folder for caches, such as team/app",
            ),
            (
                "type=registry",
                "cache: invalid cache \"ref\": found the end at character 4; expected ref= and \
                 where the cache is",
            ),
            (
                &format!("team/app@sha256:{}", "0".repeat(64)),
                "cache: invalid repository name",
            ),
        ] {
            let found = read(parse_export, text).unwrap_err();
            assert!(
                found.len() == 1 && found[0].starts_with(problem),
                "{found:?}"
            );
        }
    }
}
