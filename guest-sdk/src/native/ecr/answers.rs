//! What ECR answers with, made by tests and read by steps.

use serde::{Deserialize, Serialize};
use stepyard_grammar::TagMutability;

use super::pages::{self, Entries};
use crate::bindings::stepyard::step::types::Error;

/// Functions that give a copy of a field.
macro_rules! fields {
    ($($name:ident: $kind:ty),+ $(,)?) => {$(
        #[doc(hidden)]
        pub fn $name(&self) -> $kind {
            self.$name.clone()
        }
    )+};
}

/// A repository, to answer with.
///
/// ```
/// use stepyard_sdk::testing::Repository;
///
/// let repository = Repository::new("team/app").with_tag_mutability("IMMUTABLE", []);
/// # let _ = repository;
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Repository {
    name: String,
    arn: String,
    uri: String,
    tag_mutability: String,
    #[serde(default)]
    mutability_exclusions: Vec<String>,
    #[serde(default, rename = "scan-on-push")]
    scans_on_push: bool,
    #[serde(default = "without_keys")]
    encryption: String,
    #[serde(default)]
    kms_key: Option<String>,
    #[serde(default)]
    is_new: bool,
}

fn without_keys() -> String {
    "AES256".to_owned()
}

impl Repository {
    /// A repository with mutable tags that was there before, in the account 123456789012 and the
    /// region us-east-1.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            arn: format!("arn:aws:ecr:us-east-1:123456789012:repository/{name}"),
            uri: format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/{name}"),
            tag_mutability: "MUTABLE".to_owned(),
            mutability_exclusions: Vec::new(),
            scans_on_push: false,
            encryption: without_keys(),
            kms_key: None,
            is_new: false,
        }
    }

    /// The same with ECR's word for whether tags can move, and the filters of those that are
    /// excepted.
    #[must_use]
    pub fn with_tag_mutability<'a>(
        mut self,
        mutability: &str,
        exclusions: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        self.tag_mutability = mutability.to_owned();
        self.mutability_exclusions = exclusions.into_iter().map(ToOwned::to_owned).collect();
        self
    }

    /// The same that scans each image that is pushed.
    #[must_use]
    pub fn with_scan_on_push(mut self) -> Self {
        self.scans_on_push = true;
        self
    }

    /// The same with its encryption, and the key of KMS where one is used.
    #[must_use]
    pub fn with_encryption(mut self, kind: &str, key: Option<&str>) -> Self {
        self.encryption = kind.to_owned();
        self.kms_key = key.map(ToOwned::to_owned);
        self
    }

    /// The same as one that the call has made.
    #[must_use]
    pub fn newly_made(mut self) -> Self {
        self.is_new = true;
        self
    }

    fields! {
        name: String,
        arn: String,
        uri: String,
        tag_mutability: String,
        mutability_exclusions: Vec<String>,
        scans_on_push: bool,
        encryption: String,
        kms_key: Option<String>,
        is_new: bool,
    }

    #[doc(hidden)]
    pub fn tag_is_immutable(&self, tag: &str) -> bool {
        TagMutability::parse(&self.tag_mutability, &self.mutability_exclusions)
            .is_ok_and(|mutability| mutability.is_immutable(tag))
    }
}

/// An image of a repository of ECR, to answer with.
///
/// ```
/// use stepyard_sdk::testing::EcrImage;
///
/// let image = EcrImage::new("sha256:1f…")
///     .with_tag("1.0.0")
///     .with_pushed_at("2026-01-31T12:00:00Z")
///     .with_size(2_000_000);
/// # let _ = image;
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Image {
    digest: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    pushed_at: Option<String>,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default)]
    media_type: Option<String>,
}

impl Image {
    /// An image without tags.
    pub fn new(digest: impl Into<String>) -> Self {
        Self {
            digest: digest.into(),
            tags: Vec::new(),
            pushed_at: None,
            size: None,
            media_type: None,
        }
    }

    /// The same with a tag.
    #[must_use]
    pub fn with_tag(mut self, tag: &str) -> Self {
        self.tags.push(tag.to_owned());
        self
    }

    /// The same with the time when it was pushed, in RFC 3339.
    #[must_use]
    pub fn with_pushed_at(mut self, time: &str) -> Self {
        self.pushed_at = Some(time.to_owned());
        self
    }

    /// The same with the bytes of its layers.
    #[must_use]
    pub fn with_size(mut self, size: u64) -> Self {
        self.size = Some(size);
        self
    }

    /// The same with the media type of its manifest.
    #[must_use]
    pub fn with_media_type(mut self, media_type: &str) -> Self {
        self.media_type = Some(media_type.to_owned());
        self
    }

    fields! {
        digest: String,
        tags: Vec<String>,
        pushed_at: Option<String>,
        size: Option<u64>,
        media_type: Option<String>,
    }
}

/// An image that is still there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NotDeleted {
    pub(super) image: String,
    pub(super) reason: String,
}

/// A vulnerability, to answer with.
///
/// ```
/// use stepyard_sdk::testing::Finding;
///
/// let finding = Finding::new("CVE-2024-3094", "CRITICAL")
///     .with_package("xz-utils", "5.6.0")
///     .with_fix("5.6.2");
/// # let _ = finding;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Finding {
    name: String,
    severity: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    uri: Option<String>,
    #[serde(default, rename = "package")]
    package_name: Option<String>,
    #[serde(default)]
    package_version: Option<String>,
    #[serde(default)]
    fixed_in: Option<String>,
}

