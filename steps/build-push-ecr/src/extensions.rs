//! The build settings that Harness's step does not have.

use std::{collections::BTreeMap, net::IpAddr};

use stepyard_sdk::{
    build::Request,
    grammar::{Compression, ImageReference},
    setting::{Problems, Text},
};

use crate::{
    check::{check_pairs, check_path, check_word},
    settings::{BuildPushEcr, Network, ProvenanceMode},
};

/// Settings of a build, checked.
#[derive(Clone, Debug)]
pub struct Extensions {
    ssh: Vec<String>,
    platforms: Vec<String>,
    build_contexts: BTreeMap<String, String>,
    extra_hosts: BTreeMap<String, String>,
    network: Network,
    pull: bool,
    compression: Option<Compression>,
    annotations: BTreeMap<String, Text>,
    provenance: Option<ProvenanceMode>,
    sbom: bool,
    source_date_epoch: Option<u64>,
}

impl Extensions {
    /// Checks settings.
    pub fn check(settings: &BuildPushEcr, problems: &mut Problems) -> Self {
        for (index, id) in settings.ssh.0.iter().enumerate() {
            let what = "the id of an SSH agent";
            check_word(format_args!("ssh[{index}]"), id, what, problems);
        }
        for (index, platform) in settings.platforms.0.iter().enumerate() {
            check_platform(format_args!("platforms[{index}]"), platform, problems);
        }
        for (name, source) in &settings.build_contexts {
            check_context(name, source, problems);
        }
        for (name, address) in &settings.extra_hosts {
            check_host(name, address, problems);
        }
        check_pairs("annotations", &settings.annotations, problems);
        for name in settings.annotations.keys() {
            if name.contains([':', '[', ']']) {
                problems.add(
                    format_args!("annotations[{name:?}]"),
                    "names a level; expected the annotation's own name: it goes to the manifest",
                );
            }
        }
        let compression = settings.compression.as_deref();
        let epoch = settings.source_date_epoch.as_ref();
        Self {
            ssh: settings.ssh.0.clone(),
            platforms: settings.platforms.0.clone(),
            build_contexts: settings.build_contexts.clone(),
            extra_hosts: settings.extra_hosts.clone(),
            network: settings.network,
            pull: settings.pull,
            compression: compression
                .and_then(|text| problems.check("compression", Compression::parse(text))),
            annotations: settings.annotations.clone(),
            provenance: settings.provenance,
            sbom: settings.sbom,
            source_date_epoch: epoch.and_then(|text| check_epoch(&text.0, problems)),
        }
    }

    /// Whether the image gets an attestation of how it was built.
    pub(crate) fn attests_the_build(&self) -> bool {
        self.provenance.is_some()
    }

    /// The request with these settings. The engine reports or refuses what it lacks.
    pub(crate) fn apply(&self, mut request: Request) -> Request {
        for id in &self.ssh {
            request = request.ssh_agent(id);
        }
        for platform in &self.platforms {
            request = request.platform(platform);
        }
        for (name, source) in &self.build_contexts {
            request = request.named_context(name, source);
        }
        for (name, address) in &self.extra_hosts {
            request = request.extra_host(name, address);
        }
        for (name, value) in &self.annotations {
            request = request.annotation(name, &value.0);
        }
        request = match self.network {
            Network::Default => request,
            Network::None => request.network_mode("none"),
            Network::Host => request.network_mode("host"),
        };
        request = match self.provenance {
            None => request,
            Some(ProvenanceMode::Min) => request.provenance("min"),
            Some(ProvenanceMode::Max) => request.provenance("max"),
        };
        if let Some(seconds) = self.source_date_epoch {
            request = request.source_date_epoch(seconds);
        }
        if let Some(compression) = self.compression {
            request = request.compression(&compression.to_string());
        }
        request.pull(self.pull).sbom(self.sbom)
    }
}

fn check_platform(setting: impl std::fmt::Display, platform: &str, problems: &mut Problems) {
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|character| character.is_ascii_alphanumeric() || "._-".contains(character))
    };
    if !(2..=3).contains(&platform.split('/').count()) || !platform.split('/').all(is_part) {
        problems.add(
            setting,
            format_args!(
                "{platform:?} is not a platform; expected a system and an architecture, such as \
                 linux/arm64"
            ),
        );
    }
}

fn check_context(name: &str, source: &str, problems: &mut Problems) {
    let setting = format!("buildContexts[{name:?}]");
    let allowed =
        |character: char| character.is_ascii_alphanumeric() || "._-/:@".contains(character);
    if !(1..=255).contains(&name.len()) || !name.chars().all(allowed) || name.contains("::") {
        problems.add(
            &setting,
            "not a name; expected 1 to 255 letters, digits, '.', '_', '-', '/', ':' or '@'",
        );
    }
    match source.strip_prefix("docker-image://") {
        Some(image) => {
            problems.check(setting, ImageReference::parse_familiar(image));
        }
        None if source.contains("://") => problems.add(
            setting,
            "found a remote address; expected a path relative to the workspace or \
             docker-image://REFERENCE",
        ),
        None => check_path(setting, source, problems),
    }
}

fn check_host(name: &str, address: &str, problems: &mut Problems) {
    let setting = format!("extraHosts[{name:?}]");
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .chars()
                .all(|character| character.is_ascii_alphanumeric() || "_-".contains(character))
    };
    if name.len() > 253 || !name.split('.').all(is_label) {
        problems.add(
            &setting,
            "not a host name; expected letters, digits, '_' and '-', with dots between",
        );
    }
    if address != "host-gateway" && address.parse::<IpAddr>().is_err() {
        problems.add(
            setting,
            format_args!("{address:?} is not an address; expected an IP address or host-gateway"),
        );
    }
}

fn check_epoch(text: &str, problems: &mut Problems) -> Option<u64> {
    let seconds = text
        .parse()
        .ok()
        .filter(|seconds| i64::try_from(*seconds).is_ok() && !text.starts_with('+'));
    if seconds.is_none() {
        problems.add(
            "sourceDateEpoch",
            format_args!("{text:?} is not a time; expected seconds since 1970, such as 1700000000"),
        );
    }
    seconds
}
