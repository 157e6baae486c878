//! From the contract's request to BuildKit's.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::ExposeSecret;
use sha2::{Digest as _, Sha256};
use stepyard_build_context::BuildContext;
use stepyard_buildkit as buildkit;
use stepyard_grammar::ImageReference;

use super::builder::Builder;
use super::source_rules::source_rules;
use super::sources::{Credentials, Secrets};
use crate::build::{
    Build, BuildRequest, CacheAttribute, CacheEntry, CachePlace, CompressionAlgorithm,
    ContextSource, ExtraHost, NetworkMode, Provenance, RegistryImage,
};
use crate::capability::CapabilityError;
use crate::registry::Endpoints;

/// The build of `request`, which is the one of `call` without what the engine leaves out.
pub(super) async fn dockerfile_build(
    builder: &Builder,
    call: &Build,
    request: &BuildRequest,
    context: &BuildContext,
) -> Result<buildkit::DockerfileBuild, CapabilityError> {
    let directory = context.root().try_clone().map_err(unreadable)?;
    let shared = buildkit::Context {
        directory,
        shared_key: shared_key(call),
    };
    let mut build = buildkit::DockerfileBuild::new(shared, output(request, &builder.endpoints));
    build.dockerfile = Some(dockerfile(call, context)?);
    build.target = request.target.clone();
    build.build_arguments = request.build_arguments.clone();
    build.labels = request.labels.clone();
    build.platforms = request.platforms.clone();
    build.network = match request.network_mode {
        NetworkMode::Default => buildkit::Network::Default,
        NetworkMode::None => buildkit::Network::None,
        NetworkMode::Host => buildkit::Network::Host,
    };
    for host in &request.extra_hosts {
        let address = host_address(host, &builder.information)?;
        build.extra_hosts.push((host.name.clone(), address));
    }
    for named in &request.named_contexts {
        let source = match &named.source {
            ContextSource::Folder(path) => {
                let opened = call.workspace.directory().open_dir(path);
                buildkit::NamedContext::Directory(opened.map_err(|error| {
                    CapabilityError::not_found(format!(
                        "the build context {:?} ({path}): {error}",
                        named.name
                    ))
                })?)
            }
            ContextSource::Image(image) => {
                buildkit::NamedContext::Image(physical(image, &builder.endpoints))
            }
        };
        build.named_contexts.push((named.name.clone(), source));
    }
    build.no_cache = !request.build_cache;
    build.pull = request.pull;
    build.source_date_epoch = request.source_date_epoch;
    for cache in &request.cache_imports {
        let entry = cache_entry(cache, builder, call, "src").await?;
        build.cache_imports.push(entry);
    }
    for cache in &request.cache_exports {
        let mut entry = cache_entry(cache, builder, call, "dest").await?;
        if cache.ignore_error && !matches!(cache.place, CachePlace::Inline) {
            entry = entry.with("ignore-error", "true");
        }
        build.cache_exports.push(entry);
    }
    build.compression = request
        .compression
        .map(|compression| buildkit::Compression {
            algorithm: match compression.algorithm {
                CompressionAlgorithm::Gzip => buildkit::CompressionAlgorithm::Gzip,
                CompressionAlgorithm::Zstd => buildkit::CompressionAlgorithm::Zstd,
                CompressionAlgorithm::Estargz => buildkit::CompressionAlgorithm::Estargz,
            },
            level: compression.level,
        });
    build.annotations = request.annotations.clone();
    build.provenance = request.provenance.map(|provenance| match provenance {
        Provenance::Min => buildkit::Provenance::Minimal,
        Provenance::Max => buildkit::Provenance::Maximal,
    });
    build.software_bill_of_materials = request.sbom.then(String::new);
    build.credentials = Arc::new(Credentials::of(request, &builder.endpoints));
    let secrets = Secrets {
        secrets: request.secrets.clone(),
        stores: call.secrets.clone(),
        workspace: call.workspace.clone(),
    };
    secrets.check_files().await?;
    build.secrets = Arc::new(secrets);
    build.source_rules = source_rules(call, &builder.endpoints);
    build.ssh_agents = ssh_agents(request)?;
    Ok(build)
}

