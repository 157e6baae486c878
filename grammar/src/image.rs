//! References to images.

use std::{fmt, str::FromStr};

use crate::{Digest, GrammarError, RegistryHost, RepositoryName, Tag};

/// A reference to an image: a registry, a repository, and a tag, a digest, both or neither.
///
/// A repository of Docker Hub with one segment is written as it is stored there, below `library`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageReference {
    registry: RegistryHost,
    repository: RepositoryName,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

const SUBJECT: &str = "image reference";

impl ImageReference {
    /// A reference without tag and digest.
    pub fn new(registry: RegistryHost, repository: RepositoryName) -> Self {
        let official = registry.is_docker_hub() && repository.segments().nth(1).is_none();
        let repository = match repository.prefixed("library") {
            Ok(prefixed) if official => prefixed,
            _ => repository,
        };
        Self {
            registry,
            repository,
            tag: None,
            digest: None,
        }
    }

    /// Reads a reference that names its registry: `registry/repository[:tag][@digest]`.
    ///
    /// # Errors
    /// If the registry is missing or a part does not follow its grammar.
    pub fn parse(text: &str) -> Result<Self, GrammarError> {
        match text.split_once('/') {
            Some((registry, rest)) if RegistryHost::is_meant_by(registry) => {
                let registry =
                    RegistryHost::parse(registry).map_err(|error| error.within(text, 0))?;
                Self::parse_rest(text, registry, rest)
            }
            _ => Err(GrammarError::found(
                SUBJECT,
                text,
                0,
                "no registry",
                "registry/repository, such as docker.io/library/busybox",
            )),
        }
    }

    /// Reads a reference as people write it for Docker, where no registry means Docker Hub:
    /// `busybox` is `docker.io/library/busybox`.
    ///
    /// # Errors
    /// If a part does not follow its grammar, or if the text is an image's bare identifier.
    pub fn parse_familiar(text: &str) -> Result<Self, GrammarError> {
        if text.len() == 64
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        {
            return Err(GrammarError::found(
                SUBJECT,
                text,
                0,
                "64 hexadecimal digits",
                "a repository's name, with @sha256: before a digest",
            ));
        }
        match text.split_once('/') {
            Some((registry, _)) if RegistryHost::is_meant_by(registry) => Self::parse(text),
            _ => Self::parse_rest(text, RegistryHost::docker_hub(), text),
        }
    }

