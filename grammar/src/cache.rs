//! Where a build's cached layers are, in the notation of BuildKit's clients.

use std::collections::BTreeMap;
use std::fmt;

use crate::GrammarError;

/// What an attribute that belongs to another type is told to be.
const KINDS: &str = "registry, inline, local, s3, gha, azblob or another type";

/// A cache to take layers from or to keep them in: `type=registry,ref=…,mode=max`, or an image
/// alone, which is short for `type=registry,ref=IMAGE`.
///
/// Attributes that say how a cache is stored are checked for every type, and so is which
/// attributes `registry`, `inline` and `local` have. The attributes of other types are what the
/// engine understands. A reference is a text here: see [`crate::ImageReference`].
///
/// No error repeats the value of an attribute that [holds a credential](Self::is_credential).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheOptions {
    kind: String,
    attributes: BTreeMap<String, String>,
}

/// Which way layers go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Import,
    Export,
}

impl CacheOptions {
    /// Reads a cache to take layers from.
    ///
    /// # Errors
    /// If the text does not follow the notation, an attribute has a value that it cannot have, or
    /// one is missing or is not the type's.
    pub fn parse_import(text: &str) -> Result<Self, GrammarError> {
        Self::parse(text, Direction::Import)
    }

    /// Reads a cache to keep layers in.
    ///
    /// # Errors
    /// As [`Self::parse_import`].
    pub fn parse_export(text: &str) -> Result<Self, GrammarError> {
        Self::parse(text, Direction::Export)
    }

    fn parse(text: &str, direction: Direction) -> Result<Self, GrammarError> {
        if !text.contains('=') {
            check_value("ref", text)?;
            if let Some(comma) = text.find(',') {
                return Err(error(
                    text,
                    comma,
                    "an image alone, or type= and attributes",
                ));
            }
            return Ok(Self::of_image(text));
        }
        let mut attributes = BTreeMap::new();
        for attribute in text.split(',') {
            let Some((name, value)) = attribute.split_once('=') else {
                return Err(error(attribute, attribute.len(), "a '=' and a value"));
            };
            check_name(name)?;
            check_value(name, value)?;
            if attributes
                .insert(name.to_owned(), value.to_owned())
                .is_some()
            {
                return Err(error(name, 0, "each attribute once"));
            }
        }
        let Some(kind) = attributes.remove("type") else {
            return Err(error("type", 4, format!("type= and {KINDS}")));
        };
        let options = Self { kind, attributes };
        options.check(direction)?;
        Ok(options)
    }

    fn check(&self, direction: Direction) -> Result<(), GrammarError> {
        const STORED: [&str; 7] = [
            "mode",
            "image-manifest",
            "oci-mediatypes",
            "compression",
            "compression-level",
            "force-compression",
            "ignore-error",
        ];
        let (place, others): (Option<&str>, &[&str]) = match (self.kind.as_str(), direction) {
            ("registry", Direction::Import) => (Some("ref"), &[]),
            ("registry", Direction::Export) => (Some("ref"), &STORED),
            ("local", Direction::Import) => (Some("src"), &["digest", "tag"]),
            ("local", Direction::Export) => (Some("dest"), &STORED),
            ("inline", Direction::Export) => (None, &[]),
            ("inline", Direction::Import) => {
                return Err(error("inline", 0, "type=registry and the image in ref"));
            }
            (kind, _) => {
                let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
                return match kind.bytes().position(|byte| !word(byte)) {
                    Some(offset) => Err(error(kind, offset, KINDS)),
                    None if kind.is_empty() => Err(error("type=", 5, KINDS)),
                    None => Ok(()),
                };
            }
        };
        if let Some(place) = place {
            let Some(value) = self.get(place) else {
                let expected = format!("{place}= and where the cache is");
                return Err(error(place, place.len(), expected));
            };
            if self.kind == "local" {
                check_local_name(place, value)?;
            }
        }
        for name in self.attributes.keys().map(String::as_str) {
            if Some(name) != place && !others.contains(&name) {
                let known: Vec<&str> = place.into_iter().chain(others.iter().copied()).collect();
                let expected = match known.as_slice() {
                    [] => format!("no attribute of the type {}", self.kind),
                    known => format!(
                        "an attribute of the type {}: {}",
                        self.kind,
                        known.join(", ")
                    ),
                };
                return Err(error(name, 0, expected));
            }
        }
        Ok(())
    }