/// A digest of the context's path: the daemon compares the folder with what it last received under
/// this name, and others who use the daemon learn no path from it.
fn shared_key(call: &Build) -> String {
    let path = call.workspace.path().join(&call.request.context);
    Sha256::digest(path.as_os_str().as_encoded_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn dockerfile(
    call: &Build,
    context: &BuildContext,
) -> Result<buildkit::DockerfileLocation, CapabilityError> {
    let path = &context.dockerfile().path_in_workspace;
    let workspace = call.workspace.directory();
    let (directory, file_name) = match path.rsplit_once('/') {
        Some((folder, name)) => (workspace.open_dir(folder), name),
        None => (workspace.try_clone(), path.as_str()),
    };
    Ok(buildkit::DockerfileLocation {
        directory: directory.map_err(unreadable)?,
        file_name: file_name.to_owned(),
    })
}

fn unreadable(error: std::io::Error) -> CapabilityError {
    CapabilityError::unavailable(format!("the build context cannot be opened: {error}"))
}

fn output(request: &BuildRequest, endpoints: &Endpoints) -> buildkit::Output {
    match &request.destination {
        Some(destination) => buildkit::Output::Push(buildkit::PushDestination {
            reference: physical(&destination.reference, endpoints),
            by_digest: false,
            insecure: endpoints.of(destination.reference.registry()).plain_http,
        }),
        None => buildkit::Output::Held { names: Vec::new() },
    }
}

/// The reference by which the daemon reaches the image.
pub(super) fn physical(image: &ImageReference, endpoints: &Endpoints) -> String {
    let host = endpoints.of(image.registry()).host;
    let mut text = format!("{host}/{}", image.repository());
    match (image.tag(), image.digest()) {
        (_, Some(digest)) => text = format!("{text}@{digest}"),
        (Some(tag), None) => text = format!("{text}:{tag}"),
        (None, None) => text = format!("{text}:latest"),
    }
    text
}

/// The address of an extra host, which is the engine's machine where none is given.
fn host_address(
    host: &ExtraHost,
    information: &buildkit::DaemonInformation,
) -> Result<String, CapabilityError> {
    let given = host.address.map(|address| address.to_string());
    let gateway = || information.host_gateway().map(str::to_owned);
    given.or_else(gateway).ok_or_else(|| {
        CapabilityError::unsupported(format!(
            "the extra host {}: the engine does not tell the address of its machine",
            host.name
        ))
        .with_hint("write the address instead of host-gateway, or use a newer Docker Engine")
    })
}

async fn cache_entry(
    cache: &CacheEntry,
    builder: &Builder,
    call: &Build,
    folder_attribute: &str,
) -> Result<buildkit::CacheEntry, CapabilityError> {
    let mut entry = match &cache.place {
        CachePlace::Registry(RegistryImage { reference, .. }) => {
            let entry = buildkit::CacheEntry::registry(&physical(reference, &builder.endpoints));
            if builder.endpoints.of(reference.registry()).plain_http {
                entry.with("registry.insecure", "true")
            } else {
                entry
            }
        }
        CachePlace::Inline | CachePlace::Other { .. } => buildkit::CacheEntry {
            kind: cache.kind().to_owned(),
            attributes: Vec::new(),
        },
        CachePlace::Local(name) => {
            let folder = call.cache_folder.as_ref().ok_or_else(|| {
                CapabilityError::unsupported("this host keeps no caches of the type local")
            })?;
            let path = folder.join(name);
            buildkit::CacheEntry {
                kind: "local".to_owned(),
                attributes: Vec::new(),
            }
            .with(folder_attribute, &path.display().to_string())
        }
    };
    for (name, value) in &cache.attributes {
        match value {
            CacheAttribute::Text(text) => entry = entry.with(name, text),
            CacheAttribute::Stored(secret) => {
                let value = call.secrets.get(secret, "the build's cache").await?;
                entry = entry.with(name, value.expose_secret());
            }
        }
    }
    Ok(entry)
}

fn ssh_agents(request: &BuildRequest) -> Result<BTreeMap<String, PathBuf>, CapabilityError> {
    if request.ssh_agents.is_empty() {
        return Ok(BTreeMap::new());
    }
    let socket = std::env::var_os("SSH_AUTH_SOCK")
        .filter(|socket| !socket.is_empty())
        .ok_or_else(|| {
            CapabilityError::unavailable("the build asks for an ssh agent, and none runs")
                .with_hint("start one with `eval $(ssh-agent)` and add the key with `ssh-add`")
        })?;
    Ok(request
        .ssh_agents
        .iter()
        .map(|id| (id.clone(), PathBuf::from(&socket)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::ErrorKind;

    #[test]
    fn the_address_of_the_engines_machine_is_what_it_tells() {
        let host = |address: Option<&str>| ExtraHost {
            name: "a.test".to_owned(),
            address: address.map(|address| address.parse().unwrap()),
        };
        let telling = buildkit::DaemonInformation {
            labels: vec![(
                "org.mobyproject.buildkit.worker.moby.host-gateway-ip".to_owned(),
                "172.17.0.1".to_owned(),
            )],
            ..buildkit::DaemonInformation::default()
        };
        let silent = buildkit::DaemonInformation::default();
        for (address, information, expected) in [
            (None, &telling, "172.17.0.1"),
            (Some("10.0.0.1"), &telling, "10.0.0.1"),
            (Some("::1"), &silent, "::1"),
        ] {
            let written = host_address(&host(address), information).unwrap();
            assert_eq!(written, expected);
        }
        let error = host_address(&host(None), &silent).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported);
        assert!(error.message.contains("a.test"), "{error:?}");
    }
}
