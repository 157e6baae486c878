//! Images, scans of them, and their copies elsewhere.

use super::pages::Pages;
use crate::{Error, bindings::stepyard::step::ecr};

/// An image or image index of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Image {
    /// The manifest's digest.
    pub digest: String,
    /// The tags that name it.
    pub tags: Vec<String>,
    /// When it was pushed, in RFC 3339.
    pub pushed_at: Option<String>,
    /// The bytes of its layers as they are stored; nothing for an index.
    pub size: Option<u64>,
    /// Of its manifest.
    pub media_type: Option<String>,
}

impl Image {
    pub(super) fn new(image: &ecr::Image) -> Self {
        Self {
            digest: image.digest(),
            tags: image.tags(),
            pushed_at: image.pushed_at(),
            size: image.size(),
            media_type: image.media_type(),
        }
    }
}

/// An image that is still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotDeleted {
    /// The tag or digest that was to be deleted.
    pub image: String,
    /// ECR's code and reason.
    pub reason: String,
}

/// A scan of an image.
///
/// ```
/// use stepyard_sdk::{ecr::NamedRepository, grammar::{EcrRegistry, EcrRepositoryName}};
/// use stepyard_sdk::testing::{Finding, Host, Scan};
///
/// let registry = EcrRegistry::parse("123456789012.dkr.ecr.us-east-1.amazonaws.com")?;
/// let app = NamedRepository::new("aws", &registry, &EcrRepositoryName::parse("team/app")?);
/// let scan = Scan::new("COMPLETE").with_finding(Finding::new("CVE-2024-3094", "CRITICAL"));
/// let run = Host::new()
///     .on_scan_findings("team/app", "1.0", Ok(Some(scan)))
///     .call(|| Ok(app.scan_findings("1.0")?.map(|scan| scan.severity_counts())));
/// assert_eq!(*run.value(), Some(vec![("CRITICAL".to_owned(), 1)]));
/// # Ok::<(), stepyard_sdk::Error>(())
/// ```
#[derive(Debug)]
pub struct Scan(pub(super) ecr::Scan);

impl Scan {
    /// ECR's `ScanStatus`, such as `COMPLETE` or `IN_PROGRESS`.
    pub fn status(&self) -> String {
        self.0.status()
    }

    /// ECR's words for the status.
    pub fn status_description(&self) -> Option<String> {
        self.0.status_description()
    }

    /// When it ended, in RFC 3339.
    pub fn completed_at(&self) -> Option<String> {
        self.0.completed_at()
    }

    /// How many findings there are of each severity that there is, the worst first.
    pub fn severity_counts(&self) -> Vec<(String, u32)> {
        self.0.severity_counts()
    }

    /// What it found and was not taken yet, at most 10,000 findings in all.
    pub fn findings(&self) -> impl Iterator<Item = Result<Finding, Error>> {
        Pages::new(|| self.0.next_findings(), Finding::new)
    }
}

/// A vulnerability of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Such as `CVE-2024-3094`.
    pub name: String,
    /// Such as `CRITICAL`.
    pub severity: String,
    /// What it is.
    pub description: Option<String>,
    /// Where more is said of it.
    pub uri: Option<String>,
    /// The package that has it.
    pub package: Option<String>,
    /// The package's version.
    pub package_version: Option<String>,
    /// The version that no longer has it.
    pub fixed_in: Option<String>,
}

impl Finding {
    pub(super) fn new(finding: &ecr::Finding) -> Self {
        Self {
            name: finding.name(),
            severity: finding.severity(),
            description: finding.description(),
            uri: finding.uri(),
            package: finding.package_name(),
            package_version: finding.package_version(),
            fixed_in: finding.fixed_in(),
        }
    }
}

/// A copy of an image in another registry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replica {
    /// The account that owns the registry.
    pub account: String,
    /// The registry's region.
    pub region: String,
    /// `IN_PROGRESS`, `COMPLETE` or `FAILED`.
    pub status: String,
    /// ECR's code for why it failed.
    pub failure_code: Option<String>,
}

impl Replica {
    pub(super) fn new(replica: &ecr::Replica) -> Self {
        Self {
            account: replica.account(),
            region: replica.region(),
            status: replica.status(),
            failure_code: replica.failure_code(),
        }
    }
}