    /// The cache that an image holds: `type=registry,ref=IMAGE`. Nothing is checked.
    pub fn of_image(image: &str) -> Self {
        Self {
            kind: "registry".to_owned(),
            attributes: BTreeMap::from([("ref".to_owned(), image.to_owned())]),
        }
    }

    /// The cache that the built image itself holds: `type=inline`.
    pub fn inline() -> Self {
        Self {
            kind: "inline".to_owned(),
            attributes: BTreeMap::new(),
        }
    }

    /// The type: `registry`, `inline`, `local` or another.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// The attributes without the type, by name.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The same options with an attribute set. Nothing is checked.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.attributes.insert(name.to_owned(), value.into());
        self
    }

    /// The same options with an attribute set where it is not. Nothing is checked.
    #[must_use]
    pub fn with_default(self, name: &str, value: &str) -> Self {
        match self.get(name) {
            Some(_) => self,
            None => self.with(name, value),
        }
    }

    /// Whether an attribute of this name is a credential, such as `secret_access_key` or `token`.
    pub fn is_credential(name: &str) -> bool {
        ["secret", "token", "password", "access_key", "account_key"]
            .iter()
            .any(|part| name.contains(part))
    }

    /// Where a cache is that is in no registry and in no image, in one line without credentials:
    /// `local NAME`, or the type and its attributes.
    pub fn place(&self) -> Option<String> {
        match self.kind.as_str() {
            "registry" | "inline" => None,
            "local" => {
                let name = self.get("src").or_else(|| self.get("dest"))?;
                Some(format!("local {name}"))
            }
            kind => {
                let open = self.attributes().filter(|(name, _)| {
                    !Self::is_credential(name) && !matches!(*name, "mode" | "ignore-error")
                });
                let attributes: String = open
                    .map(|(name, value)| format!(",{name}={value}"))
                    .collect();
                Some(format!("type={kind}{attributes}"))
            }
        }
    }
}

/// The notation, with the type first.
impl fmt::Display for CacheOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "type={}", self.kind)?;
        self.attributes()
            .try_for_each(|(name, value)| write!(formatter, ",{name}={value}"))
    }
}

fn check_name(name: &str) -> Result<(), GrammarError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let expected = "the name of an attribute: letters, digits, '-', '_' or '.'";
    match name.bytes().position(|byte| !allowed(byte)) {
        Some(offset) => Err(error(name, offset, expected)),
        None if name.is_empty() => Err(error(name, 0, expected)),
        None => Ok(()),
    }
}

/// A local cache is a folder within one that the operator keeps for caches.
fn check_local_name(attribute: &str, name: &str) -> Result<(), GrammarError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let outside =
        |segment: &str| matches!(segment, "" | "." | "..") || !segment.bytes().all(allowed);
    if name.len() <= 255 && !name.split('/').any(outside) {
        return Ok(());
    }
    let expected = format!(
        "{attribute}= and a folder within the operator's folder for caches, such as team/app"
    );
    Err(error(name, 0, expected))
}

fn check_value(name: &str, value: &str) -> Result<(), GrammarError> {
    if CacheOptions::is_credential(name) {
        let printable = !value.is_empty() && !value.chars().any(char::is_control);
        return if printable {
            Ok(())
        } else {
            Err(error(name, name.len(), "'=' and a secret"))
        };
    }
    let refuse = |expected: &'static str| Err(error(value, 0, format!("{name}= and {expected}")));
    let one_of = |values: &[&str], expected| {
        if values.contains(&value) {
            Ok(())
        } else {
            refuse(expected)
        }
    };
    match name {
        "mode" => one_of(&["min", "max"], "min or max"),
        "image-manifest" | "oci-mediatypes" | "force-compression" | "ignore-error" => {
            one_of(&["true", "false"], "true or false")
        }
        "compression" => one_of(
            &["gzip", "zstd", "estargz", "uncompressed"],
            "gzip, zstd, estargz or uncompressed",
        ),
        "compression-level" if !value.parse().is_ok_and(|level: u8| level <= 22) => {
            refuse("a number from 0 to 22")
        }
        _ => {
            let refused = |character: char| character.is_control() || "\"' \\".contains(character);
            match value.char_indices().find(|(_, found)| refused(*found)) {
                Some((offset, _)) => Err(error(
                    value,
                    offset,
                    "no blank, quote, backslash or control character",
                )),
                None if value.is_empty() => refuse("a value"),
                None => Ok(()),
            }
        }
    }
}