    /// Reads `rest`, the end of `text`, as `repository[:tag][@digest]`.
    fn parse_rest(text: &str, registry: RegistryHost, rest: &str) -> Result<Self, GrammarError> {
        let start = text.len() - rest.len();
        let (named, digest) = match rest.split_once('@') {
            Some((named, digest)) => {
                let parsed = Digest::parse(digest)
                    .map_err(|error| error.within(text, text.len() - digest.len()))?;
                (named, Some(parsed))
            }
            None => (rest, None),
        };
        let (repository, tag) = match named.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => {
                let parsed = Tag::parse(tag)
                    .map_err(|error| error.within(text, start + repository.len() + 1))?;
                (repository, Some(parsed))
            }
            _ => (named, None),
        };
        let repository =
            RepositoryName::parse(repository).map_err(|error| error.within(text, start))?;
        Ok(Self {
            tag,
            digest,
            ..Self::new(registry, repository)
        })
    }

    /// The registry's host.
    pub fn registry(&self) -> &RegistryHost {
        &self.registry
    }

    /// The repository in the registry.
    pub fn repository(&self) -> &RepositoryName {
        &self.repository
    }

    /// The tag.
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// The digest of the manifest.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same with `tag` for a tag.
    #[must_use]
    pub fn with_tag(self, tag: Tag) -> Self {
        Self {
            tag: Some(tag),
            ..self
        }
    }

    /// The same with `digest` for a digest.
    #[must_use]
    pub fn with_digest(self, digest: Digest) -> Self {
        Self {
            digest: Some(digest),
            ..self
        }
    }

    /// The same without a tag.
    #[must_use]
    pub fn without_tag(self) -> Self {
        Self { tag: None, ..self }
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for ImageReference {
    type Err = GrammarError;

    /// As [`ImageReference::parse`]: the registry is required.
    fn from_str(text: &str) -> Result<Self, GrammarError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::HOSTILE;

    fn digest() -> String {
        format!("sha256:{}", "ab".repeat(32))
    }

    #[test]
    fn parses_qualified_references() {
        let digest = digest();
        for text in [
            "registry.example.com/team/app".to_owned(),
            "registry.example.com/team/app:1.0".to_owned(),
            format!("registry.example.com/app:1.0@{digest}"),
            format!("localhost/app@{digest}"),
            "registry:5000/app".to_owned(),
            "[::1]:5000/app:x".to_owned(),
            "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app:1".to_owned(),
        ] {
            let reference = ImageReference::parse(&text).unwrap();
            assert_eq!(reference.to_string(), text);
            assert_eq!(ImageReference::parse_familiar(&text).unwrap(), reference);
        }
        let reference = ImageReference::parse("localhost:5000/a/b:5000").unwrap();
        assert_eq!(reference.registry().as_str(), "localhost:5000");
        assert_eq!(reference.repository().as_str(), "a/b");
        assert_eq!(reference.tag().unwrap().as_str(), "5000");
        assert_eq!(reference.digest(), None);
    }

    #[test]
    fn parses_familiar_references() {
        let digest = digest();
        for (text, full) in [
            ("busybox".to_owned(), "docker.io/library/busybox".to_owned()),
            (
                "busybox:1".to_owned(),
                "docker.io/library/busybox:1".to_owned(),
            ),
            (
                format!("busybox@{digest}"),
                format!("docker.io/library/busybox@{digest}"),
            ),
            (
                "grafana/grafana".to_owned(),
                "docker.io/grafana/grafana".to_owned(),
            ),
            (
                "docker.io/busybox".to_owned(),
                "docker.io/library/busybox".to_owned(),
            ),
            (
                "index.docker.io/library/busybox".to_owned(),
                "docker.io/library/busybox".to_owned(),
            ),
            ("localhost/app".to_owned(), "localhost/app".to_owned()),
            ("a/b/c".to_owned(), "docker.io/a/b/c".to_owned()),
        ] {
            let reference = ImageReference::parse_familiar(&text).unwrap();
            assert_eq!(reference.to_string(), full);
            assert_eq!(ImageReference::parse(&full).unwrap(), reference);
        }
    }

    #[test]
    fn requires_a_registry_where_strict() {
        for text in ["busybox", "team/app", "busybox:1", "a/b:1"] {
            let error = ImageReference::parse(text).unwrap_err();
            assert!(error.to_string().contains("found no registry"), "{error}");
        }
    }

    #[test]
    fn refuses_what_is_no_reference() {
        let digest = digest();
        let identifier = "a".repeat(64);
        let more = [
            "a.com/",
            "a.com//b",
            "a.com/B",
            "a.com/b:",
            "a.com/b@",
            "a.com/b:t:u",
            "a.com/b:t/u",
            "a.com/../b",
            "https://a.com/b",
            "a.com/b?x",
            "a.com/b:t@sha256:ab",
            "A/b",
            &identifier,
            &format!("a.com/b@{digest}@{digest}"),
            &format!("a.com/b@{digest}:t"),
            "a.com:x/b",
            "user@a.com/b",
        ];
        for text in HOSTILE.iter().copied().chain(more) {
            assert!(ImageReference::parse(text).is_err(), "{text:?}");
            assert!(ImageReference::parse_familiar(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn says_where_in_the_whole_text() {
        let error = ImageReference::parse("a.com/team/App:1").unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid repository name \"a.com/team/App:1\": found 'A' at character 12, expected a lower-case letter or a digit"
        );
        assert_eq!(
            ImageReference::parse("a.com/b:t!").unwrap_err().position(),
            10
        );
        assert_eq!(
            ImageReference::parse("a.com/b@sha256:x")
                .unwrap_err()
                .position(),
            16
        );
    }

    #[test]
    fn changes_tag_and_digest() {
        let reference = ImageReference::parse("a.com/b:1").unwrap();
        assert_eq!(
            reference
                .clone()
                .with_tag(Tag::parse("2").unwrap())
                .to_string(),
            "a.com/b:2"
        );
        assert_eq!(reference.clone().without_tag().to_string(), "a.com/b");
        let pinned = reference.with_digest(Digest::parse(&digest()).unwrap());
        assert_eq!(pinned.to_string(), format!("a.com/b:1@{}", digest()));
    }
}
