use crate::client::{Fixture, INDEX, descriptor, manifest};
use serde_json::{Value, json};
use stepyard_local_ecr::Findings;

const FINDINGS: &str = r#"{
    "app": [{"name": "CVE-2024-0001", "severity": "LOW"}],
    "app:v1": [
        {"name": "CVE-2024-3094", "severity": "CRITICAL", "uri": "https://cve.test/3094",
         "attributes": [{"key": "package_name", "value": "xz"}]},
        {"name": "CVE-2024-0002", "severity": "LOW"}
    ]
}"#;

fn image(tag: &str) -> Value {
    json!({"repositoryName": "app", "imageId": {"imageTag": tag}})
}

async fn fixture() -> Fixture {
    Fixture::with(|builder| {
        builder
            .findings(Findings::parse(FINDINGS).unwrap())
            .replicate("eu-west-1".parse().unwrap())
            .replicate("210987654321/us-west-2=FAILED".parse().unwrap())
    })
    .await
}

#[tokio::test]
async fn a_scan_finds_what_the_server_was_told() {
    let fixture = fixture().await;
    fixture.create_repository("app").await;
    let (_, digest) = fixture.push_image("app", "v1", "one").await;
    let read = "DescribeImageScanFindings";
    assert_eq!(
        fixture.ecr_error(read, image("v1")).await,
        "ScanNotFoundException"
    );
    assert_eq!(
        fixture.ecr_error(read, image("v2")).await,
        "ImageNotFoundException"
    );

    let started = fixture.ecr("StartImageScan", image("v1")).await.json();
    assert_eq!(started["imageScanStatus"]["status"], "IN_PROGRESS");
    assert_eq!(
        started["imageId"],
        json!({"imageDigest": digest, "imageTag": "v1"})
    );
    let again = fixture.ecr_error("StartImageScan", image("v1")).await;
    assert_eq!(again, "LimitExceededException");

    let mut request = image("v1");
    request["maxResults"] = json!(2);
    let page = fixture.ecr(read, request.clone()).await.json();
    assert_eq!(page["imageScanStatus"]["status"], "COMPLETE");
    let found = &page["imageScanFindings"];
    assert_eq!(
        found["findingSeverityCounts"],
        json!({"CRITICAL": 1, "LOW": 2})
    );
    assert_eq!(found["findings"].as_array().unwrap().len(), 2);
    assert_eq!(found["findings"][0]["attributes"][0]["value"], "xz");
    request["nextToken"] = page["nextToken"].clone();
    let last = fixture.ecr(read, request).await.json();
    assert_eq!(
        last["imageScanFindings"]["findings"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(last["nextToken"], Value::Null);
}

#[tokio::test]
async fn a_repository_may_scan_on_push_and_an_index_is_not_scanned() {
    let fixture = fixture().await;
    let scanning = json!({
        "repositoryName": "app", "imageScanningConfiguration": {"scanOnPush": true},
    });
    fixture.ecr("CreateRepository", scanning).await;
    fixture.push_image("app", "v2", "two").await;
    let found = fixture
        .ecr("DescribeImageScanFindings", image("v2"))
        .await
        .json();
    assert_eq!(
        found["imageScanFindings"]["findingSeverityCounts"],
        json!({"LOW": 1})
    );
    let child = manifest("two");
    let index = json!({
        "schemaVersion": 2, "mediaType": INDEX,
        "manifests": [descriptor(crate::client::IMAGE, child.as_bytes())],
    });
    let put = fixture
        .put_manifest("app", "all", INDEX, index.to_string())
        .await;
    assert_eq!(put.status, 201);
    let refused = fixture.ecr_error("StartImageScan", image("all")).await;
    assert_eq!(refused, "UnsupportedImageTypeException");
}

#[tokio::test]
async fn scans_survive_a_restart() {
    let fixture = fixture().await;
    fixture.create_repository("app").await;
    fixture.push_image("app", "v1", "one").await;
    fixture.ecr("StartImageScan", image("v1")).await;
    let Fixture { server, data, .. } = fixture;
    server.shutdown().await;
    let fixture = Fixture::at(data, |builder| builder).await;
    let found = fixture
        .ecr("DescribeImageScanFindings", image("v1"))
        .await
        .json();
    assert_eq!(found["imageScanFindings"]["findings"], json!([]));
}

#[tokio::test]
async fn replicas_are_said_to_be_where_the_server_was_told() {
    let fixture = fixture().await;
    fixture.create_repository("app").await;
    fixture.push_image("app", "v1", "one").await;
    let status = "DescribeImageReplicationStatus";
    let answer = fixture.ecr(status, image("v1")).await.json();
    assert_eq!(
        answer["replicationStatuses"],
        json!([
            {"registryId": "123456789012", "region": "eu-west-1", "status": "COMPLETE",
             "failureCode": null},
            {"registryId": "210987654321", "region": "us-west-2", "status": "FAILED",
             "failureCode": "InternalFailure"},
        ])
    );
    assert_eq!(
        fixture.ecr_error(status, image("v9")).await,
        "ImageNotFoundException"
    );
}
