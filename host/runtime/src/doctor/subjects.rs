//! What the settings of a step name, by the annotations of their schema, as places to look at.

use serde_json::Value;
use stepyard_grammar::{
    AwsAccountId, AwsRegion, CacheOptions, EcrEndpoint, EcrRegistry, ImageReference, RegistryHost,
    RepositoryName, Tag,
};

use crate::policy::{annotated, repository_of, tag_of};

/// What the settings of a step name.
#[derive(Debug, Default)]
pub(super) struct Subjects {
    /// Connectors that log in at their own registry, for base images.
    pub(super) base_image_connectors: Vec<String>,
    /// What is read and written in which registry, with which login.
    pub(super) registries: Vec<RegistryUse>,
    /// Every connector that is named.
    pub(super) connectors: Vec<String>,
}

/// One login, and what a step does with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RegistryUse {
    /// The connector; none is anonymous.
    pub(super) connector: Option<String>,
    pub(super) registry: RegistryHost,
    pub(super) repositories: Vec<RepositoryUse>,
}

/// What a step does in one repository.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RepositoryUse {
    /// Pushes an image under these tags.
    Push {
        name: RepositoryName,
        tags: Vec<Tag>,
        /// Whether a run makes the repository where it does not exist.
        is_made: bool,
    },
    /// Keeps layers under a tag, and reads them.
    KeepCache(RepositoryName, Tag),
    /// Takes layers from what a tag names, if it is there.
    ReadCache(RepositoryName, Tag),
    /// Reads an image, which must be there.
    Pull(ImageReference),
}

/// The texts of the settings by their annotation.
#[derive(Default)]
struct Texts {
    texts: Vec<(String, String)>,
    makes_repository: bool,
}

impl Texts {
    fn of(&self, annotation: &str) -> impl Iterator<Item = &str> {
        self.texts
            .iter()
            .filter(move |(of, _)| of == annotation)
            .map(|(_, text)| text.as_str())
    }

    /// The registry of ECR that account, region and endpoint name together.
    fn ecr_registry(&self) -> Option<EcrRegistry> {
        let endpoint = match self.of("ecr-endpoint").next() {
            Some("fips") => EcrEndpoint::Fips,
            Some("dual-stack") => EcrEndpoint::DualStack,
            Some("fips-dual-stack") => EcrEndpoint::DualStackFips,
            _ => EcrEndpoint::Standard,
        };
        let account = AwsAccountId::parse(self.of("ecr-account").next()?).ok()?;
        let region = AwsRegion::parse(self.of("ecr-region").next()?).ok()?;
        EcrRegistry::new(account, region, endpoint).ok()
    }

    /// The connector that is named for one side, else the one that is named for all.
    fn connector(&self, side: &str) -> Option<String> {
        let mut named = self.of(side).chain(self.of("connector"));
        named.next().map(ToOwned::to_owned)
    }

    fn tags(&self) -> impl Iterator<Item = Tag> {
        self.of("tag").filter_map(|text| Tag::parse(text).ok())
    }
}

impl Subjects {
    /// What `settings` name. Whatever is malformed names nothing: the step tells its user.
    pub(super) fn of_settings(schema: &Value, settings: &Value) -> Self {
        let texts = Texts {
            texts: annotated(schema, settings)
                .map(|(_, annotation, text)| (annotation.to_owned(), text))
                .collect(),
            makes_repository: makes_repository(schema, settings),
        };
        let mut subjects = Self::default();
        for annotation in [
            "connector",
            "source-connector",
            "destination-connector",
            "base-image-connector",
        ] {
            for connector in texts.of(annotation) {
                push_new(&mut subjects.connectors, connector.to_owned());
                if annotation == "base-image-connector" {
                    push_new(&mut subjects.base_image_connectors, connector.to_owned());
                }
            }
        }
        if let Some(registry) = texts.ecr_registry() {
            subjects.add_ecr(&texts, &registry);
        }
        subjects.add_images(&texts);
        subjects
    }

    fn add_ecr(&mut self, texts: &Texts, registry: &EcrRegistry) {
        let connector = texts.connector("connector");
        let mut add = |what| self.add(connector.clone(), registry.host(), what);
        for name in texts.of("ecr-repository") {
            if let Ok(name) = RepositoryName::parse(name) {
                add(RepositoryUse::Push {
                    name,
                    tags: texts.tags().collect(),
                    is_made: texts.makes_repository,
                });
            }
        }
        let exports = texts
            .of("ecr-cache-destination")
            .filter_map(|text| CacheOptions::parse_export(text).ok());
        for (name, tag) in exports.filter_map(|cache| cache_image(&cache)) {
            add(RepositoryUse::KeepCache(name, tag));
        }
        let imports = texts
            .of("ecr-cache-repository")
            .filter_map(|text| CacheOptions::parse_import(text).ok());
        for (name, tag) in imports.filter_map(|cache| cache_image(&cache)) {
            add(RepositoryUse::ReadCache(name, tag));
        }
    }

