//! What the client does with the answers that registries give.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest as _, Sha256};
use stepyard_grammar::Tag;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::server::{Answer, Asked, Server};
use super::{PASSWORD, client, host, image, login};
use crate::ErrorKind;
use crate::auth::Credential;
use crate::registry::{
    CheckLogin, Copy, GetManifest, ListTags, ProbePush, Probed, PushProbe, Registry, Resolve,
    TagImage,
};
use crate::testing::{authorize, reporter, service};

const MEDIA_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

fn digest(content: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(content))
}

/// The answer to GET or HEAD of a manifest.
fn manifest(asked: &Asked, content: &str) -> Answer {
    let answer = Answer::new(200)
        .header("content-type", MEDIA_TYPE)
        .header("docker-content-digest", digest(content.as_bytes()));
    if asked.line.starts_with("HEAD") {
        answer.header("content-length", content.len().to_string())
    } else {
        answer.body(content)
    }
}

async fn resolve(
    server: &Server,
    credential: Credential,
) -> Result<Option<String>, crate::CapabilityError> {
    let call = authorize(Resolve {
        reference: image("a:1"),
        credential,
    })
    .await;
    let found = client(&server.address).resolve(call).await?;
    Ok(found.map(|descriptor| descriptor.digest.to_string()))
}

#[tokio::test]
async fn a_basic_challenge_is_answered_once() {
    let server = Server::start(|asked, _| match &asked.authorization {
        None => Answer::new(401).header("www-authenticate", "Basic realm=\"r\""),
        Some(_) => manifest(asked, "{}"),
    })
    .await;
    let found = resolve(&server, login()).await.unwrap();
    assert_eq!(found, Some(digest(b"{}")));
    assert_eq!(server.lines(), ["HEAD /v2/a/manifests/1"; 2]);
}

#[tokio::test]
async fn a_bearer_challenge_is_answered_with_a_token_of_its_realm() {
    let realm = Server::start(|asked, _| {
        assert!(asked.authorization.as_ref().unwrap().starts_with("Basic "));
        Answer::new(200).body(r#"{"token":"t1"}"#)
    })
    .await;
    let challenge = format!("Bearer realm=\"{}/token\",service=\"s\"", realm.address);
    let server = Server::start(move |asked, _| match asked.authorization.as_deref() {
        Some("Bearer t1") => manifest(asked, "{}"),
        None => Answer::new(401).header("www-authenticate", challenge.clone()),
        Some(other) => panic!("{other}"),
    })
    .await;
    assert!(resolve(&server, login()).await.unwrap().is_some());
    assert_eq!(
        realm.lines(),
        ["GET /token?service=s&scope=repository%3Aa%3Apull"]
    );
}

#[tokio::test]
async fn a_refused_login_is_unauthenticated_and_shows_no_password() {
    let server = Server::start(|_, _| {
        Answer::error(401, "UNAUTHORIZED").header("www-authenticate", "Basic realm=\"r\"")
    })
    .await;
    let error = resolve(&server, login()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthenticated);
    assert!(!format!("{error:?}").contains(PASSWORD));
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_credential_is_for_its_own_registry() {
    let server = Server::start(|_, _| Answer::new(500)).await;
    let other = stepyard_grammar::RegistryHost::parse("other.example.com").unwrap();
    let error = resolve(&server, Credential::anonymous(other))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidSettings);
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_missing_tag_is_nothing_and_a_missing_repository_an_error() {
    let server = Server::start(|_, _| Answer::error(404, "MANIFEST_UNKNOWN")).await;
    assert_eq!(resolve(&server, login()).await.unwrap(), None);
    assert_eq!(
        server.lines(),
        ["HEAD /v2/a/manifests/1", "GET /v2/a/manifests/1"]
    );
    let server = Server::start(|_, _| Answer::error(404, "NAME_UNKNOWN")).await;
    let error = resolve(&server, login()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.message.contains("registry.example.com"), "{error}");
}

#[tokio::test]
async fn what_may_pass_is_tried_again_but_not_for_ever() {
    let server = Server::start(|asked, before| match before {
        0 => Answer::new(503),
        1 => Answer::new(429).header("retry-after", "0"),
        _ => manifest(asked, "{}"),
    })
    .await;
    assert!(resolve(&server, login()).await.unwrap().is_some());
    assert_eq!(server.asked().len(), 3);

    let server = Server::start(|_, _| Answer::error(429, "TOOMANYREQUESTS")).await;
    let error = resolve(&server, login()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Throttled);
    assert_eq!(server.asked().len(), 4);

    // A pause beyond the budget is not begun.
    let server = Server::start(|_, _| Answer::new(429).header("retry-after", "3600")).await;
    let error = resolve(&server, login()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Throttled);
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn an_unreachable_registry_is_named_by_address() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let call = authorize(Resolve {
        reference: image("a:1"),
        credential: login(),
    })
    .await;
    let error = client(&address).resolve(call).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains(&address), "{error}");
    assert!(error.message.contains("refused"), "{error}");
}

/// Accepts TLS connections with a certificate that no machine trusts, and counts them.
async fn untrusted() -> (String, Arc<AtomicUsize>) {
    let folder = std::path::PathBuf::from(service("STEPYARD_TEST_BUILDKIT_CERTIFICATES"));
    let certificate = CertificateDer::from_pem_file(folder.join("server-cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("server-key.pem")).unwrap();
    let configuration =
        ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(configuration));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = connections.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            // The client hangs up when it has seen the certificate.
            assert!(acceptor.accept(stream).await.is_err());
        }
    });
    (address, connections)
}

