use crate::client::{Fixture, IMAGE, INDEX, descriptor, digest, manifest};
use http::Method;
use serde_json::{Value, json};

async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.create_repository("app").await;
    fixture
}

#[tokio::test]
async fn a_manifest_is_given_back_as_it_came() {
    let fixture = fixture().await;
    let (pushed, digest) = fixture.push_image("app", "v1", "layer").await;
    assert_eq!(
        (
            pushed.status.as_u16(),
            pushed.header("docker-content-digest")
        ),
        (201, &*digest)
    );
    for reference in ["v1", &digest] {
        let path = format!("/v2/app/manifests/{reference}");
        let got = fixture
            .v2(Method::GET, &path, &[("accept", IMAGE)], "")
            .await;
        assert_eq!(got.body, manifest("layer"));
        assert_eq!(got.header("content-type"), IMAGE);
        assert_eq!(got.header("docker-content-digest"), digest);
        let head = fixture.head(&path).await;
        assert_eq!(head.header("content-length"), got.body.len().to_string());
        let other = fixture
            .v2(Method::GET, &path, &[("accept", INDEX)], "")
            .await;
        assert_eq!(other.error(), (404, "MANIFEST_UNKNOWN".into()));
    }
    let absent = fixture.get("/v2/app/manifests/v2").await;
    assert_eq!(absent.error(), (404, "MANIFEST_UNKNOWN".into()));
    let elsewhere = fixture.get("/v2/other/manifests/v1").await;
    assert_eq!(elsewhere.error(), (404, "NAME_UNKNOWN".into()));
    let message = elsewhere.json()["errors"][0]["message"].clone();
    assert_eq!(
        message,
        "The repository with name 'other' does not exist in the registry with id '123456789012'"
    );
    assert_eq!(
        fixture.get("/v2/app/manifests/-x").await.error(),
        (400, "TAG_INVALID".into())
    );
}

#[tokio::test]
async fn what_a_manifest_refers_to_must_be_there() {
    let fixture = fixture().await;
    let lacking = fixture
        .put_manifest("app", "v1", IMAGE, manifest("layer"))
        .await;
    assert_eq!(lacking.error(), (400, "MANIFEST_BLOB_UNKNOWN".into()));
    let index = json!({
        "schemaVersion": 2, "mediaType": INDEX,
        "manifests": [descriptor(IMAGE, manifest("layer").as_bytes())],
    })
    .to_string();
    let lacking = fixture
        .put_manifest("app", "all", INDEX, index.clone())
        .await;
    assert_eq!(lacking.error(), (400, "MANIFEST_BLOB_UNKNOWN".into()));
    let (_, child) = fixture.push_image("app", "v1", "layer").await;
    assert_eq!(
        fixture
            .put_manifest("app", "all", INDEX, index.clone())
            .await
            .status,
        201
    );

    let path = format!("/v2/app/manifests/{child}");
    let referenced = fixture.v2(Method::DELETE, &path, &[], "").await;
    assert_eq!(referenced.error(), (403, "DENIED".into()));
    let index = format!("/v2/app/manifests/{}", digest(index.as_bytes()));
    assert_eq!(
        fixture.v2(Method::DELETE, &index, &[], "").await.status,
        202
    );
    assert_eq!(fixture.v2(Method::DELETE, &path, &[], "").await.status, 202);
    assert_eq!(
        fixture.get("/v2/app/tags/list").await.json()["tags"],
        json!([])
    );
}

#[tokio::test]
async fn invalid_manifests_are_refused() {
    let fixture = fixture().await;
    for (media_type, content) in [
        (IMAGE, "not JSON".to_owned()),
        (INDEX, manifest("layer")),
        ("text/plain", json!({"schemaVersion": 2}).to_string()),
    ] {
        let answer = fixture.put_manifest("app", "v1", media_type, content).await;
        assert_eq!(answer.error(), (400, "MANIFEST_INVALID".into()));
    }
    let wrong = digest(b"something else");
    let answer = fixture
        .put_manifest("app", &wrong, IMAGE, manifest("layer"))
        .await;
    assert_eq!(answer.error(), (400, "DIGEST_INVALID".into()));
    let large = " ".repeat((4 << 20) + 1);
    let answer = fixture.put_manifest("app", "v1", IMAGE, large).await;
    assert_eq!(answer.error(), (413, "SIZE_INVALID".into()));
}

