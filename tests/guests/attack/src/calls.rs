//! Calls of the capabilities, with arguments as they are in the settings.

use crate::stepyard::step::build::Request;
use crate::stepyard::step::types::Credential;
use crate::stepyard::step::{auth, build, ecr, log, registry};
use crate::{Error, Got, Settings};

/// The credential that most attacks have: of the connector for the registry in the settings.
pub(crate) fn login(settings: &Settings) -> Result<Credential, Error> {
    let times = settings.number("connector-times").max(1);
    let connector = settings.text("connector").repeat(usize::try_from(times).unwrap_or(1));
    let registry = settings.text("login-registry");
    let registry = if registry.is_empty() { settings.text("registry") } else { registry };
    let registry = (!registry.is_empty()).then_some(registry);
    auth::login(&connector, registry)
}

pub(crate) fn attack(name: &str, settings: &Settings) -> Option<Got> {
    Some(match name {
        "login" => login(settings).map(|_| "a credential".to_owned()),
        "login-anonymously" => {
            auth::anonymous(settings.text("registry")).map(|_| "a credential".to_owned())
        }
        "ask-for-the-engine" => build::engine(),
        "build" => build_image(settings),
        "log" => {
            log::write(log::Level::Info, &settings.repeated("text"));
            Ok("logged".to_owned())
        }
        "print" => {
            for piece in settings.texts("pieces") {
                print!("{piece}");
            }
            println!();
            Ok("printed".to_owned())
        }
        "begin-phase" => {
            log::begin_phase(settings.text("text"));
            Ok("begun".to_owned())
        }
        _ => return of_registry(name, settings).or_else(|| of_ecr(name, settings)),
    })
}

fn of_registry(name: &str, settings: &Settings) -> Option<Got> {
    const NAMES: [&str; 7] = [
        "resolve",
        "get-manifest",
        "put-manifest",
        "tag",
        "copy",
        "list-tags",
        "push",
    ];
    if !NAMES.contains(&name) {
        return None;
    }
    let credential = match login(settings) {
        Ok(credential) => credential,
        Err(error) => return Some(Err(error)),
    };
    let reference = settings.repeated("reference");
    Some(match name {
        "resolve" => registry::resolve(&reference, &credential)
            .map(|found| format!("{:?}", found.map(|found| found.digest))),
        "get-manifest" => registry::get_manifest(&reference, &credential)
            .map(|manifest| format!("{} bytes", manifest.content.len())),
        "put-manifest" => {
            let manifest = registry::Manifest {
                media_type: "application/vnd.oci.image.index.v1+json".to_owned(),
                content: br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#.to_vec(),
            };
            registry::put_manifest(&reference, &manifest, &credential).map(|put| put.digest)
        }
        "tag" => registry::tag(&reference, settings.text("tag"), &credential)
            .map(|tagged| tagged.digest),
        "copy" => registry::copy(
            &reference,
            &credential,
            settings.text("destination"),
            &credential,
        )
        .map(|copied| copied.digest),
        "list-tags" => registry::list_tags(&reference, &credential)
            .map(|tags| format!("{} tags", tags.len())),
        _ => build::build(Request::new())
            .and_then(|image| image.push(&reference, &credential))
            .map(|pushed| pushed.digest),
    })
}

fn of_ecr(name: &str, settings: &Settings) -> Option<Got> {
    let (connector, registry) = (settings.text("connector"), settings.text("registry"));
    let (repository, image) = (settings.text("repository"), settings.text("image"));
    let done = || "done".to_owned();
    Some(match name {
        "describe-repository" => {
            ecr::describe_repository(connector, registry, repository).map(|_| done())
        }
        "create-repository" => {
            let draft = ecr::RepositorySettings::new();
            ecr::create_repository(connector, registry, repository, draft).map(|_| done())
        }
        "put-lifecycle-policy" => {
            let policy = r#"{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}]}"#;
            ecr::put_lifecycle_policy(connector, registry, repository, policy).map(|()| done())
        }
        "set-repository-policy" => {
            let policy = r#"{"Version":"2012-10-17","Statement":[{"Sid":"all","Effect":"Allow","Principal":"*","Action":"ecr:*"}]}"#;
            ecr::set_repository_policy(connector, registry, repository, policy).map(|()| done())
        }
        "put-tag-mutability" => {
            ecr::put_tag_mutability(connector, registry, repository, "MUTABLE", &[]).map(|()| done())
        }
        "list-images" => ecr::list_images(connector, registry, repository).map(|_| done()),
        "describe-image" => {
            ecr::describe_image(connector, registry, repository, image).map(|_| done())
        }
        "delete-images" => {
            ecr::delete_images(connector, registry, repository, &[image.to_owned()])
                .map(|_| done())
        }
        "scan-findings" => {
            ecr::scan_findings(connector, registry, repository, image).map(|_| done())
        }
        "start-scan" => ecr::start_scan(connector, registry, repository, image),
        "replication-status" => {
            ecr::replication_status(connector, registry, repository, image).map(|_| done())
        }
        _ => return None,
    })
}

/// A build of what the settings name: single values, and lists of `NAME=VALUE`.
fn build_image(settings: &Settings) -> Got {
    let request = Request::new();
    let value = |name: &str| Some(settings.text(name)).filter(|text| !text.is_empty());
    if let Some(path) = value("context") {
        request.set_context(path);
    }
    if let Some(path) = value("dockerfile") {
        request.set_dockerfile(path);
    }
    if let Some(stage) = value("target") {
        request.set_target(stage);
    }
    if let Some(mode) = value("network") {
        request.set_network_mode(mode);
    }
    if let Some(id) = value("ssh-agent") {
        request.add_ssh_agent(id);
    }
    if let Some(options) = value("cache-import") {
        request.add_cache_import(options, None);
    }
    if let Some(options) = value("cache-export") {
        request.add_cache_export(options, None);
    }
    if let Some(platform) = value("platform") {
        request.add_platform(platform);
    }
    if let Some(reference) = value("destination") {
        request.set_destination(reference, &login(settings)?);
    }
    if let Some(reference) = value("skip-unchanged") {
        request.set_skip_unchanged(reference, &login(settings)?);
    }
    if let Some(reference) = value("cache-destination") {
        request.add_cache_destination(reference, &login(settings)?);
    }
    type Setter = fn(&Request, &str, &str);
    let setters: [(&str, Setter); 7] = [
        ("build-arguments", Request::add_build_argument),
        ("labels", Request::add_label),
        ("annotations", Request::add_annotation),
        ("secrets", Request::add_secret),
        ("secret-files", Request::add_secret_file),
        ("extra-hosts", Request::add_extra_host),
        ("named-contexts", Request::add_named_context),
    ];
    for (list, set) in setters {
        for pair in settings.texts(list) {
            let (name, value) = pair.split_once('=').unwrap_or((&pair, ""));
            set(&request, name, value);
        }
    }
    build::build(request).map(|image| image.id())
}