    fn add_images(&mut self, texts: &Texts) {
        let images = |annotation| {
            texts
                .of(annotation)
                .filter_map(|text| ImageReference::parse(text).ok())
        };
        let mut source_tag = None;
        for image in images("pull-image") {
            source_tag = source_tag.or_else(|| image.tag().cloned());
            let registry = image.registry().clone();
            let what = RepositoryUse::Pull(image);
            self.add(texts.connector("source-connector"), &registry, what);
        }
        for image in images("push-image") {
            let mut tags: Vec<Tag> = image
                .tag()
                .cloned()
                .or(source_tag.clone())
                .into_iter()
                .collect();
            tags.extend(texts.tags());
            let what = RepositoryUse::Push {
                name: image.repository().clone(),
                tags,
                is_made: false,
            };
            self.add(
                texts.connector("destination-connector"),
                image.registry(),
                what,
            );
        }
    }

    fn add(&mut self, connector: Option<String>, registry: &RegistryHost, what: RepositoryUse) {
        let known = self
            .registries
            .iter_mut()
            .find(|known| known.connector == connector && known.registry == *registry);
        match known {
            Some(known) => push_new(&mut known.repositories, what),
            None => self.registries.push(RegistryUse {
                connector,
                registry: registry.clone(),
                repositories: vec![what],
            }),
        }
    }
}

fn push_new<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

/// Whether the settings have the repository made, by the step or by the push.
fn makes_repository(schema: &Value, settings: &Value) -> bool {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().any(|(name, property)| {
        let annotation = property.get("x-stepyard").and_then(Value::as_str);
        annotation == Some("ecr-create-repository")
            && match settings.get(name) {
                None | Some(Value::Null | Value::Bool(false)) => false,
                Some(Value::String(text)) => text != "false",
                Some(_) => true,
            }
    })
}

/// Repository and tag of a cache that is an image.
fn cache_image(cache: &CacheOptions) -> Option<(RepositoryName, Tag)> {
    let reference = match cache.kind() {
        "registry" => cache.get("ref")?,
        _ => return None,
    };
    let name = RepositoryName::parse(&repository_of(reference)).ok()?;
    Some((name, Tag::parse(&tag_of(reference)).ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn repository(name: &str) -> RepositoryName {
        RepositoryName::parse(name).unwrap()
    }

    fn tag(text: &str) -> Tag {
        Tag::parse(text).unwrap()
    }

    #[test]
    fn a_build_names_its_repository_and_its_caches() {
        let schema = json!({"properties": {
            "connector": {"x-stepyard": "connector"},
            "bases": {"x-stepyard": "base-image-connector"},
            "account": {"x-stepyard": "ecr-account"},
            "region": {"x-stepyard": "ecr-region"},
            "endpoint": {"x-stepyard": "ecr-endpoint", "default": "standard"},
            "name": {"x-stepyard": "ecr-repository"},
            "tags": {"x-stepyard": "tag"},
            "from": {"x-stepyard": "ecr-cache-repository"},
            "to": {"x-stepyard": "ecr-cache-destination"},
        }});
        let subjects = Subjects::of_settings(
            &schema,
            &json!({
                "connector": "aws", "bases": ["hub", "hub"], "account": "123456789012",
                "region": "us-east-1", "endpoint": "fips", "name": "team/app", "tags": ["1", "2"],
                "from": ["type=local,src=x", "team/old"], "to": "team/cache:main",
            }),
        );
        assert_eq!(subjects.connectors, ["aws", "hub"]);
        assert_eq!(subjects.base_image_connectors, ["hub"]);
        let host = "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com";
        assert_eq!(
            subjects.registries,
            [RegistryUse {
                connector: Some("aws".to_owned()),
                registry: RegistryHost::parse(host).unwrap(),
                repositories: vec![
                    RepositoryUse::Push {
                        name: repository("team/app"),
                        tags: vec![tag("1"), tag("2")],
                        is_made: false,
                    },
                    RepositoryUse::KeepCache(repository("team/cache"), tag("main")),
                    RepositoryUse::ReadCache(repository("team/old"), tag("latest")),
                ],
            }]
        );
    }

    #[test]
    fn each_side_of_a_copy_has_its_login() {
        let schema = json!({"properties": {
            "source": {"x-stepyard": "pull-image"},
            "destination": {"x-stepyard": "push-image"},
            "login": {"x-stepyard": "destination-connector"},
            "tags": {"x-stepyard": "tag"},
        }});
        let settings = json!({
            "source": "registry.test/a/b:7", "destination": "registry.test/c/d",
            "login": "live", "tags": ["latest"],
        });
        let subjects = Subjects::of_settings(&schema, &settings);
        let registry = RegistryHost::parse("registry.test").unwrap();
        let image = ImageReference::parse("registry.test/a/b:7").unwrap();
        assert_eq!(
            subjects.registries,
            [
                RegistryUse {
                    connector: None,
                    registry: registry.clone(),
                    repositories: vec![RepositoryUse::Pull(image)],
                },
                RegistryUse {
                    connector: Some("live".to_owned()),
                    registry,
                    repositories: vec![RepositoryUse::Push {
                        name: repository("c/d"),
                        tags: vec![tag("7"), tag("latest")],
                        is_made: false,
                    }],
                },
            ]
        );
    }

    #[test]
    fn a_repository_may_be_made() {
        let schema = json!({"properties": {"create": {"x-stepyard": "ecr-create-repository"}}});
        for (value, made) in [
            (json!(true), true),
            (json!("on-push"), true),
            (json!({}), true),
            (json!(false), false),
            (json!(null), false),
        ] {
            assert_eq!(
                makes_repository(&schema, &json!({"create": value})),
                made,
                "{value}"
            );
        }
        assert!(!makes_repository(&schema, &json!({})));
    }
}
