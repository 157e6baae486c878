//! Texts: names, amounts, expressions, rules.

use std::fmt::{Debug, Display};

use stepyard::audit::AuditLine;
use stepyard::build::{ImagePattern, RemotePattern};
use stepyard::document::render_plain;
use stepyard::expression::Template;
use stepyard::policy::CedarPolicy;
use stepyard_build_context::{BaseImages, IgnoreRules, StagesBuilt};
use stepyard_grammar::{
    CacheOptions, Compression, CpuQuantity, Digest, EcrRegistry, EcrRepositoryName, ImageReference,
    MemoryQuantity, RegistryHost, RepositoryName, StepIdentifier, StepTimeout, Tag,
};

/// What is read is written so that it is read again as the same.
fn round_trip<T, E>(text: &str, parse: impl Fn(&str) -> Result<T, E>) -> Option<T>
where
    T: Display + PartialEq + Debug,
    E: Display + Debug,
{
    match parse(text) {
        Ok(value) => {
            let written = value.to_string();
            let again = parse(&written);
            assert!(
                again.as_ref().is_ok_and(|again| *again == value),
                "{text:?} is {value:?}, written {written:?}, which is {again:?}"
            );
            Some(value)
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

pub(crate) fn reference(input: &[u8]) {
    let text = &*String::from_utf8_lossy(input);
    let reference = round_trip(text, ImageReference::parse);
    round_trip(text, ImageReference::parse_familiar);
    round_trip(text, RegistryHost::parse);
    round_trip(text, RepositoryName::parse);
    round_trip(text, EcrRepositoryName::parse);
    round_trip(text, Tag::parse);
    round_trip(text, Digest::parse);
    round_trip(text, StepIdentifier::parse);
    if let Ok(registry) = EcrRegistry::parse(text) {
        let host = registry.host();
        assert!(EcrRegistry::from_host(host).is_some(), "{text:?}");
    }
    if let Some(reference) = reference {
        let is_printable = |char: char| char.is_ascii_graphic();
        assert!(reference.to_string().chars().all(is_printable), "{text:?}");
    }
}

pub(crate) fn amount(input: &[u8]) {
    let text = &*String::from_utf8_lossy(input);
    round_trip(text, MemoryQuantity::parse);
    round_trip(text, CpuQuantity::parse);
    round_trip(text, StepTimeout::parse);
    round_trip(text, Compression::parse);
    round_trip(text, CacheOptions::parse_import);
    round_trip(text, CacheOptions::parse_export);
}

pub(crate) fn expression(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match Template::parse(&text) {
        Ok(template) => assert!(!format!("{template:?}").is_empty()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A pattern is one regular expression, and stands for nothing of another host.
pub(crate) fn image_pattern(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let _ = RemotePattern::parse(&text);
    let Ok(pattern) = ImagePattern::parse(&text) else {
        return;
    };
    assert_eq!(pattern.to_string(), text);
    let (host, _) = text.split_once('/').unwrap_or_default();
    if !host.contains('*') {
        let other = ImageReference::parse("evil.test/library/alpine:3.20");
        let stands_for = other.is_ok_and(|other| pattern.matches(&other));
        assert!(
            !stands_for || host.eq_ignore_ascii_case("evil.test"),
            "{text:?}"
        );
    }
}

/// Rules that hold do so again, and errors name a place.
pub(crate) fn policy(input: &[u8]) {
    let text = String::from_utf8_lossy(input).into_owned();
    let build = || {
        CedarPolicy::builder()
            .text("input.cedar", text.clone())
            .build()
    };
    match build() {
        Ok(policy) => {
            let again = build().map(|again| again.rules().len()).ok();
            assert_eq!(again, Some(policy.rules().len()));
        }
        Err(error) => assert!(!render_plain(&error).is_empty()),
    }
}

/// What is kept is not ignored, and errors name a line that is there.
pub(crate) fn ignore(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let rules = match IgnoreRules::parse(".dockerignore", &text) {
        Ok(rules) => rules,
        Err(error) => {
            assert!(error.line >= 1 && error.line <= text.lines().count() + 1);
            return;
        }
    };
    for path in ["a", "a/b", "a/b/c.txt", ".git/config", "ä/ö"] {
        let kept = rules.clone().keeping(path).is_ignored(path);
        assert!(!kept, "{path} under {text:?}");
    }
}

pub(crate) fn dockerfile(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let images = BaseImages::of_dockerfile(&text, None, &[], StagesBuilt::UpToTarget);
    assert!(!format!("{images:?}").is_empty());
}

/// A line that holds has the hash of its bytes: it does not with any byte changed.
pub(crate) fn audit(input: &[u8]) {
    if AuditLine::parse(input).is_err() {
        return;
    }
    for place in 0..input.len() {
        let mut changed = input.to_vec();
        if let Some(byte) = changed.get_mut(place) {
            *byte ^= 1;
        }
        assert!(AuditLine::parse(&changed).is_err(), "byte {place}");
    }
}
