//! What the classic builder cannot do.
//!
//! What changes the image or guards it is an error: an image without it would be a wrong one. What
//! only saves time or space is left out and reported.

use crate::build::{BuildRequest, CachePlace, IgnoredSetting};
use crate::capability::CapabilityError;

const KUBERNETES_ONLY: &str = "applies on Kubernetes only";

/// The settings of `request` that the classic builder leaves out.
///
/// # Errors
/// [`crate::ErrorKind::Unsupported`] for the first setting that cannot be left out.
pub(super) fn settings(request: &BuildRequest) -> Result<Vec<IgnoredSetting>, CapabilityError> {
    match impossible(request) {
        Some((what, instead)) => Err(CapabilityError::unsupported(format!(
            "the classic builder of the Docker Engine has no {what}"
        ))
        .with_hint(format!(
            "use an engine with BuildKit, or leave {instead} out"
        ))),
        None => Ok(without(request)),
    }
}

/// What the classic builder lacks, and what to leave out then.
fn impossible(request: &BuildRequest) -> Option<(&'static str, &'static str)> {
    [
        (
            !request.secrets.is_empty(),
            "build secrets",
            "envDockerSecrets and fileDockerSecrets",
        ),
        (
            !request.ssh_agents.is_empty(),
            "forwarding of an SSH agent",
            "ssh",
        ),
        (
            request.platforms.len() > 1,
            "images for several platforms",
            "all of platforms but one",
        ),
        (
            !request.named_contexts.is_empty(),
            "named build contexts",
            "buildContexts",
        ),
        (
            request.source_date_epoch.is_some(),
            "choice of the time that an image carries",
            "sourceDateEpoch",
        ),
        (
            !request.annotations.is_empty(),
            "annotations",
            "annotations",
        ),
        (
            request.provenance.is_some(),
            "attestation of an image's provenance",
            "provenance",
        ),
        (request.sbom, "attestation of what is in an image", "sbom"),
    ]
    .into_iter()
    .find(|(asked, _, _)| *asked)
    .map(|(_, what, instead)| (what, instead))
}

fn without(request: &BuildRequest) -> Vec<IgnoredSetting> {
    let of_registry = request
        .cache_imports
        .iter()
        .filter(|cache| matches!(cache.place, CachePlace::Registry(_)))
        .count();
    [
        (
            !request.build_cache && of_registry > 0,
            "cache-import",
            "the build cache is turned off",
        ),
        (
            of_registry < request.cache_imports.len(),
            "cache-import",
            "the classic builder takes layers from images in registries only",
        ),
        (
            !request.cache_exports.is_empty(),
            "cache-export",
            "the classic builder keeps layers in the Docker Engine itself",
        ),
        (
            request.compression.is_some(),
            "compression",
            "the Docker Engine compresses layers with gzip",
        ),
        (
            request.snapshot_mode.is_some(),
            "snapshot-mode",
            KUBERNETES_ONLY,
        ),
        (
            request.run_as_user.is_some(),
            "run-as-user",
            KUBERNETES_ONLY,
        ),
        (
            request.memory_limit.is_some(),
            "memory-limit",
            KUBERNETES_ONLY,
        ),
        (request.cpu_limit.is_some(), "cpu-limit", KUBERNETES_ONLY),
        (
            request.memory_request.is_some(),
            "memory-request",
            KUBERNETES_ONLY,
        ),
        (
            request.cpu_request.is_some(),
            "cpu-request",
            KUBERNETES_ONLY,
        ),
        (
            request.destination.is_some(),
            "destination",
            "the Docker Engine holds the image until it is pushed",
        ),
    ]
    .into_iter()
    .filter(|(ignored, _, _)| *ignored)
    .map(|(_, setting, reason)| IgnoredSetting {
        setting,
        reason: reason.to_owned(),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::RequestDraft;
    use crate::secret::Placeholders;

    fn request(note: impl FnOnce(&mut RequestDraft)) -> BuildRequest {
        let mut draft = RequestDraft::default();
        note(&mut draft);
        BuildRequest::validate(draft, &Placeholders::default()).unwrap()
    }

    fn ignored(note: impl FnOnce(&mut RequestDraft)) -> Vec<&'static str> {
        let ignored = settings(&request(note)).unwrap();
        ignored.iter().map(|ignored| ignored.setting).collect()
    }

    fn text(value: &str) -> Option<String> {
        Some(value.to_owned())
    }

    #[test]
    fn nothing_is_dropped_silently() {
        assert!(ignored(|_| {}).is_empty());
        assert_eq!(
            ignored(|draft| {
                draft.cache_imports = vec![
                    ("registry.test/a/b:c".to_owned(), None),
                    ("type=s3,bucket=b".to_owned(), None),
                ];
                draft.cache_exports = vec![("type=inline".to_owned(), None)];
                draft.compression = text("zstd");
                draft.snapshot_mode = text("redo");
                draft.run_as_user = text("0");
                draft.memory_limit = text("500Mi");
                draft.cpu_request = text("0.5");
            }),
            [
                "cache-import",
                "cache-export",
                "compression",
                "snapshot-mode",
                "run-as-user",
                "memory-limit",
                "cpu-request"
            ]
        );
    }

    #[test]
    fn a_turned_off_cache_is_reported_once() {
        let cache = || vec![("registry.test/a/b:c".to_owned(), None)];
        assert!(ignored(|draft| draft.cache_imports = cache()).is_empty());
        assert_eq!(
            ignored(|draft| {
                draft.cache_imports = cache();
                draft.build_cache = Some(false);
            }),
            ["cache-import"]
        );
    }

    /// A request with one setting.
    type Setting = (&'static str, fn(&mut RequestDraft));

    #[test]
    fn what_an_image_would_lack_is_an_error() {
        let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        let settings: [Setting; 9] = [
            ("build secrets", |draft| {
                draft.secrets = vec![("a".to_owned(), "b".to_owned())]
            }),
            ("build secrets", |draft| {
                draft.secret_files = vec![("a".to_owned(), "b".to_owned())]
            }),
            ("forwarding of an SSH agent", |draft| {
                draft.ssh_agents = vec!["default".to_owned()]
            }),
            ("images for several platforms", |draft| {
                draft.platforms = vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()];
            }),
            ("named build contexts", |draft| {
                draft.named_contexts = vec![("a".to_owned(), "b".to_owned())];
            }),
            ("choice of the time that an image carries", |draft| {
                draft.source_date_epoch = Some("0".to_owned());
            }),
            ("annotations", |draft| {
                draft.annotations = vec![("a".to_owned(), "b".to_owned())]
            }),
            ("attestation of an image's provenance", |draft| {
                draft.provenance = Some("min".to_owned());
            }),
            ("attestation of what is in an image", |draft| {
                draft.sbom = true
            }),
        ];
        for (what, note) in settings {
            let error = super::settings(&request(note)).unwrap_err();
            assert_eq!(error.kind, crate::ErrorKind::Unsupported);
            assert_eq!(
                error.message,
                format!("the classic builder of the Docker Engine has no {what}")
            );
            assert!(error.hint.is_some_and(|hint| hint.contains("BuildKit")));
        }
        // One platform and further hosts it has.
        assert!(
            ignored(|draft| {
                draft.platforms = vec!["linux/arm64".to_owned()];
                draft.extra_hosts = pair("db.test", "192.0.2.1");
            })
            .is_empty()
        );
    }
}
