//! Answers that a real registry does not give at will, from a scripted engine; and a scripted
//! registry that sees what a real engine sends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use stepyard_grammar::Digest;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc;

use super::super::{DockerEngine, DockerHost};
use super::{Fixture, base_image, credential, image, unique};
use crate::auth::Credential;
use crate::build::BuiltImage;
use crate::capability::ErrorKind;
use crate::patience::Patience;
use crate::registry::Endpoints;

const LIMIT: &str = r#"{"errorDetail":{"message":"toomanyrequests: Rate exceeded"}}"#;

fn digest(pair: &str) -> Digest {
    Digest::parse(&format!("sha256:{}", pair.repeat(32))).unwrap()
}

/// The lines of a request's head.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> Vec<String> {
    let mut lines = BufReader::new(stream).lines();
    let mut head = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.is_empty() {
            break;
        }
        head.push(line);
    }
    head
}

async fn answer(stream: &mut (impl AsyncWrite + Unpin), status: &str, headers: &str, body: &str) {
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    // A peer that hangs up early has seen enough.
    let _ = stream.write_all(text.as_bytes()).await;
}

/// An engine whose registry throttles the first `refusals` pushes, and the number of pushes.
fn throttled_engine(folder: &std::path::Path, refusals: usize) -> (DockerEngine, Arc<AtomicUsize>) {
    let socket = folder.join("engine.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let pushes = Arc::new(AtomicUsize::new(0));
    let counter = pushes.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let head = head(&mut stream).await;
            let path = head
                .first()
                .and_then(|line| line.split(' ').nth(1))
                .unwrap();
            let body = if path.contains("/push?") {
                let number = counter.fetch_add(1, Ordering::SeqCst);
                if number < refusals {
                    LIMIT.to_owned()
                } else {
                    format!(r#"{{"status":"1: digest: {} size: 5"}}"#, digest("cd"))
                }
            } else {
                format!(r#"{{"Id":"{}"}}"#, digest("ab"))
            };
            answer(&mut stream, "200 OK", "Api-Version: 1.41\r\n", &body).await;
        }
    });
    let host = DockerHost::Address(format!("unix://{}", socket.display()));
    let mut engine = DockerEngine::new(host, Endpoints::new()).with_classic_builder();
    engine.patience = Patience {
        attempts: 4,
        first_pause: Duration::from_millis(1),
        ..Patience::PUSH
    };
    (engine, pushes)
}

#[tokio::test]
async fn a_throttled_push_is_tried_again_a_few_times() {
    let destination = image("registry.example.com/app:1");
    let built = BuiltImage {
        id: digest("ab"),
        pushed: None,
        unchanged: false,
        ignored_settings: Vec::new(),
    };
    for (refusals, expected_pushes) in [(2, 3), (usize::MAX, 4)] {
        let folder = tempfile::tempdir().unwrap();
        let (engine, pushes) = throttled_engine(folder.path(), refusals);
        let mut fixture = Fixture::with_engine(engine, "");
        let anonymous = Credential::anonymous(destination.registry().clone());
        let pushed = fixture.push(&built, &destination, anonymous).await;
        if refusals == 2 {
            assert_eq!(pushed.unwrap(), digest("cd"));
        } else {
            let error = pushed.unwrap_err();
            assert!(
                error.kind == ErrorKind::Throttled && error.retryable,
                "{error}"
            );
        }
        assert_eq!(pushes.load(Ordering::SeqCst), expected_pushes);
        let lines = fixture.lines();
        assert!(
            matches!(&lines[..], [line] if line.ends_with("Rate exceeded; trying again")),
            "{lines:?}"
        );
    }
}

/// Neither a push that succeeds nor one that is refused is about this image then.
#[tokio::test]
async fn another_image_under_the_name_is_noticed() {
    for refusals in [0, usize::MAX] {
        let folder = tempfile::tempdir().unwrap();
        let (engine, _) = throttled_engine(folder.path(), refusals);
        let fixture = Fixture::with_engine(engine, "");
        let destination = image("registry.example.com/app:1");
        let built = BuiltImage {
            id: digest("ef"),
            pushed: None,
            unchanged: false,
            ignored_settings: Vec::new(),
        };
        let anonymous = Credential::anonymous(destination.registry().clone());
        let error = fixture
            .push(&built, &destination, anonymous)
            .await
            .unwrap_err();
        assert!(
            error.kind == ErrorKind::Conflict && error.retryable,
            "{error}"
        );
    }
}

/// A registry that lets nobody in, and the `Authorization` headers that it is sent.
async fn recording_registry() -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // The engine tries TLS first, whose first byte this is, and then does without.
            let mut first = [0];
            if stream.peek(&mut first).await.is_err() || first == [0x16] {
                continue;
            }
            for line in head(&mut stream).await {
                if let Some(value) = line.strip_prefix("Authorization: Basic ") {
                    let _ = sender.send(value.to_owned());
                }
            }
            let challenge = "WWW-Authenticate: Basic realm=\"test\"\r\n\
                Docker-Distribution-Api-Version: registry/2.0\r\n";
            answer(&mut stream, "401 Unauthorized", challenge, "").await;
        }
    });
    (address, receiver)
}

#[tokio::test]
async fn passwords_of_any_characters_reach_the_registry() {
    let password = "p~>?+/ÿüß»~~??>>//++~>?";
    let (registry, mut received) = recording_registry().await;
    let login = || credential(&registry, "user", password);
    let expected = base64::engine::general_purpose::STANDARD.encode(format!("user:{password}"));

    let fixture = Fixture::new(&format!(
        "FROM {}\nLABEL made={}\n",
        base_image(),
        unique("x")
    ));
    let built = fixture.build(|_| {}).await.unwrap();
    let destination = image(&format!("{registry}/app:1"));
    let error = fixture
        .push(&built, &destination, login())
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthenticated, "{error}");
    assert_eq!(received.recv().await.unwrap(), expected);
    while received.try_recv().is_ok() {}

    fixture.write("Dockerfile", format!("FROM {registry}/base:1\n"));
    let error = fixture
        .build(|draft| draft.base_image_credentials = vec![login()])
        .await
        .unwrap_err();
    assert!(!error.to_string().contains(password), "{error}");
    assert_eq!(received.recv().await.unwrap(), expected);
}