#[tokio::test]
async fn a_registry_with_an_untrusted_certificate_is_asked_once() {
    let (address, connections) = untrusted().await;
    let call = authorize(Resolve {
        reference: image("a:1"),
        credential: login(),
    })
    .await;
    let error = client(&address).resolve(call).await.unwrap_err();
    assert!(
        error.kind == ErrorKind::Unavailable && !error.retryable,
        "{error}"
    );
    let expected = format!("the certificate of {address} is not trusted: ");
    assert!(error.message.contains(&expected), "{error}");
    assert!(error.hint.unwrap().contains("SSL_CERT_FILE"));
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_manifest_that_is_not_what_its_digest_says_is_refused() {
    let server = Server::start(|asked, _| manifest(asked, "{}").body("{ }")).await;
    let call = authorize(GetManifest {
        reference: image("a:1"),
        credential: login(),
    })
    .await;
    let error = client(&server.address)
        .get_manifest(call)
        .await
        .unwrap_err();
    assert!(error.message.contains("digest"), "{error}");
}

#[tokio::test]
async fn a_manifest_has_a_largest_size() {
    let server =
        Server::start(|asked, _| manifest(asked, "{}").body(vec![b' '; (4 << 20) + 1])).await;
    let call = authorize(GetManifest {
        reference: image("a:1"),
        credential: login(),
    })
    .await;
    let error = client(&server.address)
        .get_manifest(call)
        .await
        .unwrap_err();
    assert!(error.message.contains("longer than"), "{error}");
}

#[tokio::test]
async fn a_redirect_to_another_host_gets_no_credential() {
    let storage = Server::start(|asked, _| manifest(asked, "{}")).await;
    let target = format!("{}/elsewhere?signature=x", storage.address);
    let server = Server::start(move |asked, _| match &asked.authorization {
        None => Answer::new(401).header("www-authenticate", "Basic realm=\"r\""),
        Some(_) => Answer::new(307).header("location", target.clone()),
    })
    .await;
    let call = authorize(GetManifest {
        reference: image("a:1"),
        credential: login(),
    })
    .await;
    let got = client(&server.address).get_manifest(call).await.unwrap();
    assert_eq!(got.content, b"{}");
    let asked = storage.asked();
    assert_eq!(asked[0].line, "GET /elsewhere?signature=x");
    assert_eq!(asked[0].authorization, None);
}

async fn tag(server: &Server) -> Result<String, crate::CapabilityError> {
    let call = authorize(TagImage {
        reference: image("a:1"),
        tag: Tag::parse("2").unwrap(),
        credential: login(),
    })
    .await;
    let tagged = client(&server.address).tag(call, &reporter()).await?;
    Ok(tagged.digest.to_string())
}

#[tokio::test]
async fn a_tag_that_names_the_image_already_is_not_written() {
    let server = Server::start(|asked, _| manifest(asked, "{}")).await;
    assert_eq!(tag(&server).await.unwrap(), digest(b"{}"));
    assert_eq!(
        server.lines(),
        ["GET /v2/a/manifests/1", "HEAD /v2/a/manifests/2"]
    );
}

#[tokio::test]
async fn an_immutable_tag_that_names_another_image_is_a_conflict() {
    let server = Server::start(|asked, _| match asked.line.as_str() {
        "PUT /v2/a/manifests/2" => Answer::error(400, "TAG_INVALID"),
        line if line.ends_with("/2") => manifest(asked, "{\"other\":1}"),
        _ => manifest(asked, "{}"),
    })
    .await;
    let error = tag(&server).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.message.contains(&digest(b"{\"other\":1}")), "{error}");
}

