use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What scans find, which the server is told: it looks into no image.
#[derive(Debug, Clone, Default)]
pub struct Findings(BTreeMap<String, Vec<Finding>>);

/// A finding in the form of the ECR API.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Finding {
    name: String,
    pub(crate) severity: Severity,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uri: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<Attribute>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attribute {
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Severity {
    Critical,
    High,
    Medium,
    Low,
    Informational,
    Undefined,
}

/// A text that holds no findings.
#[derive(Debug, thiserror::Error)]
#[error(
    "not findings: {0}; expected a JSON object that maps repositories and images (app, app:1.0, app@sha256:…) to lists of findings as ECR gives them"
)]
pub struct FindingsError(#[from] serde_json::Error);

impl Findings {
    /// Reads a JSON object whose keys are repositories (`team/app`: each image there) and images
    /// (`team/app:1.0`, `team/app@sha256:…`), and whose values are lists of findings as
    /// `DescribeImageScanFindings` gives them: `name`, `severity`, `description`, `uri`,
    /// `attributes`.
    ///
    /// # Errors
    /// If the text is no such object; the line and column are said.
    pub fn parse(text: &str) -> Result<Self, FindingsError> {
        Ok(Self(serde_json::from_str(text)?))
    }

    /// What is found in an image, the worst first.
    pub(crate) fn of(&self, repository: &str, digest: &str, tags: &[String]) -> Vec<&Finding> {
        let names = tags.iter().map(|tag| format!("{repository}:{tag}"));
        let mut findings: Vec<&Finding> = names
            .chain([repository.to_owned(), format!("{repository}@{digest}")])
            .filter_map(|name| self.0.get(&name))
            .flatten()
            .collect();
        findings.sort_by_key(|finding| finding.severity);
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_of_repositories_tags_and_digests() {
        let findings = Findings::parse(
            r#"{"app": [{"name": "A", "severity": "LOW"}],
                "app:1": [{"name": "B", "severity": "CRITICAL"}],
                "app@sha256:d": [{"name": "C", "severity": "HIGH"}]}"#,
        )
        .unwrap();
        let names = |repository: &str, digest: &str, tags: &[&str]| -> String {
            let tags: Vec<String> = tags.iter().map(ToString::to_string).collect();
            let found = findings.of(repository, digest, &tags);
            found.iter().map(|finding| finding.name.as_str()).collect()
        };
        assert_eq!(names("app", "sha256:d", &["1", "2"]), "BCA");
        assert_eq!(names("app", "sha256:e", &["2"]), "A");
        assert_eq!(names("other", "sha256:d", &["1"]), "");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for text in [
            "[]",
            r#"{"app": [{"name": "A", "severity": "BAD"}]}"#,
            r#"{"app": [{"name": "A", "severity": "LOW", "cve": 1}]}"#,
        ] {
            let error = Findings::parse(text).unwrap_err().to_string();
            assert!(error.contains("line 1 column"), "{error}");
        }
    }
}