#[tokio::test]
async fn an_immutable_tag_takes_the_same_image_only() {
    let fixture = fixture().await;
    let mutability = |mode: &str| json!({"repositoryName": "app", "imageTagMutability": mode});
    fixture
        .ecr("PutImageTagMutability", mutability("IMMUTABLE"))
        .await;
    assert_eq!(fixture.push_image("app", "v1", "one").await.0.status, 201);
    assert_eq!(fixture.push_image("app", "v1", "one").await.0.status, 201);
    let (moved, _) = fixture.push_image("app", "v1", "two").await;
    assert_eq!(moved.error(), (400, "TAG_INVALID".into()));
    let message = moved.json()["errors"][0]["message"].clone();
    assert_eq!(
        message,
        "The image tag 'v1' already exists in the 'app' repository and cannot be overwritten because the tag is immutable."
    );

    let mut excluding = mutability("IMMUTABLE_WITH_EXCLUSION");
    let without = fixture
        .ecr_error("PutImageTagMutability", excluding.clone())
        .await;
    assert_eq!(without, "InvalidParameterException");
    excluding["imageTagMutabilityExclusionFilters"] =
        json!([{"filterType": "WILDCARD", "filter": "latest*"}]);
    assert_eq!(
        fixture.ecr("PutImageTagMutability", excluding).await.status,
        200
    );
    for content in ["one", "two"] {
        assert_eq!(
            fixture
                .push_image("app", "latest-1", content)
                .await
                .0
                .status,
            201
        );
    }
    assert_eq!(fixture.push_image("app", "v1", "two").await.0.status, 400);
    fixture
        .ecr("PutImageTagMutability", mutability("MUTABLE"))
        .await;
    assert_eq!(fixture.push_image("app", "v1", "two").await.0.status, 201);
}

#[tokio::test]
async fn tags_are_listed_in_pages() {
    let fixture = fixture().await;
    for tag in ["c", "a", "b"] {
        fixture.push_image("app", tag, "layer").await;
    }
    let all = fixture.get("/v2/app/tags/list").await.json();
    assert_eq!(all, json!({"name": "app", "tags": ["a", "b", "c"]}));
    let first = fixture.get("/v2/app/tags/list?n=2").await;
    assert_eq!(first.json()["tags"], json!(["a", "b"]));
    let link = first.header("link");
    let next = link.strip_prefix('<').unwrap().split('>').next().unwrap();
    let second = fixture.get(next).await;
    assert_eq!(second.json()["tags"], json!(["c"]));
    assert!(!second.headers.contains_key("link"));
}

#[tokio::test]
async fn referrers_are_found_by_their_subject() {
    let fixture = fixture().await;
    let (_, subject) = fixture.push_image("app", "v1", "layer").await;
    let mut signature: Value = serde_json::from_str(&manifest("layer")).unwrap();
    signature["subject"] = descriptor(IMAGE, manifest("layer").as_bytes());
    signature["artifactType"] = json!("application/vnd.example.signature");
    signature["annotations"] = json!({"by": "someone"});
    let signature = signature.to_string();
    let own = digest(signature.as_bytes());
    let put = fixture
        .put_manifest("app", &own, IMAGE, signature.clone())
        .await;
    assert_eq!(
        (put.status.as_u16(), put.header("oci-subject")),
        (201, &*subject)
    );

    let found = fixture.get(&format!("/v2/app/referrers/{subject}")).await;
    assert_eq!(found.header("content-type"), INDEX);
    let expected = json!([{
        "mediaType": IMAGE, "digest": own, "size": signature.len(),
        "artifactType": "application/vnd.example.signature", "annotations": {"by": "someone"},
    }]);
    assert_eq!(found.json()["manifests"], expected);
    let path = format!("/v2/app/referrers/{subject}?artifactType=other");
    let filtered = fixture.get(&path).await;
    assert_eq!(filtered.json()["manifests"], json!([]));
    assert_eq!(filtered.header("oci-filters-applied"), "artifactType");
}
