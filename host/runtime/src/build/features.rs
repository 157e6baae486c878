//! What an engine lacks of what a request asks for.
//!
//! What changes the image or guards it is an error: an image without it would be a wrong one. What
//! only saves time or space is left out and reported.

use super::{BuildEngine, BuildRequest, CachePlace, Feature, IgnoredSetting};
use crate::capability::CapabilityError;

const KUBERNETES_ONLY: &str = "applies on Kubernetes only";

/// A setting that is an error where the engine lacks it.
struct Essential {
    asked: bool,
    feature: Feature,
    /// What it is, for a person.
    what: &'static str,
    /// The settings that ask for it.
    settings: &'static str,
}

/// A setting that is left out where the engine lacks it.
struct Optional {
    asked: bool,
    feature: Feature,
    /// The setter without its verb.
    setting: &'static str,
    reason: &'static str,
}

/// What of `request` an engine leaves out that `supports` some features; `engine` is its name for
/// a person.
///
/// # Errors
/// [`crate::ErrorKind::Unsupported`] for the first setting that cannot be left out.
pub(super) fn check(
    request: &BuildRequest,
    engine: &str,
    supports: impl Fn(Feature) -> bool,
) -> Result<Vec<IgnoredSetting>, CapabilityError> {
    let missing = essential(request)
        .into_iter()
        .find(|setting| setting.asked && !supports(setting.feature));
    if let Some(setting) = missing {
        return Err(
            CapabilityError::unsupported(format!("{engine} has no {}", setting.what)).with_hint(
                format!(
                    "{}, or leave {} out",
                    remedy(setting.feature),
                    setting.settings
                ),
            ),
        );
    }
    Ok(optional(request)
        .into_iter()
        .filter(|setting| setting.asked && !supports(setting.feature))
        .map(|setting| IgnoredSetting {
            setting: setting.setting.into(),
            reason: setting.reason.to_owned(),
        })
        .chain(
            (!request.build_cache && !request.cache_imports.is_empty()).then(|| IgnoredSetting {
                setting: "cache-import".into(),
                reason: "the build cache is turned off".to_owned(),
            }),
        )
        .collect())
}

/// As [`check`], for an engine that answers.
pub(crate) async fn left_out(
    request: &BuildRequest,
    engine: &dyn BuildEngine,
) -> Result<Vec<IgnoredSetting>, CapabilityError> {
    let mut supported = Vec::new();
    for feature in Feature::ALL {
        if engine.supports(feature).await {
            supported.push(feature);
        }
    }
    let name = format!("the engine {}", engine.name());
    check(request, &name, |feature| supported.contains(&feature))
}

/// The request without what [`check`] reports as left out, for engines that would choke on it.
pub(super) fn without_left_out(
    request: &BuildRequest,
    supports: impl Fn(Feature) -> bool,
) -> BuildRequest {
    let mut request = request.clone();
    let of_cache = |place: &CachePlace, registry| match place {
        CachePlace::Registry(_) => registry,
        CachePlace::Inline => Feature::CacheInline,
        CachePlace::Local(_) => Feature::CacheLocal,
        CachePlace::Other { .. } => Feature::CacheOther,
    };
    let imported = |cache: &super::CacheEntry| supports(of_cache(&cache.place, Feature::CacheFrom));
    let exported = |cache: &super::CacheEntry| supports(of_cache(&cache.place, Feature::CacheTo));
    let use_cache = request.build_cache;
    request
        .cache_imports
        .retain(|cache| use_cache && imported(cache));
    request.cache_exports.retain(exported);
    if !supports(Feature::PushWhileBuilding) {
        request.destination = None;
    }
    if !supports(Feature::Compression) {
        request.compression = None;
    }
    request
}

/// Which engine has a feature that the one at hand lacks.
fn remedy(feature: Feature) -> &'static str {
    match feature {
        Feature::Platforms | Feature::Annotations | Feature::Provenance | Feature::Sbom => {
            "use a Docker Engine with the containerd image store \
             (`\"features\": {\"containerd-snapshotter\": true}` in daemon.json) or a BuildKit \
             daemon (BUILDKIT_HOST)"
        }
        Feature::NamedContexts | Feature::SourceDateEpoch => {
            "use a Docker Engine from version 24 on, or a BuildKit daemon (BUILDKIT_HOST)"
        }
        _ => "use an engine with BuildKit",
    }
}

