//! Layers of earlier builds: the engine's own, and those that a registry keeps.

use crate::support::backend::Backend;
use crate::support::cases::cases;
use crate::support::engine::Engine;
use crate::support::project::Project;

cases! {
    caching_decides_whether_layers_are_used_again {
        docker_20: local_ecr;
        containerd: local_ecr;
        buildkit: local_ecr;
        classic: local_ecr;
    }
    a_cache_in_the_registry_serves_another_engine {
        containerd: moto, local_ecr;
        buildkit: local_ecr;
    }
    an_image_serves_another_engine_as_cache {
        containerd: moto;
        buildkit: local_ecr;
    }
    an_engine_that_writes_no_cache_says_so {
        docker_20: local_ecr;
        classic: local_ecr;
    }
    a_missing_cache_image_is_told_and_tolerated {
        docker_20: moto, local_ecr;
        containerd: local_ecr;
        buildkit: moto;
        classic: local_ecr;
    }
}

/// An instruction that gives something else each time that it is carried out, and what the
/// instructions of no other test are like.
fn random(project: &Project) {
    project.dockerfile(&format!(
        "RUN head -c 16 /dev/urandom | sha256sum > /random # {}",
        project.repository
    ));
}

/// What that instruction gave in the image that a tag names.
fn given(backend: &Backend, project: &Project, tag: &str) -> String {
    backend.image(&project.repository, tag).file("/random")
}

fn caching_decides_whether_layers_are_used_again(engine: Engine, backend: &Backend) {
    let project = Project::new(backend).built_by(engine);
    random(&project);
    for (tag, caching) in [("one", ""), ("two", ""), ("three", "caching: false")] {
        project.pipeline(&format!("[{tag}]"), caching);
        project.run().expect(0);
    }
    let [one, two, three] = ["one", "two", "three"].map(|tag| given(backend, &project, tag));
    assert_eq!(one, two);
    assert_ne!(one, three);
}

fn a_cache_in_the_registry_serves_another_engine(engine: Engine, backend: &Backend) {
    let project = Project::new(backend).built_by(engine);
    random(&project);
    let cache = format!("{}:cache", project.repository);
    project.pipeline("[one]", &format!("cacheTo: \"{cache}\""));
    project.run().expect(0).says_nothing_of("not applicable");
    let project = project.built_by(Engine::Docker26);
    project.pipeline("[two]", &format!("cacheFrom: \"{cache}\""));
    project.run().expect(0);
    let [one, two] = ["one", "two"].map(|tag| given(backend, &project, tag));
    assert_eq!(one, two);
}

/// With `caching: true`, the image itself holds the cache of its layers.
fn an_image_serves_another_engine_as_cache(engine: Engine, backend: &Backend) {
    let project = Project::new(backend).built_by(engine);
    random(&project);
    project.pipeline("[one]", "caching: true");
    project.run().expect(0);
    let image = format!("cacheFrom: \"{}:one\"", project.repository);
    let project = project.built_by(Engine::Docker26);
    project.pipeline("[two]", &image);
    project.run().expect(0);
    let [one, two] = ["one", "two"].map(|tag| given(backend, &project, tag));
    assert_eq!(one, two);
}

fn an_engine_that_writes_no_cache_says_so(engine: Engine, backend: &Backend) {
    let project = Project::new(backend).built_by(engine);
    project.dockerfile("LABEL cache=unwritten");
    let cache = format!("cacheTo: \"{}:cache\"", project.repository);
    project.pipeline("[one]", &cache);
    project
        .run()
        .expect(0)
        .says("not applicable with the engine docker: cacheTo");
    assert_eq!(backend.digest(&project.repository, "cache"), None);
}

fn a_missing_cache_image_is_told_and_tolerated(engine: Engine, backend: &Backend) {
    let project = Project::new(backend).built_by(engine);
    project.dockerfile("LABEL cache=missing");
    let cache = format!("remoteCacheImage: {}:absent-cache", project.repository);
    project.pipeline("[one]", &cache);
    project.run().expect(0).says("absent-cache");
    assert!(backend.digest(&project.repository, "one").is_some());
}