fn error(
    text: &str,
    offset: usize,
    expected: impl Into<std::borrow::Cow<'static, str>>,
) -> GrammarError {
    GrammarError::at("cache", text, offset, expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::HOSTILE;

    #[test]
    fn an_image_alone_is_a_registry_cache() {
        let options = CacheOptions::parse_export("team/cache:main").unwrap();
        assert_eq!(options.to_string(), "type=registry,ref=team/cache:main");
        assert_eq!(options.place(), None);
    }

    #[test]
    fn the_notation_of_the_clients_is_read() {
        for text in [
            "type=registry,image-manifest=true,mode=max,oci-mediatypes=true,ref=a/b:c",
            "type=registry,compression=zstd,compression-level=3,force-compression=true,ref=a",
            "type=registry,ignore-error=false,ref=a",
            "type=local,dest=team",
            "type=inline",
            "type=s3,bucket=b,name=n,region=eu-west-1",
            "type=gha,scope=main",
        ] {
            assert_eq!(CacheOptions::parse_export(text).unwrap().to_string(), text);
        }
        for text in ["type=registry,ref=a@sha256:0", "type=local,src=team,tag=x"] {
            assert_eq!(CacheOptions::parse_import(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, problem) in [
            (
                "ref=a",
                r#"invalid cache "type": found the end at character 5, expected type= and registry, inline, local, s3, gha, azblob or another type"#,
            ),
            (
                "type=registry,mode=max",
                r#"invalid cache "ref": found the end at character 4, expected ref= and where the cache is"#,
            ),
            (
                "type=registry,ref=a,mode=all",
                r#"invalid cache "all": found 'a' at character 1, expected mode= and min or max"#,
            ),
            (
                "type=registry,ref=a,registry.insecure=true",
                r#"invalid cache "registry.insecure": found 'r' at character 1, expected an attribute of the type registry: ref, mode, image-manifest, oci-mediatypes, compression, compression-level, force-compression, ignore-error"#,
            ),
            (
                "type=inline,ref=a",
                r#"invalid cache "ref": found 'r' at character 1, expected no attribute of the type inline"#,
            ),
            (
                "type=local,dest=/tmp/cache",
                r#"invalid cache "/tmp/cache": found '/' at character 1, expected dest= and a folder within the operator's folder for caches, such as team/app"#,
            ),
            (
                "type=local,src=a",
                r#"invalid cache "dest": found the end at character 5, expected dest= and where the cache is"#,
            ),
            (
                "type=registry,ref=a,ref=b",
                r#"invalid cache "ref": found 'r' at character 1, expected each attribute once"#,
            ),
            (
                "type=registry,ref",
                r#"invalid cache "ref": found the end at character 4, expected a '=' and a value"#,
            ),
        ] {
            let found = CacheOptions::parse_export(text).unwrap_err().to_string();
            assert_eq!(found, problem, "{text}");
        }
        assert_eq!(
            CacheOptions::parse_import("type=inline")
                .unwrap_err()
                .to_string(),
            r#"invalid cache "inline": found 'i' at character 1, expected type=registry and the image in ref"#
        );
    }

    #[test]
    fn refuses_texts_that_could_be_read_otherwise() {
        for value in HOSTILE.iter().filter(|text| {
            text.is_empty() || text.contains([' ', '\\']) || text.contains(char::is_control)
        }) {
            let text = format!("type=s3,bucket={value}");
            assert!(CacheOptions::parse_import(&text).is_err(), "{text:?}");
        }
        for text in [
            "type=../x",
            "type=",
            "type=S3",
            "=",
            "a b=c",
            "type=s3,\"a=b\"",
            "",
            "type=local,dest=a/../b",
        ] {
            assert!(CacheOptions::parse_export(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_credential_is_shown_nowhere() {
        let text = "type=s3,bucket=b,secret_access_key=hunter2,mode=max";
        let options = CacheOptions::parse_export(text).unwrap();
        assert_eq!(options.place().as_deref(), Some("type=s3,bucket=b"));
        for text in [
            "type=s3,bucket=b,mode=x,secret_access_key=hunter2",
            "type=s3,secret_access_key=hunter2\n",
            "type=s3,token=hunter2,token=hunter2",
            "token=hunter2",
        ] {
            let error = CacheOptions::parse_export(text).unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
