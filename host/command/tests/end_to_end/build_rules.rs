//! What the operator lets builds read and reach: the engine holds every Dockerfile to it.

use crate::support::backend::Backend;
use crate::support::cases::cases;
use crate::support::engine::Engine;
use crate::support::project::Project;
use crate::support::run::{self, Run};
use crate::support::service;

cases! {
    a_build_reads_only_what_is_listed {
        docker_26: local_ecr;
        containerd: local_ecr;
        buildkit: local_ecr;
    }
    an_engine_that_cannot_hold_a_build_to_a_list_does_not_build {
        docker_20: local_ecr;
        classic: local_ecr;
    }
    a_build_gets_no_more_network_than_it_may_have {
        docker_20: local_ecr;
        classic: local_ecr;
        containerd: local_ecr;
    }
    an_instruction_gets_no_right_that_was_not_given {
        docker_20: local_ecr;
        containerd: local_ecr;
        buildkit: local_ecr;
    }
}

/// An image that is nowhere: whoever is permitted to read it fails otherwise.
const OTHER: &str = "127.0.0.1:1/other:1";
/// An address at which nobody listens.
const ADDRESS: &str = "http://127.0.0.1:1/file";

fn list(images: &[&str], addresses: Option<&str>) -> String {
    let images: Vec<String> = images.iter().map(|image| format!("{image:?}")).collect();
    let addresses = addresses.map(|address| format!("remote-sources = [{address:?}]\n"));
    format!(
        "[build]\nbase-images = [{}]\n{}",
        images.join(", "),
        addresses.unwrap_or_default()
    )
}

/// The base image with its registry.
fn listed(base: &str) -> String {
    format!("docker.io/{base}")
}

/// The way in which a Dockerfile names the image or address, further settings of the step, and what
/// is named.
fn ways(base: &str) -> Vec<(&'static str, String, String, &'static str)> {
    let plain = format!("FROM {base}\n");
    vec![
        ("FROM", format!("FROM {OTHER}\n"), String::new(), OTHER),
        (
            "FROM of an ARG",
            format!("ARG BASE={base}\nFROM ${{BASE}}\n"),
            format!("buildArgs:\n  BASE: {OTHER}"),
            OTHER,
        ),
        (
            "COPY --from",
            format!("{plain}COPY --from={OTHER} / /other\n"),
            String::new(),
            OTHER,
        ),
        (
            "RUN --mount",
            format!("{plain}RUN --mount=from={OTHER},target=/other ls /other\n"),
            String::new(),
            OTHER,
        ),
        (
            "a frontend",
            format!("# syntax={OTHER}\n{plain}"),
            String::new(),
            OTHER,
        ),
        (
            "ADD",
            format!("{plain}ADD {ADDRESS} /file\n"),
            String::new(),
            ADDRESS,
        ),
        (
            "ONBUILD",
            format!("FROM {base} AS first\nONBUILD ADD {ADDRESS} /file\nFROM first\n"),
            String::new(),
            ADDRESS,
        ),
        (
            "a further context",
            "FROM further\n".to_owned(),
            format!("buildContexts:\n  further: docker-image://{OTHER}"),
            OTHER,
        ),
    ]
}

fn build(project: &Project, dockerfile: &str, settings: &str) -> Run {
    project.write("workspace/Dockerfile", dockerfile);
    project.pipeline("[one]", settings);
    project.run()
}

fn a_build_reads_only_what_is_listed(engine: Engine, backend: &Backend) {
    let project = Project::new(backend).built_by(engine);
    let base = service("STEPYARD_TEST_BASE_IMAGE");
    for (way, dockerfile, settings, named) in ways(&base) {
        project.configure(backend, &list(&[&listed(&base)], None));
        let denied = build(&project, &dockerfile, &settings);
        assert_eq!(denied.code, 3, "{way}: {}", denied.stderr);
        denied.says("denied: the build reads ").says(named);
        assert_eq!(backend.digest(&project.repository, "one"), None, "{way}");

        // With one more entry the engine tries, and nobody answers there.
        project.configure(
            backend,
            &list(&[&listed(&base), OTHER], Some("http://127.0.0.1:1/*")),
        );
        let tried = build(&project, &dockerfile, &settings);
        assert_eq!(tried.code, 1, "{way}: {}", tried.stderr);
        tried.says_nothing_of("denied: the build reads");
    }
    // What is listed is read in each of these ways.
    project.configure(backend, &list(&[&listed(&base)], None));
    build(
        &project,
        &format!(
            "ARG BASE={base}\nFROM ${{BASE}} AS first\nFROM scratch\nCOPY --from={base} /bin /bin\n\
             COPY --from=first /bin /second\n"
        ),
        "",
    )
    .expect(0);
    assert!(backend.digest(&project.repository, "one").is_some());
}

fn an_engine_that_cannot_hold_a_build_to_a_list_does_not_build(engine: Engine, backend: &Backend) {
    let project = Project::new(backend).built_by(engine);
    let base = service("STEPYARD_TEST_BASE_IMAGE");
    let rules = list(&[&listed(&base)], None);
    project.configure(backend, &rules);
    let dockerfile = format!("FROM {base}\nLABEL project={}\n", project.repository);
    build(&project, &dockerfile, "")
        .expect(1)
        .says(
            "the engine docker cannot limit what a Dockerfile reads, as base-images under [build]",
        )
        .says("allow-unenforced = true");
    assert_eq!(backend.digest(&project.repository, "one"), None);
    let mut doctor = project.command(&["doctor", "--workspace", "workspace"]);
    run::to_end(&mut doctor)
        .expect(1)
        .says("failed    the engine docker cannot limit what a Dockerfile reads");
    project.configure(backend, &format!("{rules}allow-unenforced = true\n"));
    build(&project, &dockerfile, "")
        .expect(0)
        .says("the build is not held to it");
}

fn a_build_gets_no_more_network_than_it_may_have(engine: Engine, backend: &Backend) {
    let project = Project::new(backend).built_by(engine);
    // Without a network there is the loopback device alone.
    let alone = |network: &str| format!("RUN : {network} && test $(ls /sys/class/net | wc -l) = 1");
    project.dockerfile(&alone("none"));
    project.pipeline("[one]", "");
    project.configure(backend, "[build]\nnetwork = \"none\"\n");
    project.run().expect(0);
    project.pipeline("[one]", "network: host");
    project
        .run()
        .expect(3)
        .says("denied: the build asks for the network of the engine's machine")
        .says("network under [build]");
    // Its twin: without the limit, RUN has a network.
    project.reach(backend);
    project.dockerfile(&alone("default"));
    project.pipeline("[two]", "");
    project.run().expect(1).says("ended with exit code 1");
}

fn an_instruction_gets_no_right_that_was_not_given(engine: Engine, backend: &Backend) {
    let project = Project::new(backend).built_by(engine);
    project.reach(backend);
    for right in ["--network=host", "--security=insecure"] {
        project.dockerfile(&format!("RUN {right} true"));
        project.pipeline("[one]", "");
        let refused = project.run();
        assert_eq!(refused.code, 1, "{right}: {}", refused.stderr);
        assert_eq!(backend.digest(&project.repository, "one"), None, "{right}");
    }
}