impl Finding {
    /// The vulnerability `name`, of one of ECR's severities.
    pub fn new(name: &str, severity: &str) -> Self {
        Self {
            name: name.to_owned(),
            severity: severity.to_owned(),
            ..Self::default()
        }
    }

    /// The same with the package that has it, and its version.
    #[must_use]
    pub fn with_package(mut self, name: &str, version: &str) -> Self {
        self.package_name = Some(name.to_owned());
        self.package_version = Some(version.to_owned());
        self
    }

    /// The same with the version that no longer has it.
    #[must_use]
    pub fn with_fix(mut self, version: &str) -> Self {
        self.fixed_in = Some(version.to_owned());
        self
    }

    /// The same with what it is.
    #[must_use]
    pub fn with_description(mut self, description: &str) -> Self {
        self.description = Some(description.to_owned());
        self
    }

    /// The same with where more is said of it.
    #[must_use]
    pub fn with_uri(mut self, uri: &str) -> Self {
        self.uri = Some(uri.to_owned());
        self
    }

    fields! {
        name: String,
        severity: String,
        description: Option<String>,
        uri: Option<String>,
        package_name: Option<String>,
        package_version: Option<String>,
        fixed_in: Option<String>,
    }
}

/// The severities that ECR tells apart, the worst first.
const SEVERITIES: [&str; 7] = [
    "CRITICAL",
    "HIGH",
    "MEDIUM",
    "LOW",
    "INFORMATIONAL",
    "UNDEFINED",
    "UNTRIAGED",
];

fn rank(severity: &str) -> usize {
    let known = SEVERITIES.iter().position(|known| *known == severity);
    known.unwrap_or(SEVERITIES.len())
}

/// A scan, to answer with.
///
/// ```
/// use stepyard_sdk::testing::{Finding, Scan};
///
/// let under_way = Scan::new("IN_PROGRESS");
/// let done = Scan::new("COMPLETE").with_finding(Finding::new("CVE-2024-3094", "CRITICAL"));
/// # let _ = (under_way, done);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scan {
    status: String,
    #[serde(default)]
    status_description: Option<String>,
    #[serde(default)]
    completed_at: Option<String>,
    #[serde(default)]
    severity_counts: Vec<(String, u32)>,
    #[serde(default)]
    findings: Option<Entries<Finding>>,
}

impl Scan {
    /// A scan with one of ECR's statuses and no findings.
    pub fn new(status: &str) -> Self {
        Self {
            status: status.to_owned(),
            status_description: None,
            completed_at: None,
            severity_counts: Vec::new(),
            findings: Some(Entries::default()),
        }
    }

    /// The same with ECR's words for the status.
    #[must_use]
    pub fn with_description(mut self, description: &str) -> Self {
        self.status_description = Some(description.to_owned());
        self
    }

    /// The same with the time when it ended, in RFC 3339.
    #[must_use]
    pub fn with_completed_at(mut self, time: &str) -> Self {
        self.completed_at = Some(time.to_owned());
        self
    }

    /// The same with one finding more, which is counted too.
    #[must_use]
    pub fn with_finding(mut self, finding: Finding) -> Self {
        let counts = &mut self.severity_counts;
        let counted = counts
            .iter_mut()
            .find(|(severity, _)| *severity == finding.severity);
        match counted {
            Some((_, count)) => *count += 1,
            None => counts.push((finding.severity.clone(), 1)),
        }
        counts.sort_by_key(|(severity, _)| rank(severity));
        self.findings.get_or_insert_default().push(finding);
        self
    }

    /// The same whose findings cannot all be read: behind those that it has comes this error.
    #[must_use]
    pub fn with_failure(mut self, error: crate::Error) -> Self {
        self.findings.get_or_insert_default().fail(error.into());
        self
    }

    fields! {
        status: String,
        status_description: Option<String>,
        completed_at: Option<String>,
        severity_counts: Vec<(String, u32)>,
    }

    #[doc(hidden)]
    pub fn next_findings(&self) -> Result<Vec<Finding>, Error> {
        pages::next(self.findings.as_ref(), "ecr.scan.next-findings")
    }
}

/// A copy of an image in another registry, to answer with.
///
/// ```
/// use stepyard_sdk::testing::Replica;
///
/// let replica = Replica::new("210987654321", "eu-west-1", "COMPLETE");
/// # let _ = replica;
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Replica {
    account: String,
    region: String,
    status: String,
    #[serde(default)]
    failure_code: Option<String>,
}

impl Replica {
    /// A copy in the registry of an account and region, with one of ECR's statuses.
    pub fn new(account: &str, region: &str, status: &str) -> Self {
        Self {
            account: account.to_owned(),
            region: region.to_owned(),
            status: status.to_owned(),
            failure_code: None,
        }
    }

    /// The same with ECR's code for why it failed.
    #[must_use]
    pub fn with_failure(mut self, code: &str) -> Self {
        self.failure_code = Some(code.to_owned());
        self
    }

    fields! {
        account: String,
        region: String,
        status: String,
        failure_code: Option<String>,
    }
}
