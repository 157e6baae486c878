//! The checks of a request, each of which notes what is wrong.

use std::collections::BTreeSet;

use stepyard_grammar::{Compression, CpuQuantity, ImageReference, MemoryQuantity};

use super::{
    BuildSecret, ContextSource, ExtraHost, NamedContext, NetworkMode, Provenance, RegistryImage,
    RequestDraft,
};
use crate::auth::Credential;
use crate::capability::CapabilityError;
use crate::policy::normalized;
use crate::secret::Placeholders;

/// Collects what is wrong with a request.
#[derive(Default)]
pub(super) struct Faults(Vec<String>);

impl Faults {
    pub(super) fn add(&mut self, setting: &str, problem: impl std::fmt::Display) {
        self.0.push(format!("{setting}: {problem}"));
    }

    pub(super) fn check(&mut self, setting: &str, holds: bool, value: &str) -> bool {
        if !holds {
            self.add(setting, format!("{value:?} is not one"));
        }
        holds
    }

    pub(super) fn parsed<T>(&mut self, setting: &str, value: &str, parsed: Option<T>) -> Option<T> {
        self.check(setting, parsed.is_some(), value);
        parsed
    }

    pub(super) fn into_result(self) -> Result<(), CapabilityError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(CapabilityError::invalid(format!(
                "the build request is not valid: {}",
                self.0.join("; ")
            )))
        }
    }

    /// A build argument, a label and an annotation stay in the image, where everyone can read
    /// them.
    pub(super) fn refuse_secrets(
        &self,
        draft: &RequestDraft,
        placeholders: &Placeholders,
    ) -> Result<(), CapabilityError> {
        let visible = draft
            .build_arguments
            .iter()
            .map(|pair| ("build argument", pair))
            .chain(draft.labels.iter().map(|pair| ("label", pair)))
            .chain(draft.annotations.iter().map(|pair| ("annotation", pair)));
        for (kind, (name, value)) in visible {
            if let Some(secret) = placeholders
                .first_in(value)
                .or_else(|| placeholders.first_in(name))
            {
                return Err(CapabilityError::new(
                    crate::ErrorKind::Denied,
                    format!(
                        "the secret {secret} may not be the value of the {kind} {name}: it would \
                         stay readable in the image"
                    ),
                )
                .with_hint(
                    "hand it to the build with envDockerSecrets and read it in the Dockerfile \
                     with RUN --mount=type=secret",
                ));
            }
        }
        Ok(())
    }

    pub(super) fn path(&mut self, setting: &str, path: Option<&str>) -> Option<String> {
        let path = path?;
        if path.is_empty() || path.len() > 4096 || path.contains(['\0', '\\', '\n', '\r']) {
            self.add(setting, format!("{path:?} is not a path"));
        } else if path.starts_with('/') || path.split('/').any(|segment| segment == "..") {
            self.add(
                setting,
                format!("{path:?} must be relative to the workspace and stay within it"),
            );
        } else {
            return Some(normalized(path));
        }
        None
    }

    /// Words, each of which counts once.
    pub(super) fn distinct(
        &mut self,
        setting: &str,
        words: Vec<String>,
        is_valid: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let mut seen = BTreeSet::new();
        words
            .into_iter()
            .filter(|word| self.check(setting, is_valid(word), word) && seen.insert(word.clone()))
            .collect()
    }

    pub(super) fn secrets(
        &mut self,
        texts: Vec<(String, String)>,
        files: Vec<(String, String)>,
        placeholders: &Placeholders,
    ) -> Vec<BuildSecret> {
        let mut secrets = Vec::new();
        for (id, value) in texts {
            if !self.check("secret", is_word(&id), &id) {
                continue;
            }
            secrets.push(match placeholders.whole(&value) {
                Some(name) => BuildSecret::Stored {
                    id,
                    name: name.clone(),
                },
                None if placeholders.first_in(&value).is_some() => {
                    self.add(
                        "secret",
                        format!("{id:?} mixes a secret with other text; give the secret alone"),
                    );
                    continue;
                }
                None => BuildSecret::Text { id, value },
            });
        }
        for (id, path) in files {
            if self.check("secret-file", is_word(&id), &id)
                && let Some(path) = self.path("secret-file", Some(&path))
            {
                secrets.push(BuildSecret::File { id, path });
            }
        }
        secrets
    }

    pub(super) fn image(
        &mut self,
        setting: &str,
        text: &str,
        credential: Option<Credential>,
    ) -> Option<RegistryImage> {
        let reference = match ImageReference::parse(text) {
            Ok(reference) => reference,
            Err(error) => {
                self.add(setting, error);
                return None;
            }
        };
        if let Some(credential) = &credential
            && credential.registry() != reference.registry()
        {
            self.add(
                setting,
                format!(
                    "the credential is for {}, not for {}",
                    credential.registry(),
                    reference.registry()
                ),
            );
            return None;
        }
        Some(RegistryImage {
            reference,
            credential,
        })
    }

    pub(super) fn tagged_image(
        &mut self,
        setting: &str,
        text: &str,
        credential: Option<Credential>,
    ) -> Option<RegistryImage> {
        let image = self.image(setting, text, credential)?;
        if image.reference.tag().is_none() {
            self.add(setting, format!("{text:?} has no tag"));
            return None;
        }
        Some(image)
    }

    pub(super) fn named_contexts(&mut self, contexts: Vec<(String, String)>) -> Vec<NamedContext> {
        const SETTING: &str = "named-context";
        let mut checked: Vec<NamedContext> = Vec::new();
        for (name, source) in contexts {
            if !self.check(SETTING, is_context_name(&name), &name) {
                continue;
            }
            // BuildKit's frontend compares names in lower case.
            if checked
                .iter()
                .any(|other| other.name.eq_ignore_ascii_case(&name))
            {
                self.add(SETTING, format!("{name:?} is given twice"));
                continue;
            }
            let source = match source.split_once("://") {
                Some(("docker-image", reference)) => {
                    match ImageReference::parse_familiar(reference) {
                        Ok(reference) => Some(ContextSource::Image(reference)),
                        Err(error) => {
                            self.add(SETTING, error);
                            None
                        }
                    }
                }
                Some(_) => {
                    self.add(
                        SETTING,
                        format!("{source:?} is neither a folder nor docker-image://REFERENCE"),
                    );
                    None
                }
                None => self.path(SETTING, Some(&source)).map(ContextSource::Folder),
            };
            checked.extend(source.map(|source| NamedContext { name, source }));
        }
        checked
    }

    pub(super) fn extra_hosts(&mut self, hosts: Vec<(String, String)>) -> Vec<ExtraHost> {
        const SETTING: &str = "extra-host";
        let mut checked = Vec::new();
        for (name, address) in hosts {
            let address = match address.as_str() {
                "host-gateway" => Some(None),
                text => self.parsed(SETTING, text, text.parse().ok()).map(Some),
            };
            if self.check(SETTING, is_host_name(&name), &name)
                && let Some(address) = address
            {
                checked.push(ExtraHost { name, address });
            }
        }
        checked
    }

    pub(super) fn source_date_epoch(&mut self, text: &str) -> Option<u64> {
        // BuildKit reads a signed number.
        let seconds = number(text).filter(|seconds| i64::try_from(*seconds).is_ok());
        self.parsed("source-date-epoch", text, seconds)
    }

    pub(super) fn provenance(&mut self, mode: &str) -> Option<Provenance> {
        let parsed = match mode {
            "min" => Some(Provenance::Min),
            "max" => Some(Provenance::Max),
            _ => None,
        };
        self.parsed("provenance", mode, parsed)
    }

    pub(super) fn compression(&mut self, text: &str) -> Option<Compression> {
        Compression::parse(text)
            .map_err(|error| self.add("compression", error))
            .ok()
    }

    pub(super) fn annotations(&mut self, pairs: Vec<(String, String)>) -> Vec<(String, String)> {
        const SETTING: &str = "annotation";
        for (name, _) in &pairs {
            // `index:NAME` and `manifest[PLATFORM]:NAME` are another tool's notation for where an
            // annotation goes.
            self.check(SETTING, !name.contains([':', '[', ']']), name);
        }
        self.pairs(SETTING, pairs)
    }

    pub(super) fn network_mode(&mut self, mode: Option<&str>) -> NetworkMode {
        match mode {
            None | Some("default") => NetworkMode::Default,
            Some("none") => NetworkMode::None,
            Some("host") => NetworkMode::Host,
            Some(other) => {
                self.add("network-mode", format!("{other:?} is not one"));
                NetworkMode::Default
            }
        }
    }

    pub(super) fn memory(&mut self, setting: &str, text: Option<&str>) -> Option<MemoryQuantity> {
        MemoryQuantity::parse(text?)
            .map_err(|error| self.add(setting, error))
            .ok()
    }

    pub(super) fn cpu(&mut self, setting: &str, text: Option<&str>) -> Option<CpuQuantity> {
        CpuQuantity::parse(text?)
            .map_err(|error| self.add(setting, error))
            .ok()
    }

    pub(super) fn pairs(
        &mut self,
        setting: &str,
        pairs: Vec<(String, String)>,
    ) -> Vec<(String, String)> {
        for (name, value) in &pairs {
            // One that begins with a dash would pass for an option of an engine that is a program.
            let is_name = !name.is_empty() && !name.starts_with('-');
            if !is_name || name.contains(['\0', '\n', '=']) || value.contains('\0') {
                self.add(setting, format!("{name:?} is not a name with a value"));
            }
        }
        pairs
    }
}

/// A stage, or the id of a secret. One that begins with a dash would pass for an option of an engine
/// that is a program.
pub(super) fn is_word(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && !text.starts_with('-')
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "._-".contains(character))
}

/// `os/architecture` with an optional variant.
pub(super) fn is_platform(text: &str) -> bool {
    (2..=3).contains(&text.split('/').count()) && text.split('/').all(is_word)
}

/// A stage's name, or an image that the context stands in for. `::` would begin a platform.
fn is_context_name(text: &str) -> bool {
    let allowed =
        |character: char| character.is_ascii_alphanumeric() || "._-/:@".contains(character);
    (1..=255).contains(&text.len())
        && !text.starts_with('-')
        && text.chars().all(allowed)
        && !text.contains("::")
}

/// A host name: labels with dots between.
fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && label
                .chars()
                .all(|character| character.is_ascii_alphanumeric() || "_-".contains(character))
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

/// A number without a sign.
pub(super) fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok().filter(|_| !text.starts_with('+'))
}
