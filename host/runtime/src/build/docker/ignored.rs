//! What the classic builder cannot do.

use serde::Deserialize;

use super::client::Client;
use super::failure::request_error;
use crate::build::{BuildRequest, IgnoredSetting};
use crate::capability::CapabilityError;

const KUBERNETES_ONLY: &str = "applies on Kubernetes only";

/// The settings of `request` that the classic builder leaves out.
///
/// # Errors
/// [`crate::ErrorKind::Unsupported`] for build secrets: an image that was built without its secret
/// would be a wrong one.
pub(super) async fn settings(
    client: &Client,
    request: &BuildRequest,
) -> Result<Vec<IgnoredSetting>, CapabilityError> {
    if !request.secrets.is_empty() {
        return Err(CapabilityError::unsupported(
            "the classic builder of the Docker Engine has no build secrets",
        )
        .with_hint(
            "use an engine with BuildKit, or leave envDockerSecrets and fileDockerSecrets out",
        ));
    }
    let platform = if request.platforms.is_empty() {
        None
    } else {
        Some(own_platform(client).await?)
    };
    Ok(without(request, platform.as_deref()))
}

/// The platform that the engine builds for, such as `linux/amd64`.
async fn own_platform(client: &Client) -> Result<String, CapabilityError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Version {
        os: String,
        arch: String,
    }
    let version: Version = client
        .get("/version")
        .await
        .map_err(|error| request_error(client, &error))?;
    Ok(format!("{}/{}", version.os, version.arch))
}

fn without(request: &BuildRequest, own_platform: Option<&str>) -> Vec<IgnoredSetting> {
    let own_only = request.platforms.iter().all(|platform| {
        own_platform.is_some_and(|own| {
            platform
                .strip_prefix(own)
                .is_some_and(|variant| variant.is_empty() || variant.starts_with('/'))
        })
    });
    let platform = format!(
        "the classic builder builds for the engine's own platform ({}) only",
        own_platform.unwrap_or_default()
    );
    [
        (!own_only, "platform", platform.as_str()),
        (
            !request.build_cache && !request.cache_sources.is_empty(),
            "cache-source",
            "the build cache is turned off",
        ),
        (
            !request.cache_destinations.is_empty(),
            "cache-destination",
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

    fn ignored(note: impl FnOnce(&mut RequestDraft)) -> Vec<&'static str> {
        let mut draft = RequestDraft::default();
        note(&mut draft);
        let request = BuildRequest::validate(draft, &Placeholders::default()).unwrap();
        without(&request, Some("linux/amd64"))
            .iter()
            .map(|ignored| ignored.setting)
            .collect()
    }

    #[test]
    fn nothing_is_dropped_silently() {
        assert!(ignored(|_| {}).is_empty());
        assert_eq!(
            ignored(|draft| {
                draft.platforms = vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()];
                draft.compression = Some("zstd".to_owned());
                draft.snapshot_mode = Some("redo".to_owned());
                draft.run_as_user = Some("0".to_owned());
                draft.memory_limit = Some("500Mi".to_owned());
                draft.cpu_request = Some("0.5".to_owned());
            }),
            [
                "platform",
                "compression",
                "snapshot-mode",
                "run-as-user",
                "memory-limit",
                "cpu-request"
            ]
        );
    }

    #[test]
    fn the_own_platform_is_honoured() {
        for platform in ["linux/amd64", "linux/amd64/v2"] {
            assert!(ignored(|draft| draft.platforms = vec![platform.to_owned()]).is_empty());
        }
        assert_eq!(
            ignored(|draft| draft.platforms = vec!["linux/amd64x".to_owned()]),
            ["platform"]
        );
    }
}
