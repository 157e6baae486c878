//! The operator's lists as BuildKit's source policy.

use stepyard_buildkit::SourceRule;

use super::request::physical;
use crate::build::{Build, BuildRules, ContextSource};
use crate::registry::Endpoints;

/// What the identifiers of images begin with.
const IMAGES: &str = "docker-image://";
/// The folders of the build, which this host gives.
const OWN_FOLDERS: &str = "local://.*";

/// The rules for a build; none where there are no lists.
pub(super) fn source_rules(call: &Build, endpoints: &Endpoints) -> Vec<SourceRule> {
    let rules: &BuildRules = &call.rules;
    if !rules.restrict_sources() {
        return Vec::new();
    }
    // The last one that matches decides.
    let mut all = vec![SourceRule::deny(".*"), SourceRule::allow(OWN_FOLDERS)];
    match &rules.base_images {
        None => all.push(SourceRule::allow(format!("{IMAGES}.*"))),
        Some(images) => {
            let images = images.iter().map(|image| image.expression().to_owned());
            let allowed = images.chain(named_contexts(call, endpoints));
            all.extend(allowed.map(|image| SourceRule::allow(format!("{IMAGES}{image}"))));
        }
    }
    match (&rules.remote_sources, &rules.base_images) {
        (None, Some(_)) => {}
        (None, None) => all.push(SourceRule::allow("(?:https?|git)://.*")),
        (Some(addresses), _) => {
            let addresses = addresses.iter().flat_map(|address| address.expressions());
            all.extend(addresses.map(SourceRule::allow));
        }
    }
    all
}

/// The images that the request itself names, by the names by which the engine reaches them: whether
/// they are in the list was decided by their own.
fn named_contexts(call: &Build, endpoints: &Endpoints) -> Vec<String> {
    let named = call.request.named_contexts.iter();
    named
        .filter_map(|named| match &named.source {
            ContextSource::Image(image) => Some(format!(
                "{}(?:@sha256:[0-9a-f]{{64}})?",
                regex::escape(&physical(image, endpoints))
            )),
            ContextSource::Folder(_) => None,
        })
        .collect()
}

/// What an engine says that it was not allowed to read, in the text of a failure.
pub(super) fn denied_source(text: &str) -> Option<&str> {
    text.strip_suffix("source denied by policy")?;
    let quoted = text.rsplit_once("source \"").map(|(_, rest)| rest)?;
    quoted.split_once('"').map(|(source, _)| source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_denied_source_is_found_in_what_buildkit_says() {
        let text = "127.0.0.1:1/other:1: failed to resolve source metadata for 127.0.0.1:1/other:1: \
                    could not resolve image due to policy: source \
                    \"docker-image://127.0.0.1:1/other:1\" denied by policy: source denied by policy";
        assert_eq!(
            denied_source(text),
            Some("docker-image://127.0.0.1:1/other:1")
        );
        assert_eq!(denied_source("source \"a\" is not there"), None);
    }
}
