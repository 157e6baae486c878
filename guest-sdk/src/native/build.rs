//! Building images.

use std::cell::RefCell;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::script;
use super::types::{Credential, Descriptor, Error};

/// A setting of a request that the engine did not apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IgnoredSetting {
    /// The setter without its verb, such as `run-as-user`.
    pub setting: String,
    /// Why, for a person.
    pub reason: String,
}

pub fn engine() -> Result<String, Error> {
    script::ask("build.engine", json!({}))
}

pub fn supports(feature: &str) -> bool {
    // As with a host, a failure is a no.
    script::ask("build.supports", json!({"feature": feature})).unwrap_or(false)
}

/// What to build, as it is set, in the form of a recording.
#[derive(Debug, Default)]
pub struct Request(RefCell<Map<String, Value>>);

/// Setters that keep their last value, or append it to a list. One that is given a value and a
/// credential keeps both.
macro_rules! setters {
    (
        keep { $($keep:ident($($kept:ident: $of:ty),+) => $as:literal;)+ }
        append { $($append:ident($($appended:ident: $kind:ty),+) => $list:literal;)+ }
    ) => {
        $(pub fn $keep(&self, $($kept: $of),+) {
            self.0.borrow_mut().insert($as.to_owned(), one_or_list([$(json!($kept)),+]));
        })+
        $(pub fn $append(&self, $($appended: $kind),+) {
            let value = one_or_list([$(json!($appended)),+]);
            let mut fields = self.0.borrow_mut();
            let list = fields.entry($list).or_insert_with(|| json!([]));
            if let Value::Array(list) = list {
                list.push(value);
            }
        })+
    };
}

fn one_or_list<const N: usize>(values: [Value; N]) -> Value {
    let mut values = Vec::from(values);
    match values.pop() {
        Some(only) if values.is_empty() => only,
        Some(last) => {
            values.push(last);
            Value::Array(values)
        }
        None => Value::Null,
    }
}

impl Request {
    pub fn new() -> Self {
        Self::default()
    }

    setters! {
        keep {
            set_context(path: &str) => "context";
            set_dockerfile(path: &str) => "dockerfile";
            set_target(stage: &str) => "target";
            set_provenance(mode: &str) => "provenance";
            set_sbom(enabled: bool) => "sbom";
            set_build_cache(enabled: bool) => "build-cache";
            set_pull(enabled: bool) => "pull";
            set_network_mode(mode: &str) => "network-mode";
            set_source_date_epoch(seconds: &str) => "source-date-epoch";
            set_run_as_user(user: &str) => "run-as-user";
            set_memory_limit(quantity: &str) => "memory-limit";
            set_cpu_limit(quantity: &str) => "cpu-limit";
            set_memory_request(quantity: &str) => "memory-request";
            set_cpu_request(quantity: &str) => "cpu-request";
            set_snapshot_mode(mode: &str) => "snapshot-mode";
            set_compression(compression: &str) => "compression";
            set_destination(reference: &str, credential: &Credential) => "destination";
            set_skip_unchanged(reference: &str, credential: &Credential) => "skip-unchanged";
        }
        append {
            add_build_argument(name: &str, value: &str) => "build-arguments";
            add_label(name: &str, value: &str) => "labels";
            add_annotation(name: &str, value: &str) => "annotations";
            add_platform(platform: &str) => "platforms";
            add_secret(id: &str, value: &str) => "secrets";
            add_secret_file(id: &str, path: &str) => "secret-files";
            add_base_image_credential(credential: &Credential) => "base-image-credentials";
            add_ssh_agent(id: &str) => "ssh-agents";
            add_cache_source(reference: &str, credential: Option<&Credential>) => "cache-sources";
            add_cache_destination(reference: &str, credential: &Credential) => "cache-destinations";
            add_cache_import(options: &str, credential: Option<&Credential>) => "cache-imports";
            add_cache_export(options: &str, credential: Option<&Credential>) => "cache-exports";
            add_extra_host(name: &str, address: &str) => "extra-hosts";
            add_named_context(name: &str, source: &str) => "named-contexts";
        }
    }
}

pub fn build(request: Request) -> Result<Image, Error> {
    let request = request.0.into_inner();
    // A recording has no truth value that is the default.
    let is_said = |name: &str, value: &Value| {
        *value != Value::Bool(false) || !["sbom", "pull"].contains(&name)
    };
    let request: Map<String, Value> = request
        .into_iter()
        .filter(|(name, value)| is_said(name, value))
        .collect();
    script::ask("build.build", json!({"request": request}))
}

/// A built image, to answer a build with.
///
/// ```
/// use stepyard_sdk::testing::{BuiltImage, descriptor};
///
/// let held = BuiltImage::new("sha256:1f…").with_ignored("run-as-user", "Docker builds as root");
/// let pushed = BuiltImage::new("sha256:1f…").with_pushed(descriptor("sha256:2e…"));
/// # let _ = (held, pushed);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Image {
    id: String,
    #[serde(default)]
    pushed: Option<Descriptor>,
    #[serde(default)]
    unchanged: bool,
    #[serde(default)]
    ignored_settings: Vec<IgnoredSetting>,
}

impl Image {
    /// An image that the engine calls `id` and holds.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            pushed: None,
            unchanged: false,
            ignored_settings: Vec::new(),
        }
    }

    /// The same, pushed while it was built.
    #[must_use]
    pub fn with_pushed(mut self, pushed: Descriptor) -> Self {
        self.pushed = Some(pushed);
        self
    }

    /// The same, of which nothing was built, because nothing has changed.
    #[must_use]
    pub fn with_nothing_changed(mut self) -> Self {
        self.unchanged = true;
        self
    }

    /// The same with a setting that the engine did not apply.
    #[must_use]
    pub fn with_ignored(mut self, setting: &str, reason: &str) -> Self {
        self.ignored_settings.push(IgnoredSetting {
            setting: setting.to_owned(),
            reason: reason.to_owned(),
        });
        self
    }

    #[doc(hidden)]
    pub fn id(&self) -> String {
        self.id.clone()
    }

    #[doc(hidden)]
    pub fn pushed(&self) -> Option<Descriptor> {
        self.pushed.clone()
    }

    #[doc(hidden)]
    pub fn unchanged(&self) -> bool {
        self.unchanged
    }

    #[doc(hidden)]
    pub fn ignored_settings(&self) -> Vec<IgnoredSetting> {
        self.ignored_settings.clone()
    }

    #[doc(hidden)]
    pub fn push(&self, reference: &str, credential: &Credential) -> Result<Descriptor, Error> {
        script::ask(
            "build.image.push",
            json!({"image": self.id, "reference": reference, "credential": credential}),
        )
    }
}
