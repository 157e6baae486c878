//! Pushes to a registry with and without a password.

use std::time::Duration;

use stepyard_grammar::RegistryHost;

use super::super::{DockerEngine, DockerHost};
use super::{Fixture, base_image, credential, image, service, unique};
use crate::auth::Credential;
use crate::capability::ErrorKind;
use crate::event::{EventKind, LayerState};
use crate::patience::Patience;
use crate::registry::{Endpoint, Endpoints};

/// A name of Amazon ECR that stands for the test registry.
const LOGICAL: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

fn small_image() -> String {
    format!(
        "FROM {}\nRUN echo {} > /file\n",
        base_image(),
        unique("content")
    )
}

#[tokio::test]
async fn an_image_is_pushed_under_its_logical_name() {
    let physical = service("STEPYARD_TEST_REGISTRY");
    let mut endpoints = Endpoints::new();
    endpoints.map(
        RegistryHost::parse(LOGICAL).unwrap(),
        Endpoint::parse(&format!("http://{physical}")).unwrap(),
    );
    let engine = DockerEngine::new(DockerHost::Automatic, endpoints);
    let mut fixture = Fixture::with_engine(engine, &small_image());
    let repository = unique("team/app");
    let destination = image(&format!("{LOGICAL}/{repository}:1.0"));
    let built = fixture.build(|_| {}).await.unwrap();
    let login = credential(LOGICAL, "AWS", "123456789012-auth-token");
    let digest = fixture.push(&built, &destination, login).await.unwrap();

    let reply = digest_at(&physical, &repository, "1.0", "AWS:123456789012-auth-token").await;
    assert_eq!(reply, digest.to_string());
    let events = fixture.events();
    for state in [LayerState::Uploading, LayerState::Done] {
        assert!(events.iter().any(
            |event| matches!(event, EventKind::LayerProgress { state: seen, .. } if *seen == state)
        ));
    }
    let held = fixture.inspect(&destination.to_string()).await.unwrap();
    assert_eq!(held["Id"], built.id.as_str());
    assert_eq!(
        held["RepoTags"],
        serde_json::json!([destination.to_string()])
    );

    let wrong = credential(LOGICAL, "AWS", "wrong");
    let error = fixture.push(&built, &destination, wrong).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthenticated, "{error}");
    assert!(
        !error.message.contains(&physical) && error.message.contains(LOGICAL),
        "{error}"
    );
    let held = fixture.inspect(&destination.to_string()).await.unwrap();
    assert_eq!(
        held["RepoTags"],
        serde_json::json!([destination.to_string()])
    );
}

#[tokio::test]
async fn a_push_without_an_identity() {
    let registry = service("STEPYARD_TEST_REGISTRY_OPEN");
    let mut fixture = Fixture::new(&small_image());
    let built = fixture.build(|_| {}).await.unwrap();
    let destination = image(&format!("{registry}/{}:1", unique("open")));
    let anonymous = || Credential::anonymous(RegistryHost::parse(&registry).unwrap());
    let first = fixture
        .push(&built, &destination, anonymous())
        .await
        .unwrap();
    fixture.events();
    let again = fixture
        .push(&built, &destination, anonymous())
        .await
        .unwrap();
    assert_eq!(first, again);
    assert!(fixture.events().iter().any(|event| matches!(
        event,
        EventKind::LayerProgress {
            state: LayerState::Exists,
            ..
        }
    )));
    assert!(fixture.inspect(&destination.to_string()).await.is_some());
}

#[tokio::test]
async fn a_registry_that_is_not_there() {
    let mut fixture = Fixture::new(&small_image());
    fixture.engine.patience = Patience {
        attempts: 2,
        first_pause: Duration::ZERO,
        ..Patience::PUSH
    };
    let built = fixture.build(|_| {}).await.unwrap();
    let destination = image("127.0.0.1:1/refused:1");
    let anonymous = Credential::anonymous(destination.registry().clone());
    let error = fixture
        .push(&built, &destination, anonymous)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    let lines = fixture.lines();
    assert!(
        lines.iter().any(|line| line.ends_with("; trying again")),
        "{lines:?}"
    );
}

/// The digest that a registry has for a tag, asked without the code under test.
async fn digest_at(registry: &str, repository: &str, tag: &str, login: &str) -> String {
    use base64::Engine as _;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let login = base64::engine::general_purpose::STANDARD.encode(login);
    let mut stream = tokio::net::TcpStream::connect(registry).await.unwrap();
    let request = format!(
        "HEAD /v2/{repository}/manifests/{tag} HTTP/1.1\r\nHost: {registry}\r\nConnection: close\r\n\
         Authorization: Basic {login}\r\n\
         Accept: application/vnd.docker.distribution.manifest.v2+json\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let digest = answer
        .lines()
        .find_map(|line| line.strip_prefix("Docker-Content-Digest: "));
    digest.unwrap_or_else(|| panic!("{answer}")).to_owned()
}
