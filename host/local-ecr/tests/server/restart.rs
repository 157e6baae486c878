use crate::client::{Fixture, manifest};
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use stepyard_local_ecr::{LocalEcr, StartError};

#[tokio::test]
async fn state_and_tokens_survive_a_restart() {
    let fixture = Fixture::new().await;
    fixture.create_repository("team/app").await;
    let request = json!({
        "repositoryName": "team/app", "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "dev*"}],
    });
    fixture.ecr("PutImageTagMutability", request).await;
    let (_, digest) = fixture.push_image("team/app", "v1", "layer").await;
    let Fixture {
        server,
        data,
        authorization,
        ..
    } = fixture;
    server.shutdown().await;

    let mut fixture = Fixture::at(data, |builder| builder).await;
    fixture.authorization = authorization;
    let got = fixture.get("/v2/team/app/manifests/v1").await;
    assert_eq!(got.body, manifest("layer"));
    assert_eq!(got.header("docker-content-digest"), digest);
    assert_eq!(
        fixture.push_image("team/app", "v1", "other").await.0.status,
        400
    );
    assert_eq!(
        fixture
            .push_image("team/app", "dev1", "other")
            .await
            .0
            .status,
        201
    );
}

#[tokio::test]
async fn what_was_left_half_done_is_cleared_away() {
    let fixture = Fixture::new().await;
    fixture.create_repository("app").await;
    let Fixture { server, data, .. } = fixture;
    server.shutdown().await;
    let root = data.path().join("ecr");
    std::fs::write(root.join("temporary/upload"), "half").unwrap();
    std::fs::create_dir(root.join("registries/123456789012/half.x")).unwrap();
    let fixture = Fixture::at(data, |builder| builder).await;
    assert!(!root.join("temporary/upload").exists());
    assert!(!root.join("registries/123456789012/half.x").exists());
    let listed = fixture.ecr("DescribeRepositories", json!({})).await.json();
    assert_eq!(listed["repositories"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_folder_serves_one_server_and_damage_is_named() {
    let fixture = Fixture::new().await;
    let folder = fixture.data.path().join("ecr");
    let address = "127.0.0.1:0".parse().unwrap();
    let second = LocalEcr::builder(&folder).bind(address).await.unwrap_err();
    assert!(
        second.to_string().contains("in use by another server"),
        "{second}"
    );

    fixture.create_repository("app").await;
    let Fixture {
        server,
        data: _data,
        ..
    } = fixture;
    server.shutdown().await;
    let registry = folder.join("registries/123456789012");
    let repository = std::fs::read_dir(&registry)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    std::fs::write(repository.join("settings.json"), "{").unwrap();
    let damaged = LocalEcr::builder(&folder).bind(address).await.unwrap_err();
    assert!(damaged.to_string().contains("settings.json"), "{damaged}");
}

#[tokio::test]
async fn settings_are_checked_before_anything_is_made() {
    let data = tempfile::tempdir().unwrap();
    let address = "127.0.0.1:0".parse().unwrap();
    let folder = data.path().join("ecr");
    let account = LocalEcr::builder(&folder)
        .account("12")
        .bind(address)
        .await
        .unwrap_err();
    assert!(matches!(account, StartError::Setting(_)));
    let region = LocalEcr::builder(&folder)
        .region("US East")
        .bind(address)
        .await
        .unwrap_err();
    assert!(matches!(region, StartError::Setting(_)));
    assert!(!folder.exists());
}

#[tokio::test]
async fn only_the_owner_can_read_the_data() {
    let fixture = Fixture::new().await;
    fixture.create_repository("app").await;
    fixture.push_image("app", "v1", "layer").await;
    fn check(path: &Path) -> usize {
        let metadata = std::fs::metadata(path).unwrap();
        let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(
            metadata.permissions().mode() & 0o777,
            expected,
            "{}",
            path.display()
        );
        let entries = || {
            std::fs::read_dir(path)
                .unwrap()
                .map(|entry| entry.unwrap().path())
        };
        1 + if metadata.is_dir() {
            entries().map(|entry| check(&entry)).sum()
        } else {
            0
        }
    }
    assert!(check(&fixture.data.path().join("ecr")) > 10);
}
