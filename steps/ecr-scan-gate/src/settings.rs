//! What the user writes.

use std::fmt;

use serde::de::{
    self, Deserialize, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer,
};
use stepyard_sdk::ecr::NamedRepository;
use stepyard_sdk::grammar::{
    AwsAccountId, AwsRegion, Digest, EcrEndpoint, EcrRegistry, EcrRepositoryName, Tag,
};
use stepyard_sdk::prelude::*;
use stepyard_sdk::setting::{Problems, Time};
use time::{Date, macros::format_description};

/// Fails where the scan of an image in Amazon ECR has findings that are too severe.
#[settings]
#[derive(Clone)]
pub struct EcrScanGate {
    /// The AWS connector to look with.
    #[setting(connector, length = 1..)]
    pub connector_ref: String,
    /// The registry's AWS region, such as `us-east-1`.
    #[setting(ecr_region, parse = AwsRegion::parse)]
    pub region: AwsRegion,
    /// The AWS account that owns the registry: 12 digits, in quotes where the first is 0.
    #[setting(ecr_account, parse = AwsAccountId::parse)]
    pub account: AwsAccountId,
    /// The repository, without registry and tag.
    #[setting(ecr_source_repository, parse = EcrRepositoryName::parse)]
    pub image_name: EcrRepositoryName,
    /// The image's tag. Either it or `digest` is given.
    #[setting(parse = Tag::parse)]
    pub tag: Option<Tag>,
    /// The image's digest: `sha256:` and 64 hexadecimal digits.
    #[setting(parse = Digest::parse)]
    pub digest: Option<Digest>,
    /// The least severity that fails the step; `NONE` only reports.
    #[setting(default = Threshold::High)]
    pub fail_on: Threshold,
    /// Findings that do not count: their names, or mappings with `name`, `reason` and `expires`.
    #[setting(default)]
    #[schemars(with = "Vec<WrittenIgnored>")]
    pub ignore: Vec<Ignored>,
    /// Whether to start a scan where the image has none.
    #[setting(default = true, ecr_start_scan)]
    pub start_scan: bool,
    /// How long to wait for the scan.
    #[setting(default = Time::minutes(10))]
    pub timeout: Time,
    /// How long to wait between two looks.
    #[setting(default = Time::seconds(5), check = interval)]
    pub poll_interval: Time,
}

fn interval(interval: &Time) -> Result<(), String> {
    match (Time::seconds(1)..=Time::minutes(10)).contains(interval) {
        true => Ok(()),
        false => Err(format!("found {interval}; expected 1s to 10m")),
    }
}

/// The least severity that fails the step.
#[settings(rename_all = "UPPERCASE")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// The most severe alone.
    Critical,
    /// And what is worse.
    High,
    /// And what is worse.
    Medium,
    /// And what is worse.
    Low,
    /// And what is worse.
    Informational,
    /// Every finding.
    Undefined,
    /// Nothing fails.
    None,
}

/// A finding that does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Such as `CVE-2024-3094`.
    pub name: String,
    /// Why it does not count.
    pub reason: Option<String>,
    /// The last day on which it does not count.
    pub expires: Option<Date>,
}

/// One as a mapping.
#[settings]
struct IgnoredEntry {
    /// Such as `CVE-2024-3094`.
    #[setting(length = 1..)]
    name: String,
    /// Why it does not count.
    reason: Option<String>,
    /// The last day on which it does not count, such as `2026-12-31`, in UTC.
    #[setting(parse = date)]
    expires: Option<Date>,
}

/// Both forms, for the schema.
#[derive(JsonSchema)]
#[schemars(crate = "stepyard_sdk::schemars", untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum WrittenIgnored {
    /// The name.
    Name(String),
    /// The name with more.
    Entry(IgnoredEntry),
}

fn date(text: &str) -> Result<Date, String> {
    Date::parse(text, format_description!("[year]-[month]-[day]"))
        .map_err(|_| format!("found {text:?}; expected a day such as 2026-12-31"))
}

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl<'de> Visitor<'de> for Written {
            type Value = Ignored;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter
                    .write_str("the name of a finding, or a mapping with name, reason, expires")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Ignored, E> {
                Ok(Ignored {
                    name: name.to_owned(),
                    reason: None,
                    expires: None,
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Ignored, A::Error> {
                let entry = IgnoredEntry::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Ignored {
                    name: entry.name,
                    reason: entry.reason,
                    expires: entry.expires,
                })
            }
        }

        deserializer.deserialize_any(Written)
    }
}

/// The image to look at.
pub(crate) struct ScannedImage {
    pub(crate) repository: NamedRepository,
    /// The tag or digest.
    pub(crate) name: String,
    /// The whole, for a person.
    pub(crate) shown: String,
}

impl EcrScanGate {
    /// The image that the settings name.
    ///
    /// # Errors
    /// `invalid-settings` where they name none, or two.
    pub(crate) fn image(&self) -> Result<ScannedImage, Error> {
        let mut problems = Problems::default();
        let registry = EcrRegistry::new(
            self.account.clone(),
            self.region.clone(),
            EcrEndpoint::Standard,
        );
        let registry = problems.check("region", registry);
        let image = match (&self.tag, &self.digest) {
            (Some(tag), None) => Some((tag.to_string(), ':')),
            (None, Some(digest)) => Some((digest.to_string(), '@')),
            (Some(_), Some(_)) => {
                problems.add("digest", "given beside tag; expected one of the two");
                None
            }
            (None, None) => {
                problems.add("tag", "missing; expected it or digest");
                None
            }
        };
        let image = registry
            .zip(image)
            .map(|(registry, (name, mark))| ScannedImage {
                shown: format!("{}/{}{mark}{name}", registry.host(), self.image_name),
                repository: NamedRepository::new(&self.connector_ref, &registry, &self.image_name),
                name,
            });
        problems.into_result(image)
    }
}
