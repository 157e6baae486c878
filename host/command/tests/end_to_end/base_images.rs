//! Base images that not everybody may pull.

use crate::support::backend::Backend;
use crate::support::cases::cases;
use crate::support::engine::Engine;
use crate::support::project::Project;
use crate::support::run;

cases! {
    a_private_base_image_is_pulled_with_its_connector {
        docker_20: local_ecr;
        containerd: local_ecr;
        buildkit: local_ecr;
        classic: local_ecr;
    }
}

/// The base image is in another registry than the destination, whose credential opens nothing
/// there, and no engine has seen it.
fn a_private_base_image_is_pulled_with_its_connector(engine: Engine, backend: &Backend) {
    let private = Backend::moto();
    // Not by an engine that this case is about: an engine may remember what it has pushed.
    let base = Project::new(&private).built_by(Engine::Docker26);
    base.dockerfile(&format!("RUN echo {} > /base", base.repository));
    base.pipeline("[one]", "");
    base.run().expect(0);

    let project = Project::new(backend).built_by(engine);
    let image = format!("{}/{}:one", private.registry, base.repository);
    project.write(
        "workspace/Dockerfile",
        &format!("FROM {image}\nLABEL on=base\n"),
    );
    project.pipeline("[one]", "");
    project
        .run()
        .expect(1)
        .says(&format!("the base image {image}: "))
        .says("baseImageConnectorRefs");
    assert_eq!(backend.digest(&project.repository, "one"), None);

    let connector = format!(
        "---\nconnector:\n  name: hub\n  identifier: hub\n  type: DockerRegistry\n  spec:\n\
         \x20   dockerRegistryUrl: http://{}\n    providerType: Other\n    auth:\n\
         \x20     type: UsernamePassword\n      spec: {{username: AWS, passwordRef: hub}}\n",
        private.registry
    );
    let connectors = project.read("connectors.yaml");
    project.write("connectors.yaml", &(connectors + &connector));
    project.pipeline("[one]", "baseImageConnectorRefs: hub");
    let mut command = project.run_command(&["pipeline.yaml", "--verbose"]);
    run::to_end(command.env("STEPYARD_SECRET_HUB", run::REGISTRY_PASSWORD)).expect(0);
    let pushed = backend.image(&project.repository, "one");
    assert_eq!(pushed.configuration["config"]["Labels"]["on"], "base");
    assert_eq!(pushed.file("/base").trim_end(), base.repository);
}
