//! Settings of the repository itself: whether to make it, and what it is to be like.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{
    self, Deserialize, Deserializer, MapAccess, Unexpected, Visitor, value::MapAccessDeserializer,
};
use stepyard_sdk::{
    ecr::RepositorySettings,
    grammar::{AwsTag, MutabilityMode, RepositoryEncryption, TagFilter, TagMutability},
    setting::{OneOrMany, Problems, Text},
    settings,
};

/// Whether to make the repository where it does not exist.
#[derive(Clone, Debug, Default)]
pub enum CreateRepository {
    /// A missing repository is an error.
    #[default]
    No,
    /// ECR makes it when something is pushed to it, by a creation template of the registry.
    OnPush,
    /// Make it before the build.
    Yes(NewRepository),
}

/// What a new repository is to be like. An existing one is left as it is.
#[settings]
#[derive(Clone, Debug, Default)]
pub struct NewRepository {
    /// The tags that cannot move once they name an image.
    #[setting(default)]
    pub immutable_tags: ImmutableTags,
    /// Whether ECR scans each image that is pushed.
    #[setting(default)]
    pub scan_on_push: bool,
    /// How layers are encrypted. Default: `AES256`, or `KMS` where a key is named.
    pub encryption: Option<Encryption>,
    /// The id, alias or ARN of a KMS key. Default: AWS's own key for ECR.
    pub kms_key: Option<String>,
    /// Tags of the repository in AWS.
    #[setting(default)]
    pub tags: BTreeMap<String, Text>,
}

/// How layers are encrypted at rest.
#[settings(rename_all = "SCREAMING_SNAKE_CASE")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// With keys of Amazon S3.
    Aes256,
    /// With a key of AWS KMS.
    Kms,
    /// With a key of AWS KMS, in two layers.
    KmsDsse,
}

impl Encryption {
    fn name(self) -> &'static str {
        match self {
            Self::Aes256 => "AES256",
            Self::Kms => "KMS",
            Self::KmsDsse => "KMS_DSSE",
        }
    }
}

/// Which tags cannot move once they name an image.
#[derive(Clone, Debug, Default)]
pub enum ImmutableTags {
    /// All can.
    #[default]
    None,
    /// None can.
    All,
    /// Those that a filter of the lists says.
    Some(FilteredTags),
}

/// Filters of tags, in which `*` stands for any text. One of the lists is given.
#[settings]
#[derive(Clone, Debug)]
pub struct FilteredTags {
    /// All are immutable but these.
    #[setting(default)]
    pub except: OneOrMany<Text>,
    /// None are immutable but these.
    #[setting(default)]
    pub only: OneOrMany<Text>,
}

/// The setting `createRepository`, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Creation {
    /// A missing repository is an error.
    Never,
    /// The push makes it.
    OnPush,
    /// Made before the build.
    BeforeBuild(CheckedRepository),
}

/// What a new repository is to be like, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedRepository {
    /// Whether tags can move.
    pub mutability: TagMutability,
    /// Whether ECR scans each image that is pushed.
    pub scan_on_push: bool,
    /// How layers are encrypted.
    pub encryption: RepositoryEncryption,
    /// Tags of the repository in AWS.
    pub tags: Vec<AwsTag>,
}

impl Creation {
    /// Checks the setting.
    pub fn check(setting: &CreateRepository, problems: &mut Problems) -> Option<Self> {
        let repository = match setting {
            CreateRepository::No => return Some(Self::Never),
            CreateRepository::OnPush => return Some(Self::OnPush),
            CreateRepository::Yes(repository) => repository,
        };
        let mutability = check_tags(&repository.immutable_tags, problems);
        let default = repository.kms_key.as_ref().map_or("AES256", |_| "KMS");
        let kind = repository.encryption.map_or(default, Encryption::name);
        let encryption = problems.check(
            "createRepository.kmsKey",
            RepositoryEncryption::parse(kind, repository.kms_key.as_deref()),
        );
        let mut tags = Vec::new();
        for (key, value) in &repository.tags {
            let path = format!("createRepository.tags[{key:?}]");
            tags.extend(problems.check(path, AwsTag::new(key, &value.0)));
        }
        if repository.tags.len() > AwsTag::MOST {
            problems.add(
                "createRepository.tags",
                format_args!("found {}; expected {} at most", tags.len(), AwsTag::MOST),
            );
        }
        Some(Self::BeforeBuild(CheckedRepository {
            mutability: mutability?,
            scan_on_push: repository.scan_on_push,
            encryption: encryption?,
            tags,
        }))
    }
}

