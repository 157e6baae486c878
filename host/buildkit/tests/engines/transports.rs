//! The ways to a daemon.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use stepyard_buildkit::{Client, Endpoint, Error, Transport};

use crate::support::{Built, Engine, Workspace, service};

fn tcp(variable: &str, tls: Option<ClientConfig>) -> Transport {
    let address = service(variable);
    let (host, port) = address
        .strip_prefix("tcp://")
        .and_then(|address| address.split_once(':'))
        .unwrap_or_else(|| panic!("{address} is not tcp://HOST:PORT"));
    Transport::Tcp {
        host: host.to_owned(),
        port: port.parse().unwrap(),
        tls: tls.map(Arc::new),
    }
}

fn certificate(name: &str) -> PathBuf {
    PathBuf::from(service("STEPYARD_TEST_BUILDKIT_CERTIFICATES")).join(name)
}

fn read(name: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(certificate(name))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

/// Trusts the daemon's authority, and shows a certificate of it or none.
fn tls(is_known: bool) -> ClientConfig {
    let mut trusted = RootCertStore::empty();
    for authority in read("ca.pem") {
        trusted.add(authority).unwrap();
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_root_certificates(trusted);
    if !is_known {
        return builder.with_no_client_auth();
    }
    let key = PrivateKeyDer::from_pem_file(certificate("key.pem")).unwrap();
    builder
        .with_client_auth_cert(read("cert.pem"), key)
        .unwrap()
}

async fn builds(transport: Transport) {
    let client = Client::new(Endpoint::Daemon(transport));
    let information = client.information().await.unwrap();
    assert!(information.is_recent() && information.has_content_store());
    let workspace = Workspace::new("FROM base\nCOPY file /file\nRUN cat /file\n");
    let content = crate::support::unique("content");
    workspace.write("file", &content);
    let built = Built::by(&client, workspace.trial()).await;
    built.succeeded();
    assert!(built.output().contains(&content), "{}", built.output());
}

#[tokio::test]
async fn over_tcp() {
    builds(tcp("STEPYARD_TEST_BUILDKIT_TCP", None)).await;
}

#[tokio::test]
async fn over_mutual_tls() {
    builds(tcp("STEPYARD_TEST_BUILDKIT_TLS", Some(tls(true)))).await;
}

#[tokio::test]
async fn without_a_certificate_tls_is_refused() {
    for configuration in [Some(tls(false)), None] {
        let transport = tcp("STEPYARD_TEST_BUILDKIT_TLS", configuration);
        let address = transport.to_string();
        let client = Client::new(Endpoint::Daemon(transport));
        let error = client.information().await.unwrap_err();
        assert!(error.to_string().contains(&address), "{error}");
        let workspace = Workspace::new("FROM base\n");
        let built = Built::by(&client, workspace.trial()).await;
        assert!(
            matches!(built.error(), Error::Connect { .. } | Error::Daemon { .. }),
            "{:?}",
            built.result
        );
    }
}

#[tokio::test]
async fn an_authority_that_is_not_trusted() {
    let configuration = ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_root_certificates(RootCertStore::empty())
    .with_no_client_auth();
    let transport = tcp("STEPYARD_TEST_BUILDKIT_TLS", Some(configuration));
    let error = Client::new(Endpoint::Daemon(transport))
        .information()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[tokio::test]
async fn nobody_listens() {
    let transports = [
        Transport::Unix("/nowhere/buildkitd.sock".into()),
        Transport::Tcp {
            host: "127.0.0.1".to_owned(),
            port: 1,
            tls: None,
        },
    ];
    for transport in transports {
        let address = transport.to_string();
        for endpoint in [
            Endpoint::Daemon(transport.clone()),
            Endpoint::DockerEngine(transport.clone()),
        ] {
            let error = Client::new(endpoint).information().await.unwrap_err();
            assert!(matches!(error, Error::Connect { .. }), "{error:?}");
            assert!(error.to_string().contains(&address), "{error}");
        }
    }
}

#[tokio::test]
async fn engines_say_what_they_are() {
    for (engine, recent, content_store) in [
        (Engine::docker_20(), false, false),
        (Engine::docker_26_classic(), true, false),
        (Engine::docker_26_containerd(), true, true),
        (Engine::daemon(), true, true),
    ] {
        let information = engine.client().information().await.unwrap();
        assert_eq!(
            information.is_recent(),
            recent,
            "{engine:?}: {information:?}"
        );
        assert_eq!(
            information.has_content_store(),
            content_store,
            "{engine:?}: {information:?}"
        );
        assert!(!information.platforms.is_empty());
    }
}