fn essential(request: &BuildRequest) -> Vec<Essential> {
    let essential = |asked, feature, what, settings| Essential {
        asked,
        feature,
        what,
        settings,
    };
    vec![
        essential(
            !request.secrets.is_empty(),
            Feature::BuildSecrets,
            "build secrets",
            "envDockerSecrets and fileDockerSecrets",
        ),
        essential(
            !request.ssh_agents.is_empty(),
            Feature::Ssh,
            "forwarding of an SSH agent",
            "ssh",
        ),
        essential(
            request.platforms.len() > 1,
            Feature::Platforms,
            "images for several platforms",
            "all of platforms but one",
        ),
        essential(
            !request.named_contexts.is_empty(),
            Feature::NamedContexts,
            "named build contexts",
            "buildContexts",
        ),
        essential(
            !request.extra_hosts.is_empty(),
            Feature::ExtraHosts,
            "extra hosts",
            "extraHosts",
        ),
        essential(
            request.source_date_epoch.is_some(),
            Feature::SourceDateEpoch,
            "choice of the time that an image carries",
            "sourceDateEpoch",
        ),
        essential(
            !request.annotations.is_empty(),
            Feature::Annotations,
            "annotations",
            "annotations",
        ),
        essential(
            request.provenance.is_some(),
            Feature::Provenance,
            "attestation of an image's provenance",
            "provenance",
        ),
        essential(
            request.sbom,
            Feature::Sbom,
            "attestation of what is in an image",
            "sbom",
        ),
    ]
}

fn optional(request: &BuildRequest) -> Vec<Optional> {
    let optional = |asked, feature, setting, reason| Optional {
        asked,
        feature,
        setting,
        reason,
    };
    let any = |caches: &[super::CacheEntry], is: fn(&CachePlace) -> bool| {
        caches.iter().any(|cache| is(&cache.place))
    };
    let registry = |place: &CachePlace| matches!(place, CachePlace::Registry(_));
    let inline = |place: &CachePlace| matches!(place, CachePlace::Inline);
    let local = |place: &CachePlace| matches!(place, CachePlace::Local(_));
    let other = |place: &CachePlace| matches!(place, CachePlace::Other { .. });
    let (imports, exports) = (&request.cache_imports, &request.cache_exports);
    let mut settings = vec![
        optional(
            request.compression.is_some(),
            Feature::Compression,
            "compression",
            "the engine compresses layers with gzip when it pushes them",
        ),
        optional(
            request.snapshot_mode.is_some(),
            Feature::SnapshotMode,
            "snapshot-mode",
            KUBERNETES_ONLY,
        ),
        optional(
            request.run_as_user.is_some(),
            Feature::RunAsUser,
            "run-as-user",
            KUBERNETES_ONLY,
        ),
        optional(
            request.destination.is_some(),
            Feature::PushWhileBuilding,
            "destination",
            "the engine holds the image until it is pushed",
        ),
    ];
    for (asked, setting) in [
        (request.memory_limit.is_some(), "memory-limit"),
        (request.cpu_limit.is_some(), "cpu-limit"),
        (request.memory_request.is_some(), "memory-request"),
        (request.cpu_request.is_some(), "cpu-request"),
    ] {
        settings.push(optional(
            asked,
            Feature::ResourceLimits,
            setting,
            KUBERNETES_ONLY,
        ));
    }
    let import = "the engine takes layers from images in registries only";
    let export = "the engine keeps layers of earlier builds itself, and none elsewhere";
    for (asked, feature, setting, reason) in [
        (
            any(imports, registry),
            Feature::CacheFrom,
            "cache-import",
            import,
        ),
        (
            any(imports, inline),
            Feature::CacheInline,
            "cache-import",
            import,
        ),
        (
            any(imports, local),
            Feature::CacheLocal,
            "cache-import",
            import,
        ),
        (
            any(imports, other),
            Feature::CacheOther,
            "cache-import",
            import,
        ),
        (
            any(exports, registry),
            Feature::CacheTo,
            "cache-export",
            export,
        ),
        (
            any(exports, inline),
            Feature::CacheInline,
            "cache-export",
            export,
        ),
        (
            any(exports, local),
            Feature::CacheLocal,
            "cache-export",
            export,
        ),
        (
            any(exports, other),
            Feature::CacheOther,
            "cache-export",
            export,
        ),
    ] {
        settings.push(optional(asked, feature, setting, reason));
    }
    settings
}
