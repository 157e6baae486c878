//! Builds that run and fail.

use crate::support::{Destination, Engine, Workspace, build, on};

on!(a_command_that_fails: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn a_command_that_fails(engine: Engine) {
    let workspace = Workspace::new(
        "FROM base AS builder\n\n# A comment.\nRUN echo first line >&2 && \\\n    echo last line >&2 && \\\n    exit 37\n\
         RUN true\nFROM scratch\nCOPY --from=builder /bin /bin\n",
    );
    let destination = Destination::new(engine, "failing");
    let built = build(engine, workspace.build(destination.output())).await;
    let failure = built.failure();
    assert_eq!(failure.exit_code, Some(37), "{failure:?}");
    assert_eq!(failure.output, ["first line", "last line"], "{failure:?}");
    let vertex = failure.vertex.as_deref().unwrap();
    assert!(
        vertex.starts_with("[builder 2/3] RUN echo first line"),
        "{vertex}"
    );
    if engine.is_old() {
        assert_eq!(failure.source, None);
    } else {
        let source = failure.source.as_ref().unwrap();
        assert_eq!((source.first_line, source.last_line), (4, 6), "{source:?}");
        assert_eq!(source.file, "Dockerfile");
        assert!(
            source.text.starts_with("RUN echo first line >&2 && \\\n"),
            "{source:?}"
        );
        assert!(source.text.ends_with("exit 37"), "{source:?}");
        let message = built.error().to_string();
        assert!(message.contains("Dockerfile, line 4"), "{message}");
    }
    assert!(!destination.is_taken());
}

on!(the_last_of_much_output: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn the_last_of_much_output(engine: Engine) {
    let workspace = Workspace::new("FROM base\nRUN seq 1 3000 && exit 1\n");
    let built = build(engine, workspace.trial()).await;
    let failure = built.failure();
    assert_eq!(failure.exit_code, Some(1));
    assert_eq!(failure.output.len(), 20, "{failure:?}");
    assert_eq!(failure.output.last().unwrap(), "3000");
}

on!(a_failure_in_a_long_dockerfile: docker_20, docker_26_classic, docker_26_containerd, daemon);

/// Which the daemon repeats as a whole in the trailer of its answer.
async fn a_failure_in_a_long_dockerfile(engine: Engine) {
    let comments = "# The quick brown fox jumps over the lazy dog.\n".repeat(10_000);
    let workspace = Workspace::new(&format!("FROM base\n{comments}RUN exit 3\n"));
    let built = build(engine, workspace.trial()).await;
    let failure = built.failure();
    assert_eq!(failure.exit_code, Some(3), "{failure:?}");
    if !engine.is_old() {
        assert_eq!(failure.source.as_ref().unwrap().first_line, 10_002);
    }
}

on!(a_command_that_a_signal_ends: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn a_command_that_a_signal_ends(engine: Engine) {
    let workspace = Workspace::new("FROM base\nRUN sh -c 'kill -KILL $$'; exit $?\n");
    let built = build(engine, workspace.trial()).await;
    assert_eq!(
        built.failure().exit_code,
        Some(137),
        "{:?}",
        built.failure()
    );
}

on!(a_syntax_error: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn a_syntax_error(engine: Engine) {
    let workspace = Workspace::new("FROM base\nRUNN echo\n");
    let built = build(engine, workspace.trial()).await;
    let failure = built.failure();
    assert!(
        failure.message.contains("unknown instruction: RUNN"),
        "{failure:?}"
    );
    assert_eq!(failure.exit_code, None);
    if !engine.is_old() {
        let source = failure.source.as_ref().unwrap();
        assert_eq!((source.first_line, source.text.as_str()), (2, "RUNN echo"));
    }
}

on!(no_such_base_image: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn no_such_base_image(engine: Engine) {
    let registry = crate::support::Registry::open().address;
    let image = format!("{registry}/stepyard-buildkit/missing:1");
    let workspace = Workspace::new(&format!("# First\nFROM {image}\n"));
    let built = build(engine, workspace.trial()).await;
    let failure = built.failure();
    assert!(failure.message.contains(&image), "{failure:?}");
    assert!(failure.message.contains("not found"), "{failure:?}");
    if !engine.is_old() {
        assert_eq!(
            failure.source.as_ref().unwrap().first_line,
            2,
            "{failure:?}"
        );
    }
}

on!(no_such_file_to_copy: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn no_such_file_to_copy(engine: Engine) {
    let workspace = Workspace::new("FROM scratch\nCOPY there /\nCOPY missing-file /\n");
    workspace.write("there", "");
    let built = build(engine, workspace.trial()).await;
    let failure = built.failure();
    assert!(failure.message.contains("missing-file"), "{failure:?}");
    assert!(failure.message.contains("not found"), "{failure:?}");
    assert!(failure.vertex.is_some(), "{failure:?}");
    if !engine.is_old() {
        assert_eq!(
            failure.source.as_ref().unwrap().first_line,
            3,
            "{failure:?}"
        );
    }
}

on!(no_such_target: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn no_such_target(engine: Engine) {
    let workspace = Workspace::new("FROM base AS one\n");
    let mut request = workspace.trial();
    request.target = Some("two".to_owned());
    let built = build(engine, request).await;
    let failure = built.failure();
    assert!(failure.message.contains("two"), "{failure:?}");
    assert!(failure.message.contains("target stage"), "{failure:?}");
}

on!(no_dockerfile: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn no_dockerfile(engine: Engine) {
    let workspace = Workspace::new("FROM base\n");
    std::fs::rename(workspace.path("Dockerfile"), workspace.path("other")).unwrap();
    let built = build(engine, workspace.trial()).await;
    let failure = built.failure();
    assert!(failure.message.contains("Dockerfile"), "{failure:?}");
}