#[tokio::test]
async fn a_tag_that_was_written_meanwhile_with_the_same_image_is_no_conflict() {
    let server = Server::start(|asked, before| match asked.line.as_str() {
        "PUT /v2/a/manifests/2" => Answer::error(400, "TAG_INVALID"),
        line if line.ends_with("/2") && before < 3 => Answer::error(404, "MANIFEST_UNKNOWN"),
        _ => manifest(asked, "{}"),
    })
    .await;
    assert_eq!(tag(&server).await.unwrap(), digest(b"{}"));
}

#[tokio::test]
async fn tags_come_page_by_page_and_end() {
    let list = async |server: &Server| {
        let call = authorize(ListTags {
            registry: host(),
            repository: stepyard_grammar::RepositoryName::parse("a").unwrap(),
            credential: login(),
        })
        .await;
        client(&server.address).list_tags(call).await
    };
    let server = Server::start(|_, before| match before {
        0 => Answer::new(200)
            .header("link", "</v2/a/tags/list?n=1000&last=2>; rel=\"next\"")
            .body(r#"{"name":"a","tags":["1","2"]}"#),
        _ => Answer::new(200).body(r#"{"tags":["3"]}"#),
    })
    .await;
    assert_eq!(list(&server).await.unwrap(), ["1", "2", "3"]);
    let server = Server::start(|asked, _| {
        let next = format!("<{}>; rel=\"next\"", asked.line.trim_start_matches("GET "));
        Answer::new(200)
            .header("link", next)
            .body(r#"{"tags":["1"]}"#)
    })
    .await;
    let error = list(&server).await.unwrap_err();
    assert!(error.message.contains("does not end"), "{error}");
}

#[tokio::test]
async fn a_wrong_blob_never_becomes_complete() {
    let content = b"content of the layer";
    let image_manifest = format!(
        r#"{{"schemaVersion":2,"layers":[{{"digest":"{}","size":{}}}]}}"#,
        digest(content),
        content.len()
    );
    let served = image_manifest.clone();
    let server = Server::start(move |asked, _| match asked.line.as_str() {
        line if line.contains("/a/manifests/") => manifest(asked, &served),
        line if line.contains("/a/blobs/") => Answer::new(200).body("another of same size"),
        line if line.starts_with("POST") => Answer::new(202).header("location", "/v2/b/upload/1"),
        line if line.starts_with("PATCH") => Answer::new(202).header("location", "/v2/b/upload/1"),
        line if line.starts_with("PUT") => panic!("{line}"),
        _ => Answer::error(404, "MANIFEST_UNKNOWN"),
    })
    .await;
    let call = authorize(Copy {
        source: image("a:1"),
        source_credential: login(),
        destination: image("b:1"),
        destination_credential: login(),
    })
    .await;
    let error = client(&server.address)
        .copy(call, &reporter())
        .await
        .unwrap_err();
    assert!(
        error.message.contains("does not have the digest"),
        "{error}"
    );
    let asked = server.asked();
    assert!(asked.iter().all(|asked| !asked.line.starts_with("PUT")));
}

async fn probe(server: &Server) -> PushProbe {
    let call = authorize(ProbePush {
        registry: host(),
        repository: stepyard_grammar::RepositoryName::parse("a").unwrap(),
        credential: login(),
    })
    .await;
    client(&server.address).probe_push(call).await.unwrap()
}

#[tokio::test]
async fn a_probe_gives_its_upload_up() {
    let nobodys = format!("sha256:{}", "0".repeat(64));
    let server = Server::start(|asked, _| match asked.line.as_str() {
        line if line.starts_with("HEAD") => Answer::new(404),
        "POST /v2/a/blobs/uploads/" => Answer::new(202).header("location", "/v2/a/upload/1"),
        "DELETE /v2/a/upload/1" => Answer::new(204),
        _ => Answer::error(400, "DIGEST_INVALID"),
    })
    .await;
    assert_eq!(probe(&server).await.refusal(), None);
    assert_eq!(
        server.lines(),
        [
            format!("HEAD /v2/a/blobs/{nobodys}"),
            "POST /v2/a/blobs/uploads/".to_owned(),
            "DELETE /v2/a/upload/1".to_owned(),
            format!("PUT /v2/a/manifests/{nobodys}"),
        ]
    );
}

#[tokio::test]
async fn a_probe_tells_what_is_refused() {
    let server = Server::start(|asked, _| match asked.line.as_str() {
        line if line.starts_with("HEAD") => Answer::new(403),
        line if line.starts_with("POST") => Answer::error(404, "NAME_UNKNOWN"),
        _ => Answer::error(403, "DENIED"),
    })
    .await;
    let probe = probe(&server).await;
    let kind = |probed: &Probed| match probed {
        Probed::Permitted => None,
        Probed::Refused(error) => Some(error.kind.clone()),
    };
    assert_eq!(kind(&probe.find_layer), Some(ErrorKind::Forbidden));
    assert_eq!(kind(&probe.begin_upload), Some(ErrorKind::NotFound));
    assert_eq!(kind(&probe.put_manifest), Some(ErrorKind::Forbidden));
    let refusal = probe.refusal().unwrap();
    assert!(refusal.message.contains("NAME_UNKNOWN"), "{refusal}");
}

#[tokio::test]
async fn a_login_is_checked_without_a_repository() {
    let check = async |server: &Server, credential| {
        let call = authorize(CheckLogin { credential }).await;
        client(&server.address).check_login(call).await
    };
    let realm = Server::start(|asked, _| match &asked.authorization {
        Some(_) => Answer::new(200).body(r#"{"token":"t1"}"#),
        None => Answer::new(401),
    })
    .await;
    let challenge = format!("Bearer realm=\"{}/token\",service=\"s\"", realm.address);
    let server = Server::start(move |asked, _| match &asked.authorization {
        Some(_) => Answer::new(200),
        None => Answer::new(401).header("www-authenticate", challenge.clone()),
    })
    .await;
    assert_eq!(check(&server, login()).await, Ok(()));
    assert_eq!(server.lines(), ["GET /v2/"; 2]);
    assert_eq!(realm.lines(), ["GET /token?service=s"]);
    let refused = check(&server, Credential::anonymous(host())).await;
    assert_eq!(refused.unwrap_err().kind, ErrorKind::Unauthenticated);
}
