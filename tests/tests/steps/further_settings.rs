//! A build request as text.

use std::fmt::Write;

use stepyard::build::{BuildRequest, CachePlace, NetworkMode};

/// What a request asks for that not every engine has.
pub(crate) fn further_settings(request: &BuildRequest) -> String {
    let mut noted = String::new();
    let mut note = |name: &str, value: &dyn std::fmt::Debug| {
        write!(noted, " {name}={value:?}").unwrap();
    };
    for id in &request.ssh_agents {
        note("ssh", id);
    }
    for platform in &request.platforms {
        note("platform", platform);
    }
    for context in &request.named_contexts {
        note(&context.name, &context.source);
    }
    for host in &request.extra_hosts {
        note(&host.name, &host.address);
    }
    for (name, value) in &request.annotations {
        note(name, value);
    }
    if request.network_mode != NetworkMode::Default {
        note("network", &request.network_mode);
    }
    if request.pull {
        note("pull", &true);
    }
    if let Some(compression) = request.compression {
        note("compression", &format_args!("{compression}"));
    }
    if let Some(provenance) = request.provenance {
        note("provenance", &provenance);
    }
    if request.sbom {
        note("sbom", &true);
    }
    if let Some(seconds) = request.source_date_epoch {
        note("epoch", &seconds);
    }
    for (name, caches) in [
        ("from", &request.cache_imports),
        ("to", &request.cache_exports),
    ] {
        for cache in caches {
            let place = match &cache.place {
                CachePlace::Registry(image) => {
                    assert!(image.credential.is_some());
                    image.reference.to_string()
                }
                CachePlace::Local(folder) => folder.clone(),
                CachePlace::Inline => String::new(),
                CachePlace::Other { place, .. } => place.clone(),
            };
            note(name, &format_args!("{}:{place}", cache.kind()));
        }
    }
    if let Some(image) = &request.skip_unchanged {
        note("skip", &format_args!("{}", image.reference));
    }
    noted
}
