//! Settings that are not applied, which are reported and never dropped silently.

use std::fmt;

/// A setting that is not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotApplicable {
    /// The setting's path, as the user writes it.
    pub setting: String,
    /// Why.
    pub reason: String,
}

impl NotApplicable {
    /// A setting that the engine did not apply, by the engine's name for it.
    pub fn by_engine(setting: &str, reason: impl Into<String>) -> Self {
        let name = NAMES.iter().find(|(of_engine, _)| *of_engine == setting);
        Self {
            setting: name.map_or(setting, |(_, of_user)| of_user).to_owned(),
            reason: reason.into(),
        }
    }
}

impl fmt::Display for NotApplicable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.setting, self.reason)
    }
}

/// The setters of a build request, without their verbs, and the settings that they come from.
const NAMES: [(&str, &str); 30] = [
    ("context", "context"),
    ("dockerfile", "dockerfile"),
    ("target", "target"),
    ("build-argument", "buildArgs"),
    ("label", "labels"),
    ("secret", "envDockerSecrets"),
    ("secret-file", "fileDockerSecrets"),
    ("base-image-credential", "baseImageConnectorRefs"),
    ("cache-import", "cacheFrom"),
    ("cache-export", "cacheTo"),
    ("ssh-agent", "ssh"),
    ("platform", "platforms"),
    ("named-context", "buildContexts"),
    ("extra-host", "extraHosts"),
    ("network-mode", "network"),
    ("pull", "pull"),
    ("compression", "compression"),
    ("annotation", "annotations"),
    ("provenance", "provenance"),
    ("sbom", "sbom"),
    ("source-date-epoch", "sourceDateEpoch"),
    ("skip-unchanged", "skipUnchanged"),
    ("destination", "tags"),
    ("build-cache", "caching"),
    ("run-as-user", "runAsUser"),
    ("memory-limit", "resources.limits.memory"),
    ("cpu-limit", "resources.limits.cpu"),
    ("memory-request", "resources.requests.memory"),
    ("cpu-request", "resources.requests.cpu"),
    ("snapshot-mode", "optimize"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_reads_the_names_that_the_user_wrote() {
        let reported = NotApplicable::by_engine("snapshot-mode", "only kaniko has it");
        assert_eq!(reported.to_string(), "optimize (only kaniko has it)");
        let unknown = NotApplicable::by_engine("new-setting", "why");
        assert_eq!(unknown.to_string(), "new-setting (why)");
    }
}
