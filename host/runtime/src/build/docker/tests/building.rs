//! Builds, and how they fail.

use super::{Fixture, base_image, credential, image, service, unique};
use crate::capability::ErrorKind;
use crate::event::EventKind;

#[tokio::test]
async fn a_build_has_its_arguments_labels_and_target() {
    let mut fixture = Fixture::new(&format!(
        "FROM {} AS first\nARG GREETING\nCOPY data /data\nRUN echo \"$GREETING $(cat /data)\"\n\
         FROM first AS second\nRUN echo not reached\n",
        base_image()
    ));
    fixture.write("data", "from the context");
    fixture.write("ignored", vec![0; 1 << 20]);
    fixture.write(".dockerignore", "ignored\n");
    let greeting = unique("hello+ä&b");
    let built = fixture
        .build(|draft| {
            draft.build_arguments = vec![("GREETING".to_owned(), greeting.clone())];
            draft.labels = vec![("team".to_owned(), "a & b = c".to_owned())];
            draft.target = Some("first".to_owned());
            draft.network_mode = Some("none".to_owned());
            draft.run_as_user = Some("7".to_owned());
        })
        .await
        .unwrap();
    let [ignored] = &built.ignored_settings[..] else {
        panic!("{:?}", built.ignored_settings);
    };
    assert_eq!(
        (&*ignored.setting, ignored.reason.as_str()),
        ("run-as-user", "applies on Kubernetes only")
    );
    let inspected = fixture.inspect(built.id.as_str()).await.unwrap();
    assert_eq!(inspected["Config"]["Labels"]["team"], "a & b = c");

    let events = fixture.events();
    let line = format!("{greeting} from the context");
    assert!(
        events
            .iter()
            .any(|event| matches!(event, EventKind::Output { line: seen, .. } if *seen == line))
    );
    assert!(!format!("{events:?}").contains("not reached"));
    let sent: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            EventKind::ContextProgress {
                files,
                bytes,
                complete: true,
                ..
            } => Some((*files, *bytes)),
            _ => None,
        })
        .collect();
    assert!(
        matches!(sent[..], [(3, bytes)] if bytes < 100_000),
        "{sent:?}"
    );
}

#[tokio::test]
async fn the_dockerfile_may_be_outside_of_the_context() {
    let fixture = Fixture::new("FROM nothing.invalid/at:all\n");
    fixture.write(
        "docker/app.dockerfile",
        format!("FROM {}\nCOPY . /context\n", base_image()),
    );
    fixture.write("app/file", "x");
    let built = fixture
        .build(|draft| {
            draft.context = Some("app".to_owned());
            draft.dockerfile = Some("docker/app.dockerfile".to_owned());
        })
        .await
        .unwrap();
    assert!(built.ignored_settings.is_empty());
}

#[tokio::test]
async fn a_failing_command_is_named_with_its_output() {
    let fixture = Fixture::new(&format!(
        "FROM {}\nRUN echo the last words; exit 42\n",
        base_image()
    ));
    let error = fixture.build(|_| {}).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::EngineFailure);
    assert_eq!(
        error.message,
        "step 2 of 2 in Dockerfile failed: `RUN echo the last words; exit 42` ended with exit code \
         42; its last output:\n  the last words"
    );
}

#[tokio::test]
async fn faults_of_the_dockerfile_are_explained() {
    let base = base_image();
    for (dockerfile, kind, expected) in [
        (
            format!("FROM {base}\nRUM x\n"),
            ErrorKind::EngineFailure,
            "Dockerfile has a syntax error in line 2: unknown instruction: RUM",
        ),
        (
            format!("FROM {base}\nCOPY absent /\n"),
            ErrorKind::EngineFailure,
            "`COPY absent /`: COPY failed: file not found in build context",
        ),
        (
            format!("FROM {}/absent:1\n", service("STEPYARD_TEST_REGISTRY_OPEN")),
            ErrorKind::NotFound,
            "/absent:1: it does not exist",
        ),
        (
            "FROM 127.0.0.1:1/absent:1\n".to_owned(),
            ErrorKind::Unavailable,
            "127.0.0.1:1/absent:1: it cannot be pulled",
        ),
    ] {
        let fixture = Fixture::new(&dockerfile);
        let error = fixture.build(|_| {}).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(expected), "{error}");
    }
    let fixture = Fixture::new(&format!("FROM {base} AS a\n"));
    let error = fixture
        .build(|draft| draft.target = Some("nope".to_owned()))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (
            ErrorKind::InvalidSettings,
            "target: Dockerfile has no stage nope"
        )
    );
    let error = fixture
        .build(|draft| draft.context = Some("absent".to_owned()))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
}

#[tokio::test]
async fn a_build_secret_is_not_left_out() {
    let fixture = Fixture::new("FROM scratch\n");
    let error = fixture
        .build(|draft| draft.secrets = vec![("id".to_owned(), "value".to_owned())])
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
}

#[tokio::test]
async fn private_base_and_cache_images_are_pulled_with_their_credentials() {
    let registry = service("STEPYARD_TEST_REGISTRY");
    let login = || credential(&registry, "AWS", "123456789012-auth-token");
    let fixture = Fixture::new(&format!(
        "FROM {}\nLABEL made={}\n",
        base_image(),
        unique("x")
    ));
    let built = fixture.build(|_| {}).await.unwrap();
    let base = image(&format!("{registry}/{}:1", unique("base")));
    fixture.push(&built, &base, login()).await.unwrap();
    let client = &fixture.engine.found().await.unwrap().client;
    super::super::name::untag(client, &base.to_string())
        .await
        .unwrap();

    let mut fixture = Fixture::new(&format!("FROM {base}\nRUN echo built on it\n"));
    let error = fixture.build(|_| {}).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthenticated, "{error}");
    let absent = format!("{registry}/absent:1");
    let built = fixture
        .build(|draft| {
            draft.base_image_credentials = vec![login()];
            draft.cache_sources = vec![
                (absent.clone(), Some(login())),
                (base.to_string(), Some(login())),
            ];
        })
        .await
        .unwrap();
    assert!(built.ignored_settings.is_empty());
    let lines = fixture.lines();
    let warnings: Vec<_> = lines
        .iter()
        .filter(|line| line.starts_with("the cache image"))
        .collect();
    assert!(
        matches!(warnings[..], [warning] if warning.contains(&absent)),
        "{lines:?}"
    );
}

#[tokio::test]
async fn an_engine_that_does_not_answer_is_explained() {
    use super::super::{DockerEngine, DockerHost};
    use crate::registry::Endpoints;
    let host = DockerHost::Address("unix:///nonexistent/docker.sock".to_owned());
    let fixture = Fixture::with_engine(DockerEngine::new(host, Endpoints::new()), "FROM scratch\n");
    let error = fixture.build(|_| {}).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.starts_with("no Docker Engine answers; tried unix:///nonexistent/docker.sock (the configured Docker host): No such file"), "{error}");
    assert!(error.hint.unwrap().contains("systemctl start docker"));
}
