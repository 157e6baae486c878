//! The official SDK, which signs its requests as AWS documents it.

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_ecr::error::ProvideErrorMetadata as _;
use aws_sdk_ecr::types::{ImageIdentifier, ImageTagMutability};
use stepyard_local_ecr::{AccessKey, LocalEcr, Server};
use tempfile::TempDir;

async fn server() -> (Server, TempDir) {
    let data = TempDir::new().unwrap();
    let key = AccessKey {
        id: "AKIAEXAMPLE".into(),
        secret: "secret/key".to_owned().into(),
    };
    let builder = LocalEcr::builder(data.path()).access_key(key);
    (
        builder.bind("127.0.0.1:0".parse().unwrap()).await.unwrap(),
        data,
    )
}

fn client(server: &Server, credentials: Credentials, region: &'static str) -> Client {
    let config = aws_sdk_ecr::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("http://{}", server.address()))
        .region(Region::new(region))
        .credentials_provider(credentials)
        .build();
    Client::from_conf(config)
}

fn key(id: &str, secret: &str) -> Credentials {
    Credentials::new(id, secret, None, None, "test")
}

#[tokio::test]
async fn signatures_are_verified_where_keys_are_configured() {
    let (server, _data) = server().await;
    let request = |credentials, region| {
        let client = client(&server, credentials, region);
        async move { client.get_authorization_token().send().await }
    };
    let valid = request(key("AKIAEXAMPLE", "secret/key"), "us-east-1")
        .await
        .unwrap();
    let data = &valid.authorization_data()[0];
    assert_eq!(
        data.proxy_endpoint(),
        Some(&*format!("http://{}", server.address()))
    );
    assert!(data.expires_at().unwrap().secs() > 1_700_000_000);
    for (credentials, region, expected) in [
        (
            key("AKIAOTHER", "secret/key"),
            "us-east-1",
            "UnrecognizedClientException",
        ),
        (
            key("AKIAEXAMPLE", "wrong"),
            "us-east-1",
            "InvalidSignatureException",
        ),
        (
            key("AKIAEXAMPLE", "secret/key"),
            "eu-west-1",
            "InvalidSignatureException",
        ),
    ] {
        let error = request(credentials, region).await.unwrap_err();
        assert_eq!(error.code(), Some(expected));
    }
}

#[tokio::test]
async fn errors_arrive_typed() {
    let (server, _data) = server().await;
    let client = client(&server, key("AKIAEXAMPLE", "secret/key"), "us-east-1");
    let created = client
        .create_repository()
        .repository_name("team/app")
        .image_tag_mutability(ImageTagMutability::Immutable)
        .send()
        .await
        .unwrap();
    let repository = created.repository().unwrap();
    assert_eq!(
        repository.image_tag_mutability(),
        Some(&ImageTagMutability::Immutable)
    );
    assert!(
        repository
            .repository_uri()
            .unwrap()
            .starts_with(&server.registry_host())
    );
    let again = client
        .create_repository()
        .repository_name("team/app")
        .send()
        .await;
    assert!(
        again
            .unwrap_err()
            .into_service_error()
            .is_repository_already_exists_exception()
    );
    let images = client
        .describe_images()
        .repository_name("absent")
        .send()
        .await;
    assert!(
        images
            .unwrap_err()
            .into_service_error()
            .is_repository_not_found_exception()
    );
    let image = ImageIdentifier::builder().image_tag("v1").build();
    let images = client
        .describe_images()
        .repository_name("team/app")
        .image_ids(image)
        .send()
        .await;
    assert!(
        images
            .unwrap_err()
            .into_service_error()
            .is_image_not_found_exception()
    );
    let token = client
        .get_repository_policy()
        .repository_name("team/app")
        .send()
        .await;
    assert!(
        token
            .unwrap_err()
            .into_service_error()
            .is_repository_policy_not_found_exception()
    );
}
