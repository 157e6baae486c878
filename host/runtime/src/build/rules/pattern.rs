//! Patterns of images and addresses, in which `*` stands for any characters.

use std::fmt;

use regex::Regex;
use stepyard_grammar::{Digest, ImageReference, RegistryHost};

/// A pattern that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(String);

/// Images of registries: `docker.io/library/alpine:3.20`, `ghcr.io/team/*`. Without a tag and a
/// digest every tag is meant. `*` stands for any characters; within the registry's host for any but
/// `/`.
#[derive(Clone, Debug)]
pub struct ImagePattern {
    text: String,
    /// For what follows `docker-image://`.
    expression: Regex,
}

/// Addresses: `https://github.com/team/*`. It stands for files that `ADD` fetches there, and for Git
/// repositories.
#[derive(Clone, Debug)]
pub struct RemotePattern {
    text: String,
    /// For what follows the scheme.
    expression: String,
    scheme: &'static str,
}

/// A digest behind a tag: the engine adds what it has found to the name that it was given.
const ANY_DIGEST: &str = "(?:@sha256:[0-9a-f]{64})?";
const ANY_TAG: &str = "(?::[^@/]+)?";

impl ImagePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Where it names no registry, or holds what no reference holds.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let fault = |problem: &str| PatternError(format!("`{text}` is no pattern: {problem}"));
        if text.contains("://") {
            return Err(fault("an image has no scheme"));
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => {
                let digest = Digest::parse(digest).map_err(|error| fault(&error.to_string()))?;
                (name, Some(digest))
            }
            None => (text, None),
        };
        let (host, rest) = name.split_once('/').unwrap_or(("", name));
        let is_host = host == "localhost" || host.contains(['.', ':', '*']);
        if !is_host {
            return Err(fault(
                "it does not begin with a registry, such as docker.io/library/alpine",
            ));
        }
        let host = match host.contains('*') {
            true => host.to_owned(),
            false => RegistryHost::parse(host)
                .map_err(|error| fault(&error.to_string()))?
                .to_string(),
        };
        let (repository, tag) = match rest.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (rest, None),
        };
        let is_official = host == "docker.io" && !repository.contains(['/', '*']);
        let repository = match is_official {
            true => format!("library/{repository}"),
            false => repository.to_owned(),
        };
        let in_repository =
            |char: char| char.is_ascii_lowercase() || "0123456789._-/*".contains(char);
        let in_tag = |char: char| char.is_ascii_alphanumeric() || "._-*".contains(char);
        if repository.is_empty() || !repository.chars().all(in_repository) {
            return Err(fault(
                "a repository has lower-case letters, digits, `.`, `_`, `-` and `/`",
            ));
        }
        if tag.is_some_and(|tag| tag.is_empty() || !tag.chars().all(in_tag)) {
            return Err(fault("a tag has letters, digits, `.`, `_` and `-`"));
        }
        let name = format!("{}/{}", starred(&host, "[^/]*"), starred(&repository, ".*"));
        let behind = match (tag, digest) {
            (Some(tag), Some(digest)) => format!(":{}@{digest}", starred(tag, "[^@/]*")),
            (Some(tag), None) => format!(":{}{ANY_DIGEST}", starred(tag, "[^@/]*")),
            (None, Some(digest)) => format!("{ANY_TAG}@{digest}"),
            (None, None) => format!("{ANY_TAG}{ANY_DIGEST}"),
        };
        let expression = format!("^{name}{behind}$");
        let expression = Regex::new(&expression).map_err(|error| fault(&error.to_string()))?;
        Ok(Self {
            text: text.to_owned(),
            expression,
        })
    }

    /// Whether it stands for the image.
    pub fn matches(&self, image: &ImageReference) -> bool {
        self.expression.is_match(&image.to_string())
    }

    /// As a regular expression (RE2) for an image's full name.
    pub(in crate::build) fn expression(&self) -> &str {
        let expression = self.expression.as_str();
        let expression = expression.strip_prefix('^').unwrap_or(expression);
        expression.strip_suffix('$').unwrap_or(expression)
    }
}