impl CheckedRepository {
    /// What ECR is asked for.
    pub(crate) fn request(&self) -> RepositorySettings {
        let settings = RepositorySettings::new()
            .tag_mutability(&self.mutability)
            .scan_on_push(self.scan_on_push)
            .encryption(&self.encryption);
        let tags = self.tags.iter();
        tags.fold(settings, |settings, tag| {
            settings.tag(tag.key(), tag.value())
        })
    }
}

fn check_tags(tags: &ImmutableTags, problems: &mut Problems) -> Option<TagMutability> {
    const PATH: &str = "createRepository.immutableTags";
    let none: &[Text] = &[];
    let (mode, list, filters) = match tags {
        ImmutableTags::None => (MutabilityMode::Mutable, "", none),
        ImmutableTags::All => (MutabilityMode::Immutable, "", none),
        ImmutableTags::Some(FilteredTags { except, only }) => {
            match (except.0.is_empty(), only.0.is_empty()) {
                (false, true) => (
                    MutabilityMode::ImmutableWithExclusion,
                    "except",
                    except.0.as_slice(),
                ),
                (true, false) => (
                    MutabilityMode::MutableWithExclusion,
                    "only",
                    only.0.as_slice(),
                ),
                _ => {
                    problems.add(
                        PATH,
                        "expected either filters in except or filters in only, or true",
                    );
                    return None;
                }
            }
        }
    };
    let mut checked = Vec::new();
    for (index, filter) in filters.iter().enumerate() {
        let path = format!("{PATH}.{list}[{index}]");
        checked.push(problems.check(path, TagFilter::parse(&filter.0)));
    }
    let filters = checked.into_iter().collect::<Option<Vec<TagFilter>>>()?;
    problems.check(
        format_args!("{PATH}.{list}"),
        TagMutability::new(mode, filters),
    )
}

/// Reads a truth value, one of some words, or a mapping.
struct TruthOr<T> {
    expected: &'static str,
    truth: fn(bool) -> T,
    word: fn(&str) -> Option<T>,
}

/// A setting that is a truth value or a mapping.
trait FromMapping: Sized {
    fn from_mapping<'de, A: MapAccess<'de>>(mapping: A) -> Result<Self, A::Error>;
}

impl<'de, T: FromMapping> Visitor<'de> for TruthOr<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.expected)
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<T, E> {
        Ok((self.truth)(truth))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        match text {
            "true" | "false" => Ok((self.truth)(text == "true")),
            _ => (self.word)(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mapping: A) -> Result<T, A::Error> {
        T::from_mapping(mapping)
    }
}

impl FromMapping for CreateRepository {
    fn from_mapping<'de, A: MapAccess<'de>>(mapping: A) -> Result<Self, A::Error> {
        NewRepository::deserialize(MapAccessDeserializer::new(mapping)).map(Self::Yes)
    }
}

impl FromMapping for ImmutableTags {
    fn from_mapping<'de, A: MapAccess<'de>>(mapping: A) -> Result<Self, A::Error> {
        FilteredTags::deserialize(MapAccessDeserializer::new(mapping)).map(Self::Some)
    }
}

impl<'de> Deserialize<'de> for CreateRepository {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TruthOr {
            expected: "true, false, on-push, or a mapping of what the repository is to be like",
            truth: |create| match create {
                true => Self::Yes(NewRepository::default()),
                false => Self::No,
            },
            word: |word| (word == "on-push").then_some(Self::OnPush),
        })
    }
}

