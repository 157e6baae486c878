//! Build secrets reach the instructions that ask for them, and are left nowhere.

use crate::support::backend::Backend;
use crate::support::cases::cases;
use crate::support::engine::Engine;
use crate::support::project::Project;
use crate::support::run::{self, holds};
use crate::support::{digest_of, files_below};

cases! {
    build_secrets_reach_the_build_and_nothing_else {
        docker_20: moto;
        containerd: local_ecr;
        buildkit: local_ecr;
        buildkit_tls: moto;
    }
}

fn build_secrets_reach_the_build_and_nothing_else(engine: Engine, backend: &Backend) {
    let project = Project::new(backend).built_by(engine);
    let text = format!("a-text-of-{}", project.repository);
    let file = format!("a-file-of-{}\n", project.repository);
    project.write("workspace/keys/key.pem", &file);
    project.write("workspace/.dockerignore", "keys\n");
    // A build with other secrets would be found in the cache.
    project.dockerfile(&format!(
        "RUN --mount=type=secret,id=text --mount=type=secret,id=file \\\n\
         \x20   sha256sum /run/secrets/text /run/secrets/file > /sums # {}\n\
         COPY . /context",
        project.repository
    ));
    project.pipeline(
        "[one, two]",
        "envDockerSecrets: {text: <+secrets.getValue(\"build_text\")>}\n\
         fileDockerSecrets: {file: keys/key.pem}",
    );
    let mut command = project.run_command(&["pipeline.yaml", "--verbose"]);
    let run = run::to_end(command.env("STEPYARD_SECRET_BUILD_TEXT", &text)).expect(0);

    let image = backend.image(&project.repository, "one");
    let sums = image.file("/sums");
    let told: Vec<String> = sums
        .lines()
        .map(|line| format!("sha256:{}", line.split(' ').next().unwrap()))
        .collect();
    assert_eq!(
        told,
        [digest_of(text.as_bytes()), digest_of(file.as_bytes())]
    );

    let mut places = vec![
        ("the output".to_owned(), run.stdout.into_bytes()),
        ("the errors".to_owned(), run.stderr.into_bytes()),
        ("the image".to_owned(), image.bytes()),
    ];
    for folder in ["temp", "home"] {
        places.extend(files_below(&project.path(folder)));
    }
    for (place, bytes) in places {
        assert!(!holds(&bytes, &text), "{place}");
        assert!(!holds(&bytes, file.trim_end()), "{place}");
    }
}
