//! Scans of images for vulnerabilities.

use super::page::Reading;
use super::{NamedImage, Page, PageToken};
use crate::policy::{Access, Action, Call};

/// A scan of an image, with a page of what it found.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Scan {
    /// ECR's `ScanStatus`, such as `COMPLETE`.
    pub status: String,
    /// ECR's words for the status.
    pub status_description: Option<String>,
    /// When it ended, in RFC 3339.
    pub completed_at: Option<String>,
    /// How many findings there are of each severity, the worst first.
    pub severity_counts: Vec<(String, u32)>,
    /// A page of the findings.
    #[serde(skip)]
    pub findings: Page<Finding>,
}

/// A scan whose findings a guest reads page by page.
#[derive(Debug)]
pub struct OpenScan {
    pub(super) image: NamedImage,
    /// Without findings.
    pub(super) scan: Scan,
    pub(super) findings: Reading<Finding>,
    /// How many findings the guest was given.
    pub(super) given: usize,
}

impl Scan {
    /// The most findings of one scan that a guest is given.
    pub const MOST_FINDINGS: usize = 10_000;
}

/// A vulnerability of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
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

/// Where a severity stands in order, the worst first; an unknown one last.
pub(super) fn rank(severity: &str) -> usize {
    let known = SEVERITIES.iter().position(|known| *known == severity);
    known.unwrap_or(SEVERITIES.len())
}

/// The call `ecr.scan-findings`, for one page.
#[derive(Clone, Debug)]
pub struct ScanFindings {
    /// The image.
    pub image: NamedImage,
    /// Where the page begins; none is the first.
    pub page: Option<PageToken>,
}

impl Call for ScanFindings {
    fn accesses(&self) -> Vec<Access> {
        self.image.accesses(Action::ReadScanFindings)
    }
}

/// The call `ecr.start-scan`.
#[derive(Clone, Debug)]
pub struct StartScan {
    /// The image.
    pub image: NamedImage,
}

impl Call for StartScan {
    fn accesses(&self) -> Vec<Access> {
        self.image.accesses(Action::StartScan)
    }
}
