//! What was found.

use serde::Serialize;

use crate::capability::CapabilityError;

/// All that was found, in the order in which it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// One section a thing that was looked at.
    pub sections: Vec<Section>,
}

impl Diagnosis {
    /// How many findings have this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        let findings = self.sections.iter().flat_map(|section| &section.findings);
        findings
            .filter(|finding| finding.verdict == verdict)
            .count()
    }
}

/// What was found of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// The thing.
    #[serde(flatten)]
    pub subject: Subject,
    /// In the order in which a run would meet them.
    pub findings: Vec<Finding>,
}

/// What was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "subject", content = "name")]
pub enum Subject {
    /// The files that a person gave.
    Files,
    /// The build engine.
    Engine,
    /// A connector, as steps name it.
    Connector(String),
    /// A step, by its identifier.
    Step(String),
}

impl std::fmt::Display for Subject {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Files => formatter.write_str("files"),
            Self::Engine => formatter.write_str("engine"),
            Self::Connector(name) => write!(formatter, "connector {name}"),
            Self::Step(identifier) => write!(formatter, "step {identifier}"),
        }
    }
}

/// One thing that was checked. It never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked.
    pub check: Check,
    /// How it ended.
    pub verdict: Verdict,
    /// A sentence for a person.
    pub message: String,
    /// What the person can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// What can be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// A file is read and valid.
    File,
    /// A secret is in a store.
    Secret,
    /// The build engine answers.
    Engine,
    /// The policy permits what a step asks for, and the host can make sense of it.
    Request,
    /// The build context and the Dockerfile can be read.
    Context,
    /// The engine has what the build asks for.
    Feature,
    /// A base image can be read.
    BaseImage,
    /// Who the identity of a connector is.
    Identity,
    /// A credential can be had.
    Login,
    /// The registry accepts the credential.
    Registry,
    /// The repository exists.
    Repository,
    /// What a tag names.
    Tag,
    /// Manifests can be read.
    ReadManifest,
    /// Layers can be read.
    ReadLayer,
    /// A registry can be asked for a layer.
    FindLayer,
    /// The upload of a layer can be begun.
    BeginUpload,
    /// The rest of a push.
    Push,
    /// A cache can be read.
    Cache,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is as it should be.
    Ok,
    /// A run may succeed, but a person should look at it.
    Warning,
    /// It could not be found out without changing something, or because of another finding.
    Unproven,
    /// A run would fail.
    Failed,
}

impl Finding {
    /// A finding without a remedy.
    pub fn new(check: Check, verdict: Verdict, message: impl Into<String>) -> Self {
        Self {
            check,
            verdict,
            message: message.into(),
            remedy: None,
        }
    }

    /// [`Verdict::Ok`].
    pub fn ok(check: Check, message: impl Into<String>) -> Self {
        Self::new(check, Verdict::Ok, message)
    }

    /// [`Verdict::Unproven`].
    pub fn unproven(check: Check, message: impl Into<String>) -> Self {
        Self::new(check, Verdict::Unproven, message)
    }

    /// [`Verdict::Failed`], with the error's hint as the remedy.
    pub(super) fn failed(check: Check, error: CapabilityError) -> Self {
        Self::of_error(check, Verdict::Failed, error)
    }

    /// As [`Self::failed`], where a run can do without it.
    pub(super) fn warning(check: Check, error: CapabilityError) -> Self {
        Self::of_error(check, Verdict::Warning, error)
    }

    fn of_error(check: Check, verdict: Verdict, error: CapabilityError) -> Self {
        Self {
            check,
            verdict,
            message: error.message,
            remedy: error.hint,
        }
    }

    /// The same finding with what a person can do about it.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}
