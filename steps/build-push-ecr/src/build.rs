//! The build request.

use stepyard_sdk::{
    Credential, Error, auth,
    build::{Request, feature, supports},
    grammar::{CacheOptions, ImageReference},
    log,
};

use crate::{cache::Cache, plan::Plan, prepare, report::NotApplicable};

/// The request for `plan`, which pushes to `destination` where one is given.
///
/// # Errors
/// As logging in to the base images' registries fails.
pub(crate) fn request(
    plan: &Plan,
    destination: Option<&ImageReference>,
    credential: &Credential,
    not_applicable: &mut Vec<NotApplicable>,
) -> Result<Request, Error> {
    let build = &plan.build;
    let mut request = Request::new().context(&build.context);
    if let Some(dockerfile) = &build.dockerfile {
        request = request.dockerfile(dockerfile);
    }
    if let Some(target) = &build.target {
        request = request.target(target);
    }
    for (name, value) in &build.labels {
        request = request.label(name, &value.0);
    }
    for (name, value) in &build.arguments {
        request = request.build_argument(name, &value.0);
    }
    for (id, value) in &build.secrets.values {
        request = request.secret(id, value);
    }
    for (id, path) in &build.secrets.files {
        request = request.secret_file(id, path);
    }
    for (index, connector) in plan.base_image_connectors.iter().enumerate() {
        // Its own registry is known already, so the connector needs no region.
        if *connector == plan.connector {
            request = request.base_image_credential(credential);
            continue;
        }
        let base = auth::login(connector, None)
            .map_err(|error| error.with_context(format_args!("baseImageConnectorRefs[{index}]")))?;
        request = request.base_image_credential(&base);
    }
    request = with_caches(request, plan, credential, not_applicable)?;
    request = build.extensions.apply(request);
    if build.skip_unchanged {
        request = request.skip_unchanged(&plan.image(), credential);
    }
    if let Some(user) = build.run_as_user {
        request = request.run_as_user(&user.to_string());
    }
    if let Some(limit) = build.resources.memory_limit {
        request = request.memory_limit(limit);
    }
    if let Some(limit) = build.resources.cpu_limit {
        request = request.cpu_limit(limit);
    }
    if let Some(amount) = build.resources.memory_request {
        request = request.memory_request(amount);
    }
    if let Some(amount) = build.resources.cpu_request {
        request = request.cpu_request(amount);
    }
    if let Some(enabled) = build.caching {
        request = request.build_cache(enabled);
    }
    // The default is for engines that have the choice; where nobody made it, nobody is told.
    match build.optimize {
        Some(optimize) => request = request.snapshot_mode(if optimize { "redo" } else { "full" }),
        None if supports(feature::SNAPSHOT_MODE) => request = request.snapshot_mode("redo"),
        None => {}
    }
    Ok(match destination {
        Some(destination) => request.destination(destination, credential),
        None => request,
    })
}

fn with_caches(
    mut request: Request,
    plan: &Plan,
    credential: &Credential,
    not_applicable: &mut Vec<NotApplicable>,
) -> Result<Request, Error> {
    let build = &plan.build;
    let of_type = |cache: &CacheOptions| (cache.kind() == "registry").then_some(credential);
    for cache in &build.cache_imports {
        if cache.is_supported(false, not_applicable) {
            log::debug!("{}: layers may come from {}", cache.setting, open(cache));
            request = request.cache_import(&cache.options, of_type(&cache.options));
        }
    }
    for cache in &build.cache_exports {
        if cache.is_supported(true, not_applicable) {
            log::debug!("{}: layers are kept in {}", cache.setting, open(cache));
            request = request.cache_export(&cache.options, of_type(&cache.options));
        }
    }
    // The engine's own cache is what was asked for where it can keep none in the image.
    let inline = build.caching == Some(true)
        && build.cache_exports.is_empty()
        && supports(feature::CACHE_INLINE);
    if inline {
        request = request.cache_export(&CacheOptions::inline(), None);
        for tag in plan.tags() {
            if prepare::resolve(plan, tag, credential)?.is_some() {
                let image = plan.image().with_tag(tag.clone());
                log::debug!("caching: layers may come from {image}");
                request = request.cache_import(
                    &CacheOptions::of_image(&image.to_string()),
                    Some(credential),
                );
            }
        }
    }
    Ok(request)
}

/// What a cache is, without its attributes: they may be credentials.
fn open(cache: &Cache) -> String {
    match (cache.image(), cache.options.place()) {
        (Some(image), _) => image.to_string(),
        (None, Some(place)) => place,
        (None, None) => "the image".to_owned(),
    }
}
