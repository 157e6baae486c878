//! All that decides what a build makes, as one digest.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use stepyard_grammar::ImageReference;

use super::sources::Sources;
use crate::build::{BuildRequest, BuildRules, BuildSecret};

/// Changes whenever what a key covers does, so that older records are not found.
const VERSION: &str = "stepyard push record 3";

/// Two builds of one key make the same image, as far as the host can see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key(String);

impl Key {
    /// The key of `request` with the files `sources` and the base images `images`, built by
    /// `engine` for `platforms` under `rules` and pushed to `repository`.
    pub(super) fn of(
        engine: &str,
        platforms: &[String],
        repository: &ImageReference,
        request: &BuildRequest,
        sources: &Sources,
        images: &BTreeMap<String, String>,
        rules: &BuildRules,
    ) -> Self {
        // Every field is named, so that a new one is not forgotten here.
        let BuildRequest {
            // What is read of these paths is in `sources`.
            context: _,
            dockerfile: _,
            named_contexts,
            target,
            build_arguments,
            labels,
            annotations,
            provenance,
            sbom,
            // Those that the engine chooses are in the key too.
            platforms: _,
            secrets,
            ssh_agents,
            // They decide whether images can be read, not what is in them.
            base_image_credentials: _,
            // They decide how fast a build is.
            cache_imports: _,
            cache_exports: _,
            // A build without it has no key.
            build_cache: _,
            pull,
            network_mode,
            extra_hosts,
            source_date_epoch,
            run_as_user,
            memory_limit: _,
            cpu_limit: _,
            memory_request: _,
            cpu_request: _,
            snapshot_mode,
            compression,
            // The repository is in the key, tags are written anew.
            destination: _,
            skip_unchanged: _,
        } = request;
        let BuildRules {
            base_images,
            remote_sources,
            // What it makes of the request is in the key.
            network: _,
            allow_unenforced,
        } = rules;
        let mut fields = Fields(Sha256::new());
        fields.add("version", [VERSION]);
        fields.add("engine", [engine]);
        fields.add("repository", [repository.to_string()]);
        fields.add("sources", [sources.digest]);
        fields.pairs("base image", images);
        fields.add("named context", named_contexts.iter().map(debug));
        fields.add("target", target);
        fields.pairs("build argument", &last_of_each(build_arguments));
        fields.pairs("label", &last_of_each(labels));
        fields.pairs("annotation", &last_of_each(annotations));
        fields.add("provenance", [debug(provenance)]);
        fields.add("sbom", [debug(sbom)]);
        fields.add("platform", platforms);
        // Never a secret's value, not even as a digest.
        fields.add("secret", secrets.iter().map(id).collect::<BTreeSet<_>>());
        fields.add("ssh agent", ssh_agents.iter().collect::<BTreeSet<_>>());
        fields.add("pull", [debug(pull)]);
        fields.add("network mode", [debug(network_mode)]);
        fields.add("extra host", extra_hosts.iter().map(debug));
        fields.add("source date epoch", [debug(source_date_epoch)]);
        fields.add("user", [debug(run_as_user)]);
        fields.add("snapshot mode", snapshot_mode);
        fields.add("compression", [debug(compression)]);
        fields.add("base images", [texts(base_images.as_deref())]);
        fields.add("remote sources", [texts(remote_sources.as_deref())]);
        fields.add("unenforced", [debug(allow_unenforced)]);
        Self(hex(&fields.0.finalize()))
    }

    /// As text of 64 hexadecimal digits.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

fn id(secret: &BuildSecret) -> &str {
    match secret {
        BuildSecret::Text { id, .. }
        | BuildSecret::Stored { id, .. }
        | BuildSecret::File { id, .. } => id,
    }
}

/// A value without a text of its own. It only has to differ where the values differ.
fn debug(value: impl std::fmt::Debug) -> String {
    format!("{value:?}")
}

/// A list, and whether there is one.
fn texts(list: Option<&[impl ToString]>) -> String {
    debug(list.map(|list| list.iter().map(ToString::to_string).collect::<Vec<_>>()))
}

/// Engines take the last of several values for one name.
fn last_of_each(pairs: &[(String, String)]) -> BTreeMap<String, String> {
    pairs.iter().cloned().collect()
}

/// Names and values, each with its length before it.
struct Fields(Sha256);

impl Fields {
    fn add(&mut self, name: &str, values: impl IntoIterator<Item = impl AsRef<[u8]>>) {
        for value in values {
            self.bytes(name.as_bytes());
            self.bytes(value.as_ref());
        }
    }

    fn pairs(&mut self, name: &str, pairs: &BTreeMap<String, String>) {
        for (key, value) in pairs {
            self.bytes(name.as_bytes());
            self.bytes(key.as_bytes());
            self.bytes(value.as_bytes());
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }
}

/// Bytes in hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