impl<'de> Deserialize<'de> for ImmutableTags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TruthOr {
            expected: "true, false, or a mapping with except or only",
            truth: |immutable| if immutable { Self::All } else { Self::None },
            word: |_| None,
        })
    }
}

impl JsonSchema for CreateRepository {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "CreateRepository".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let repository = generator.subschema_for::<NewRepository>();
        json_schema!({"anyOf": [{"type": "boolean"}, {"const": "on-push"}, repository]})
    }
}

impl JsonSchema for ImmutableTags {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ImmutableTags".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let filters = generator.subschema_for::<FilteredTags>();
        json_schema!({"anyOf": [{"type": "boolean"}, filters]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, from_value, json};

    fn check(value: Value) -> Result<Creation, String> {
        let setting: CreateRepository = from_value(value).map_err(|error| error.to_string())?;
        let mut problems = Problems::default();
        let creation = Creation::check(&setting, &mut problems);
        let checked = problems.into_result(creation);
        checked.map_err(|error| error.message().to_owned())
    }

    fn mutability(value: Value) -> String {
        match check(json!({"immutableTags": value})) {
            Ok(Creation::BeforeBuild(repository)) => repository.mutability.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_word_says_whether_and_a_mapping_says_how() {
        let defaults = check(json!({})).unwrap();
        assert_eq!(check(json!(true)).unwrap(), defaults);
        assert_eq!(check(json!("true")).unwrap(), defaults);
        assert_eq!(check(json!(false)).unwrap(), Creation::Never);
        assert_eq!(check(json!("on-push")).unwrap(), Creation::OnPush);
        let whole = json!({
            "immutableTags": true, "scanOnPush": true, "encryption": "KMS_DSSE",
            "kmsKey": "alias/images", "tags": {"team": "web", "cost": 7},
        });
        match check(whole).unwrap() {
            Creation::BeforeBuild(repository) => {
                assert_eq!(repository.encryption.kind(), "KMS_DSSE");
                assert_eq!(repository.tags.len(), 2);
                assert!(repository.scan_on_push);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn immutable_tags_are_all_or_by_filter() {
        assert_eq!(mutability(json!(true)), "IMMUTABLE");
        assert_eq!(mutability(json!(false)), "MUTABLE");
        let except = json!({"except": ["latest", "dev-*"]});
        assert_eq!(
            mutability(except),
            "IMMUTABLE_WITH_EXCLUSION (latest, dev-*)"
        );
        let only = json!({"only": "v*"});
        assert_eq!(mutability(only), "MUTABLE_WITH_EXCLUSION (v*)");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (value, problem) in [
            (
                json!("yes"),
                "invalid value: string \"yes\", expected true, false, on-push",
            ),
            (
                json!(1),
                "invalid type: integer `1`, expected true, false, on-push",
            ),
            (
                json!({"encryption": "RSA"}),
                "unknown variant `RSA`, expected one of `AES256`",
            ),
            (
                json!({"immutableTags": {}}),
                "createRepository.immutableTags: expected either",
            ),
            (
                json!({"immutableTags": {"except": "a", "only": "b"}}),
                "createRepository.immutableTags: expected either",
            ),
            (
                json!({"immutableTags": {"except": ["a", "b c"]}}),
                "createRepository.immutableTags.except[1]: invalid tag filter \"b c\": found ' '",
            ),
            (
                json!({"immutableTags": {"only": ["a", "b", "c", "d", "e", "f"]}}),
                "createRepository.immutableTags.only: invalid tag mutability",
            ),
            (
                json!({"encryption": "AES256", "kmsKey": "k"}),
                "createRepository.kmsKey: invalid KMS key \"k\": found a key for AES256",
            ),
            (
                json!({"tags": {"aws:a": "b"}}),
                "createRepository.tags[\"aws:a\"]: invalid key of an AWS tag",
            ),
        ] {
            let found = check(value).unwrap_err();
            assert!(found.starts_with(problem), "{problem}\n{found}");
        }
    }
}
