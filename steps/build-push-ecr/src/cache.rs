//! Where cached layers are: `remoteCacheImage`, `cacheFrom` and `cacheTo`.

use stepyard_sdk::{
    grammar::{EcrRegistry, EcrRepositoryName, ImageReference, Tag},
    setting::Problems,
};

use crate::report::NotApplicable;

/// An image that holds cached layers, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheName {
    /// A repository of the registry that the step pushes to, with or without a tag.
    Repository(EcrRepositoryName, Option<Tag>),
    /// A whole reference.
    Image(ImageReference),
}

/// Attributes of BuildKit's notation that say how the cache is stored, which the engine decides.
const ENGINE_DECIDES: [&str; 4] = ["mode", "image-manifest", "oci-mediatypes", "compression"];

/// Reads `repository`, `repository:tag`, a whole reference, or BuildKit's
/// `type=registry,ref=<one of these>`. Nothing, and a noted problem, where it is none.
pub fn parse(
    path: &str,
    text: &str,
    problems: &mut Problems,
    not_applicable: &mut Vec<NotApplicable>,
) -> Option<CacheName> {
    if !text.contains('=') {
        return parse_image(path, text, problems);
    }
    let mut reference = None;
    let mut valid = true;
    for attribute in text.split(',') {
        let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        match name {
            "type" if value == "registry" => {}
            "ref" => reference = Some(value),
            _ if ENGINE_DECIDES.contains(&name) => not_applicable.push(NotApplicable {
                setting: path.to_owned(),
                reason: format!("{attribute}: the engine decides how the cache is stored"),
            }),
            _ => {
                valid = false;
                problems.add(
                    path,
                    format_args!("found {attribute:?}; expected type=registry,ref=<an image>"),
                );
            }
        }
    }
    let Some(reference) = reference else {
        if valid {
            problems.add(path, "no ref; expected type=registry,ref=<an image>");
        }
        return None;
    };
    parse_image(path, reference, problems).filter(|_| valid)
}

fn parse_image(path: &str, text: &str, problems: &mut Problems) -> Option<CacheName> {
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

impl CacheName {
    /// The reference, by the host name of `registry`. Nothing, and a noted problem, where it is in
    /// another account or region: the step's credential is for this one.
    pub fn in_registry(
        &self,
        path: &str,
        registry: &EcrRegistry,
        problems: &mut Problems,
    ) -> Option<ImageReference> {
        let (repository, tag) = match self {
            Self::Repository(repository, tag) => (repository.clone().into(), tag.clone()),
            Self::Image(image) => {
                let same = EcrRegistry::from_host(image.registry()).is_some_and(|other| {
                    other.account() == registry.account() && other.region() == registry.region()
                });
                if !same {
                    problems.add(
                        path,
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

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

    fn read(text: &str) -> Result<String, Vec<String>> {
        let mut problems = Problems::default();
        let registry = EcrRegistry::parse(HOST).unwrap();
        let image = parse("cacheTo", text, &mut problems, &mut Vec::new())
            .and_then(|name| name.in_registry("cacheTo", &registry, &mut problems));
        match image {
            Some(image) => Ok(image.to_string()),
            None => Err(problems.lines().to_vec()),
        }
    }

    #[test]
    fn a_repository_is_completed_with_the_registry() {
        for (text, image) in [
            ("app/cache", format!("{HOST}/app/cache")),
            ("app/cache:v1", format!("{HOST}/app/cache:v1")),
            (
                &format!("{HOST}/app/cache:v1"),
                format!("{HOST}/app/cache:v1"),
            ),
            (
                "type=registry,ref=app/cache:v1",
                format!("{HOST}/app/cache:v1"),
            ),
        ] {
            assert_eq!(read(text), Ok(image));
        }
    }

    #[test]
    fn another_endpoint_of_the_same_registry_becomes_this_one() {
        assert_eq!(
            read("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com/app/cache"),
            Ok(format!("{HOST}/app/cache"))
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
                read(&format!("{host}/app/cache")),
                Err(vec![format!(
                    "cacheTo: {host} is another registry; expected a repository of {HOST}"
                )])
            );
        }
    }

    #[test]
    fn other_kinds_of_cache_are_refused() {
        assert_eq!(
            read("type=local,dest=/tmp"),
            Err(vec![
                "cacheTo: found \"type=local\"; expected type=registry,ref=<an image>".to_owned(),
                "cacheTo: found \"dest=/tmp\"; expected type=registry,ref=<an image>".to_owned(),
            ])
        );
        assert_eq!(
            read("type=registry"),
            Err(vec![
                "cacheTo: no ref; expected type=registry,ref=<an image>".to_owned()
            ])
        );
    }

    #[test]
    fn what_the_engine_decides_is_reported() {
        let mut reported = Vec::new();
        let name = parse(
            "cacheTo",
            "type=registry,ref=app/cache,mode=max",
            &mut Problems::default(),
            &mut reported,
        );
        assert!(matches!(name, Some(CacheName::Repository(_, None))));
        assert_eq!(
            reported.first().map(ToString::to_string).as_deref(),
            Some("cacheTo (mode=max: the engine decides how the cache is stored)")
        );
    }
}
