//! What only Amazon ECR has: the calls. What they answer is in `ecr/`.

mod answers;
mod pages;

use std::cell::RefCell;

use serde_json::{Value, json};

pub use answers::{Finding, Image, Replica, Repository, Scan};
pub use pages::ImageList;

use super::script;
use super::types::Error;

/// The arguments that name a repository, with one more.
fn named(connector: &str, registry: &str, name: &str, more: &str, value: Value) -> Value {
    json!({"connector": connector, "registry": registry, "name": name, more: value})
}

/// What a new repository is to be like, in the form of a recording.
#[derive(Debug, Default)]
pub struct RepositorySettings(RefCell<serde_json::Map<String, Value>>);

impl RepositorySettings {
    pub fn new() -> Self {
        Self::default()
    }

    fn keep(&self, name: &str, value: impl Into<Value>) {
        self.0.borrow_mut().insert(name.to_owned(), value.into());
    }

    fn append(&self, name: &str, value: Value) {
        let mut fields = self.0.borrow_mut();
        let list = fields.entry(name).or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.push(value);
        }
    }

    pub fn set_tag_mutability(&self, mutability: &str) {
        self.keep("tag-mutability", mutability);
    }

    pub fn add_mutability_exclusion(&self, filter: &str) {
        self.append("mutability-exclusions", json!(filter));
    }

    pub fn set_scan_on_push(&self, enabled: bool) {
        // A recording has no truth value that is the default.
        match enabled {
            true => self.keep("scan-on-push", enabled),
            false => drop(self.0.borrow_mut().remove("scan-on-push")),
        }
    }

    pub fn set_encryption(&self, kind: &str) {
        self.keep("encryption", kind);
    }

    pub fn set_kms_key(&self, key: &str) {
        self.keep("kms-key", key);
    }

    pub fn add_tag(&self, key: &str, value: &str) {
        self.append("tags", json!([key, value]));
    }
}

pub fn describe_repository(
    connector: &str,
    registry: &str,
    name: &str,
) -> Result<Option<Repository>, Error> {
    let arguments = json!({"connector": connector, "registry": registry, "name": name});
    script::ask("ecr.describe-repository", arguments)
}

pub fn create_repository(
    connector: &str,
    registry: &str,
    name: &str,
    settings: RepositorySettings,
) -> Result<Repository, Error> {
    let settings = Value::Object(settings.0.into_inner());
    let arguments = named(connector, registry, name, "settings", settings);
    script::ask("ecr.create-repository", arguments)
}

pub fn put_lifecycle_policy(
    connector: &str,
    registry: &str,
    name: &str,
    policy: &str,
) -> Result<(), Error> {
    let arguments = named(connector, registry, name, "policy", json!(policy));
    script::ask("ecr.put-lifecycle-policy", arguments)
}

pub fn set_repository_policy(
    connector: &str,
    registry: &str,
    name: &str,
    policy: &str,
) -> Result<(), Error> {
    let arguments = named(connector, registry, name, "policy", json!(policy));
    script::ask("ecr.set-repository-policy", arguments)
}

pub fn put_tag_mutability(
    connector: &str,
    registry: &str,
    name: &str,
    mutability: &str,
    exclusions: &[String],
) -> Result<(), Error> {
    script::ask(
        "ecr.put-tag-mutability",
        json!({
            "connector": connector,
            "registry": registry,
            "name": name,
            "mutability": mutability,
            "exclusions": exclusions,
        }),
    )
}

pub fn list_images(connector: &str, registry: &str, name: &str) -> Result<ImageList, Error> {
    let arguments = json!({"connector": connector, "registry": registry, "name": name});
    script::ask("ecr.list-images", arguments)
}

pub fn describe_image(
    connector: &str,
    registry: &str,
    name: &str,
    image: &str,
) -> Result<Option<Image>, Error> {
    let arguments = named(connector, registry, name, "image", json!(image));
    script::ask("ecr.describe-image", arguments)
}

pub fn delete_images(
    connector: &str,
    registry: &str,
    name: &str,
    images: &[String],
) -> Result<Vec<(String, String)>, Error> {
    let arguments = named(connector, registry, name, "images", json!(images));
    let left: Vec<answers::NotDeleted> = script::ask("ecr.delete-images", arguments)?;
    Ok(left
        .into_iter()
        .map(|left| (left.image, left.reason))
        .collect())
}

pub fn scan_findings(
    connector: &str,
    registry: &str,
    name: &str,
    image: &str,
) -> Result<Option<Scan>, Error> {
    let arguments = named(connector, registry, name, "image", json!(image));
    script::ask("ecr.scan-findings", arguments)
}

pub fn start_scan(
    connector: &str,
    registry: &str,
    name: &str,
    image: &str,
) -> Result<String, Error> {
    let arguments = named(connector, registry, name, "image", json!(image));
    script::ask("ecr.start-scan", arguments)
}

pub fn replication_status(
    connector: &str,
    registry: &str,
    name: &str,
    image: &str,
) -> Result<Vec<Replica>, Error> {
    let arguments = named(connector, registry, name, "image", json!(image));
    script::ask("ecr.replication-status", arguments)
}