impl RemotePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Where it is no address of the schemes `http` and `https`.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let fault = |problem: &str| PatternError(format!("`{text}` is no pattern: {problem}"));
        let schemes = ["https", "http"];
        let found = schemes.into_iter().find_map(|scheme| {
            let rest = text.strip_prefix(scheme)?.strip_prefix("://")?;
            Some((scheme, rest))
        });
        let (scheme, rest) = found.ok_or_else(|| {
            fault("it does not begin with https:// or http://, which also stand for Git")
        })?;
        let (host, path) = rest
            .split_once('/')
            .ok_or_else(|| fault("it has no path; write /* for all of a host"))?;
        if host.is_empty() || host.contains('@') || text.chars().any(char::is_whitespace) {
            return Err(fault("expected a host, without a user name"));
        }
        Ok(Self {
            text: text.to_owned(),
            expression: format!("{}/{}", starred(host, "[^/@]*"), starred(path, ".*")),
            scheme,
        })
    }

    /// As regular expressions (RE2) for identifiers of the sources `http` and `git`. The latter have
    /// no scheme of their own, and a branch behind them.
    pub(in crate::build) fn expressions(&self) -> [String; 2] {
        let expression = &self.expression;
        [
            format!("{}://{expression}", self.scheme),
            format!("git://{expression}(?:#.*)?"),
        ]
    }
}

/// `text` as a regular expression, in which `*` became `any`.
fn starred(text: &str, any: &str) -> String {
    let parts: Vec<String> = text.split('*').map(regex::escape).collect();
    parts.join(any)
}

macro_rules! as_text {
    ($($pattern:ty),*) => {$(
        impl fmt::Display for $pattern {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.text)
            }
        }

        impl PartialEq for $pattern {
            fn eq(&self, other: &Self) -> bool {
                self.text == other.text
            }
        }

        impl Eq for $pattern {}
    )*};
}

as_text!(ImagePattern, RemotePattern);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_for_the_images_that_it_names() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let of_digest = format!("ghcr.io/team/app@{digest}");
        let with_tag = format!("ghcr.io/team/app:1@{digest}");
        for (pattern, image, expected) in [
            ("docker.io/library/alpine", "alpine:3.20", true),
            ("docker.io/alpine", "alpine", true),
            ("docker.io/alpine:3.20", "alpine:3.20", true),
            ("docker.io/alpine:3.20", "alpine:3.21", false),
            ("docker.io/alpine:3.*", "alpine:3.21", true),
            ("docker.io/alpine", "docker.io/evil/alpine", false),
            ("docker.io/alpine", "alpine-edge", false),
            ("ghcr.io/team/*", "ghcr.io/team/a/b:1", true),
            ("ghcr.io/team/*", "ghcr.io/teams/a", false),
            ("ghcr.io/team/*", "ghcr.io.evil.test/team/a", false),
            ("ghcr.io/team/*", "evil.test/ghcr.io/team/a", false),
            ("*.ghcr.io/team/a", "evil.test/x.ghcr.io/team/a", false),
            ("*.ghcr.io/team/a", "eu.ghcr.io/team/a", true),
            ("ghcr.io/team/app", &of_digest, true),
            ("ghcr.io/team/app:1", &with_tag, true),
            ("ghcr.io/team/app:1", &of_digest, false),
            (&of_digest, &of_digest, true),
            (&of_digest, &with_tag, true),
            (&of_digest, "ghcr.io/team/app:1", false),
            ("localhost:5000/app", "localhost:5000/app:1", true),
        ] {
            let image = ImageReference::parse_familiar(image).unwrap();
            // The engine looks at the name with the tag that is meant.
            let image = match (image.tag(), image.digest()) {
                (None, None) => ImageReference::parse(&format!("{image}:latest")).unwrap(),
                _ => image,
            };
            let found = ImagePattern::parse(pattern).unwrap().matches(&image);
            assert_eq!(found, expected, "{pattern} and {image}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_an_error() {
        for text in [
            "",
            "alpine",
            "library/alpine",
            "https://ghcr.io/a",
            "ghcr.io/",
            "ghcr.io/A",
            "ghcr.io/a:",
            "ghcr.io/a b",
            "ghcr.io/a@sha256:1",
            "ghcr.io/a:1/b",
        ] {
            assert!(ImagePattern::parse(text).is_err(), "{text:?}");
        }
        for text in [
            "",
            "github.com/a",
            "ssh://github.com/a",
            "https://github.com",
            "https://a@b/c",
        ] {
            assert!(RemotePattern::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_address_stands_for_files_and_git_repositories() {
        let pattern = RemotePattern::parse("https://github.com/team/*").unwrap();
        let matches = |identifier: &str| {
            pattern.expressions().iter().any(|expression| {
                let expression = format!("^(?:{expression})$");
                Regex::new(&expression).unwrap().is_match(identifier)
            })
        };
        for (identifier, expected) in [
            ("https://github.com/team/file", true),
            ("git://github.com/team/app.git#main:sub", true),
            ("http://github.com/team/file", false),
            ("https://github.com.evil.test/team/file", false),
            ("https://github.com@evil.test/team/file", false),
            ("https://evil.test/github.com/team/file", false),
        ] {
            assert_eq!(matches(identifier), expected, "{identifier}");
        }
    }
}
