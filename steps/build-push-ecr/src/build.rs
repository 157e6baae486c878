//! The build request.

use stepyard_sdk::{
    Credential, Error, auth,
    build::{Request, supports},
    grammar::ImageReference,
    log,
};

use crate::{plan::Plan, report::NotApplicable};

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
        let base = auth::login(connector, None)
            .map_err(|error| error.with_context(format_args!("baseImageConnectorRefs[{index}]")))?;
        request = request.base_image_credential(&base);
    }
    for image in &build.cache_sources {
        log::debug!("cached layers may come from {image}");
        request = request.cache_source(image, Some(credential));
    }
    for (setting, image) in &build.cache_destinations {
        if supports("cache-to") {
            log::debug!("layers are kept in {image}");
            request = request.cache_destination(image, credential);
        } else {
            not_applicable.push(NotApplicable {
                setting: (*setting).to_owned(),
                reason: "the engine does not write a cache to a registry".to_owned(),
            });
        }
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
        None if supports("snapshot-mode") => request = request.snapshot_mode("redo"),
        None => {}
    }
    Ok(match destination {
        Some(destination) => request.destination(destination, credential),
        None => request,
    })
}
