//! Caches outside of the daemon.

use stepyard_buildkit::{CacheEntry, Event};

use crate::support::{Built, Engine, Registry, Workspace, build, on, push, unique};

const STEP: &str = "RUN cat /proc/sys/kernel/random/uuid > /id";

/// Two stages of which only the last is in the image. No other test's cache has them.
fn workspace() -> Workspace {
    let marker = unique("cached");
    Workspace::new(&format!(
        "FROM base AS first\n{STEP} # {marker} first\nFROM base\nCOPY --from=first /id /first\n{STEP} # {marker} last\n"
    ))
}

/// The same folder for another engine.
fn copy(workspace: &Workspace) -> Workspace {
    let text = std::fs::read_to_string(workspace.path("Dockerfile")).unwrap();
    Workspace::new(&text)
}

fn was_cached(built: &Built) -> (bool, bool) {
    let find = |end: &str| {
        built.events.iter().rev().find_map(|event| match event {
            Event::VertexFinished { name, cached, .. } if name.ends_with(end) => Some(*cached),
            _ => None,
        })
    };
    // What is not needed is not even looked at.
    (
        find(" first").unwrap_or(true),
        find(" last").unwrap_or(true),
    )
}

fn references(name: &str) -> (Registry, String) {
    let registry = Registry::open();
    let repository = format!("stepyard-buildkit/{}", unique(name));
    (registry, repository)
}

on!(a_registry_keeps_a_cache: docker_26_containerd, daemon);

/// Written by one engine in the form that ECR takes, read by another.
async fn a_registry_keeps_a_cache(engine: Engine) {
    let (registry, repository) = references("cache");
    let reference = format!("{}/{repository}:cache", registry.address);
    let workspace = workspace();
    let mut request = workspace.trial();
    request.cache_exports = vec![
        CacheEntry::registry(&reference)
            .with("mode", "max")
            .with("image-manifest", "true")
            .with("oci-mediatypes", "true"),
    ];
    let first = build(engine, request).await;
    first.succeeded();
    assert_eq!(was_cached(&first), (false, false));
    let manifest = registry.manifest(&repository, "cache");
    assert_eq!(
        manifest["mediaType"],
        "application/vnd.oci.image.manifest.v1+json"
    );
    assert_eq!(
        manifest["config"]["mediaType"],
        "application/vnd.buildkit.cacheconfig.v0"
    );
    let other = Engine::docker_26_classic();
    let again = copy(&workspace);
    let mut request = again.trial();
    request.cache_imports = vec![CacheEntry::registry(&reference)];
    let second = build(other, request).await;
    second.succeeded();
    assert_eq!(was_cached(&second), (true, true), "{:?}", second.events);
    // Without it that engine knows nothing, so it was not its own cache.
    let unread = workspace_that_differs(&workspace);
    let third = build(other, unread.trial()).await;
    third.succeeded();
    assert_eq!(was_cached(&third), (false, false));
}

/// The same commands on another base stage.
fn workspace_that_differs(workspace: &Workspace) -> Workspace {
    let text = std::fs::read_to_string(workspace.path("Dockerfile")).unwrap();
    Workspace::new(&text.replace(" AS first\n", " AS first\nENV OTHER=1\n"))
}

on!(an_image_keeps_its_cache: docker_26_containerd, daemon);

async fn an_image_keeps_its_cache(engine: Engine) {
    let (registry, repository) = references("inline");
    let reference = format!("{}/{repository}:1", registry.address);
    let workspace = workspace();
    let mut request = workspace.build(push(&reference));
    request.cache_exports = vec![CacheEntry {
        kind: "inline".to_owned(),
        attributes: Vec::new(),
    }];
    build(engine, request).await.succeeded();
    for other in [Engine::docker_26_classic(), Engine::docker_20()] {
        let again = copy(&workspace);
        let mut request = again.trial();
        request.cache_imports = vec![CacheEntry::registry(&reference)];
        let second = build(other, request).await;
        second.succeeded();
        let (_, last) = was_cached(&second);
        // The image's own layers, and not those of the first stage.
        if other == Engine::docker_26_classic() {
            assert!(last, "{:?}", second.events);
        }
    }
}

on!(a_cache_that_cannot_be_written: docker_26_containerd, daemon);

async fn a_cache_that_cannot_be_written(engine: Engine) {
    let workspace = workspace();
    let nowhere = CacheEntry::registry("127.0.0.1:1/nowhere:cache").with("mode", "max");
    let mut request = workspace.trial();
    request.cache_exports = vec![nowhere.clone()];
    let failed = build(engine, request).await;
    let failure = failed.failure();
    assert!(failure.message.contains("127.0.0.1:1"), "{failure:?}");

    let mut request = workspace.trial();
    request.cache_exports = vec![nowhere.with("ignore-error", "true")];
    let built = build(engine, request).await;
    built.succeeded();
    let reported = built.events.iter().any(|event| {
        matches!(event, Event::VertexFinished { error: Some(error), .. } if error.contains("127.0.0.1:1"))
    });
    assert!(reported, "{:?}", built.events);
}

on!(a_cache_that_cannot_be_read: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn a_cache_that_cannot_be_read(engine: Engine) {
    let workspace = workspace();
    let mut request = workspace.trial();
    request.cache_imports = vec![CacheEntry::registry("127.0.0.1:1/nowhere:cache")];
    let built = build(engine, request).await;
    built.succeeded();
    let reported = built.events.iter().any(|event| {
        matches!(event, Event::VertexFinished { error: Some(error), .. } if error.contains("127.0.0.1:1"))
    });
    assert!(reported, "{:?}", built.events);
}

on!(a_folder_keeps_a_cache: docker_26_containerd, daemon);

/// Written by one engine, read by another.
async fn a_folder_keeps_a_cache(engine: Engine) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache").display().to_string();
    let local = |name: &str| CacheEntry {
        kind: "local".to_owned(),
        attributes: vec![(name.to_owned(), path.clone())],
    };
    let workspace = workspace();
    let mut request = workspace.trial();
    request.cache_exports = vec![local("dest").with("mode", "max")];
    let first = build(engine, request).await;
    first.succeeded();
    assert_eq!(was_cached(&first), (false, false));

    let again = copy(&workspace);
    let mut request = again.trial();
    request.cache_imports = vec![local("src")];
    let second = build(Engine::docker_26_classic(), request).await;
    second.succeeded();
    assert_eq!(was_cached(&second), (true, true), "{:?}", second.events);
}

on!(a_folder_without_a_cache: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn a_folder_without_a_cache(engine: Engine) {
    let folder = tempfile::tempdir().unwrap();
    let workspace = workspace();
    let mut request = workspace.trial();
    request.cache_imports = vec![CacheEntry {
        kind: "local".to_owned(),
        attributes: vec![("src".to_owned(), folder.path().display().to_string())],
    }];
    let built = build(engine, request).await;
    built.succeeded();
    let warned = built
        .events
        .iter()
        .any(|event| matches!(event, Event::Warning { message, .. } if message.contains("cache")));
    assert!(warned, "{:?}", built.events);
}
