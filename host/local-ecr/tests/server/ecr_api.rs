use crate::client::{Fixture, IMAGE, manifest};
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

#[tokio::test]
async fn repositories_are_made_described_and_deleted() {
    let fixture = Fixture::new().await;
    let name = |name: &str| json!({"repositoryName": name});
    let created = fixture
        .ecr("CreateRepository", name("team/app"))
        .await
        .json();
    let repository = &created["repository"];
    assert_eq!(
        repository["repositoryUri"],
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app"
    );
    assert_eq!(
        repository["repositoryArn"],
        "arn:aws:ecr:us-east-1:123456789012:repository/team/app"
    );
    assert_eq!(repository["imageTagMutability"], "MUTABLE");
    let again = fixture
        .ecr_error("CreateRepository", name("team/app"))
        .await;
    assert_eq!(again, "RepositoryAlreadyExistsException");
    let invalid = fixture.ecr_error("CreateRepository", name("Team")).await;
    assert_eq!(invalid, "InvalidParameterException");
    assert_eq!(
        fixture.ecr_error("CreateRepository", json!({})).await,
        "InvalidParameterException"
    );

    fixture.create_repository("other").await;
    let page = fixture
        .ecr("DescribeRepositories", json!({"maxResults": 1}))
        .await
        .json();
    assert_eq!(page["repositories"][0]["repositoryName"], "other");
    let next = json!({"maxResults": 1, "nextToken": page["nextToken"]});
    let page = fixture.ecr("DescribeRepositories", next).await.json();
    assert_eq!(page["repositories"][0]["repositoryName"], "team/app");
    assert_eq!(page["nextToken"], Value::Null);
    let absent = json!({"repositoryNames": ["absent"]});
    let absent = fixture.ecr_error("DescribeRepositories", absent).await;
    assert_eq!(absent, "RepositoryNotFoundException");

    fixture.push_image("team/app", "v1", "layer").await;
    let refused = fixture
        .ecr_error("DeleteRepository", name("team/app"))
        .await;
    assert_eq!(refused, "RepositoryNotEmptyException");
    let forced = json!({"repositoryName": "team/app", "force": true});
    assert_eq!(fixture.ecr("DeleteRepository", forced).await.status, 200);
    assert_eq!(
        fixture.get("/v2/team/app/tags/list").await.error().1,
        "NAME_UNKNOWN"
    );
    fixture.create_repository("team/app").await;
    assert_eq!(
        fixture.get("/v2/team/app/tags/list").await.json()["tags"],
        json!([])
    );
}

#[tokio::test]
async fn a_repository_is_made_as_it_is_asked_for() {
    let fixture = Fixture::new().await;
    let request = json!({
        "repositoryName": "team/app",
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "dev-*"}],
        "imageScanningConfiguration": {"scanOnPush": true},
        "encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": "alias/images"},
        "tags": [{"Key": "team", "Value": "web"}],
    });
    let made = fixture
        .ecr("CreateRepository", request.clone())
        .await
        .json();
    let repository = &made["repository"];
    for (member, value) in request.as_object().unwrap() {
        if member != "tags" {
            assert_eq!(repository[member], *value, "{member}");
        }
    }
    let arn = json!({"resourceArn": repository["repositoryArn"]});
    let tags = fixture.ecr("ListTagsForResource", arn).await.json();
    assert_eq!(tags["tags"], request["tags"]);

    let kms =
        json!({"repositoryName": "kms", "encryptionConfiguration": {"encryptionType": "KMS"}});
    let made = fixture.ecr("CreateRepository", kms).await.json();
    assert_eq!(
        made["repository"]["encryptionConfiguration"]["kmsKey"],
        "arn:aws:kms:us-east-1:123456789012:alias/aws/ecr"
    );
    for (member, value, expected) in [
        (
            "imageTagMutability",
            json!("SOMETIMES"),
            "InvalidParameterException",
        ),
        (
            "encryptionConfiguration",
            json!({"encryptionType": "AES256", "kmsKey": "k"}),
            "InvalidParameterException",
        ),
        (
            "tags",
            json!([{"Key": "aws:own", "Value": ""}]),
            "InvalidTagParameterException",
        ),
        (
            "tags",
            json!(vec![json!({"Key": "k", "Value": ""}); 51]),
            "TooManyTagsException",
        ),
    ] {
        let request = json!({"repositoryName": "faulty", member: value});
        let error = fixture.ecr_error("CreateRepository", request).await;
        assert_eq!(error, expected, "{member}");
    }
}

#[tokio::test]
async fn every_call_can_be_denied() {
    let image = json!({"imageTag": "v1"});
    for (operation, more) in [
        ("CreateRepository", json!({})),
        ("PutLifecyclePolicy", json!({"lifecyclePolicyText": "{}"})),
        ("SetRepositoryPolicy", json!({"policyText": "{}"})),
        (
            "PutImageTagMutability",
            json!({"imageTagMutability": "IMMUTABLE"}),
        ),
        ("DescribeImages", json!({})),
        ("BatchDeleteImage", json!({"imageIds": [image]})),
        ("StartImageScan", json!({"imageId": image})),
        ("DescribeImageScanFindings", json!({"imageId": image})),
        ("DescribeImageReplicationStatus", json!({"imageId": image})),
    ] {
        let action = format!("ecr:{operation}");
        let fixture = Fixture::with(|builder| builder.deny(&action)).await;
        let mut request = more;
        request["repositoryName"] = json!("app");
        let answer = fixture.ecr(operation, request).await.json();
        assert_eq!(answer["__type"], "AccessDeniedException");
        let message = answer["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("perform: {action} on")),
            "{message}"
        );
    }
    let fixture = Fixture::with(|builder| builder.deny("ecr:TagResource")).await;
    let tagged = json!({"repositoryName": "app", "tags": [{"Key": "k", "Value": "v"}]});
    let refused = fixture.ecr_error("CreateRepository", tagged).await;
    assert_eq!(refused, "AccessDeniedException");
    fixture.create_repository("app").await;
}

#[tokio::test]
async fn registries_of_other_accounts_are_apart() {
    let fixture = Fixture::new().await;
    fixture.create_repository("app").await;
    let other = json!({"registryId": "210987654321"});
    let listed = fixture
        .ecr("DescribeRepositories", other.clone())
        .await
        .json();
    assert_eq!(listed["repositories"], json!([]));
    let create = json!({"registryId": "210987654321", "repositoryName": "app"});
    let created = fixture.ecr("CreateRepository", create).await.json();
    assert_eq!(created["repository"]["registryId"], "210987654321");
    let listed = fixture.ecr("DescribeRepositories", other).await.json();
    assert_eq!(listed["repositories"].as_array().unwrap().len(), 1);
    let invalid = fixture
        .ecr_error("DescribeRepositories", json!({"registryId": "1"}))
        .await;
    assert_eq!(invalid, "InvalidParameterException");
}

#[tokio::test]
async fn images_are_described_listed_and_fetched() {
    let fixture = Fixture::new().await;
    fixture.create_repository("app").await;
    let (_, first) = fixture.push_image("app", "v1", "one").await;
    fixture.push_image("app", "v1.0", "one").await;
    let (_, second) = fixture.push_image("app", "moved", "two").await;
    let (_, third) = fixture.push_image("app", "moved", "three").await;
    let app = |mut more: Value| {
        more["repositoryName"] = json!("app");
        more
    };

    let request = app(json!({"imageIds": [{"imageTag": "v1"}]}));
    let details = fixture.ecr("DescribeImages", request).await.json();
    let detail = &details["imageDetails"][0];
    assert_eq!(detail["imageDigest"], first);
    assert_eq!(detail["imageTags"], json!(["v1", "v1.0"]));
    assert_eq!(detail["imageSizeInBytes"], "{}one".len());
    assert_eq!(detail["imageManifestMediaType"], IMAGE);
    let absent = app(json!({"imageIds": [{"imageTag": "v9"}]}));
    assert_eq!(
        fixture.ecr_error("DescribeImages", absent).await,
        "ImageNotFoundException"
    );

    let untagged = app(json!({"filter": {"tagStatus": "UNTAGGED"}}));
    let listed = fixture.ecr("ListImages", untagged).await.json();
    assert_eq!(listed["imageIds"], json!([{"imageDigest": second}]));
    let tagged = app(json!({"filter": {"tagStatus": "TAGGED"}, "maxResults": 2}));
    let listed = fixture.ecr("ListImages", tagged.clone()).await.json();
    assert_eq!(listed["imageIds"].as_array().unwrap().len(), 2);
    let mut rest = tagged;
    rest["nextToken"] = listed["nextToken"].clone();
    let listed = fixture.ecr("ListImages", rest).await.json();
    assert_eq!(listed["imageIds"].as_array().unwrap().len(), 1);

    let request = app(json!({"imageIds": [{"imageTag": "moved"}, {"imageTag": "v9"}]}));
    let got = fixture.ecr("BatchGetImage", request).await.json();
    assert_eq!(
        got["images"][0]["imageId"],
        json!({"imageDigest": third, "imageTag": "moved"})
    );
    assert_eq!(got["images"][0]["imageManifest"], manifest("three"));
    assert_eq!(got["failures"][0]["failureCode"], "ImageNotFound");
}

#[tokio::test]
async fn put_image_tags_and_batch_delete_image_untags() {
    let fixture = Fixture::new().await;
    fixture.create_repository("app").await;
    let (_, digest) = fixture.push_image("app", "v1", "one").await;
    let put = json!({
        "repositoryName": "app", "imageTag": "stable",
        "imageManifest": manifest("one"), "imageManifestMediaType": IMAGE,
    });
    let image = fixture.ecr("PutImage", put.clone()).await.json();
    assert_eq!(
        image["image"]["imageId"],
        json!({"imageDigest": digest, "imageTag": "stable"})
    );
    assert_eq!(
        fixture.ecr_error("PutImage", put).await,
        "ImageAlreadyExistsException"
    );

    let delete = |tag: &str| json!({"repositoryName": "app", "imageIds": [{"imageTag": tag}]});
    fixture.ecr("BatchDeleteImage", delete("v1")).await;
    let path = format!("/v2/app/manifests/{digest}");
    assert_eq!(fixture.head(&path).await.status, 200);
    let last = fixture
        .ecr("BatchDeleteImage", delete("stable"))
        .await
        .json();
    assert_eq!(
        last["imageIds"],
        json!([{"imageDigest": digest, "imageTag": "stable"}])
    );
    assert_eq!(fixture.head(&path).await.status, 404);
}

#[tokio::test]
async fn policies_are_kept() {
    let fixture = Fixture::new().await;
    fixture.create_repository("app").await;
    let app = json!({"repositoryName": "app"});
    for (set, get, member, absent) in [
        (
            "SetRepositoryPolicy",
            "GetRepositoryPolicy",
            "policyText",
            "RepositoryPolicyNotFoundException",
        ),
        (
            "PutLifecyclePolicy",
            "GetLifecyclePolicy",
            "lifecyclePolicyText",
            "LifecyclePolicyNotFoundException",
        ),
    ] {
        assert_eq!(fixture.ecr_error(get, app.clone()).await, absent);
        let invalid = json!({"repositoryName": "app", member: "x"});
        assert_eq!(
            fixture.ecr_error(set, invalid).await,
            "InvalidParameterException"
        );
        let request = json!({"repositoryName": "app", member: "{}"});
        assert_eq!(fixture.ecr(set, request).await.status, 200);
        assert_eq!(fixture.ecr(get, app.clone()).await.json()[member], "{}");
    }
}

#[tokio::test]
async fn calls_that_are_unsigned_or_unknown_are_refused() {
    let fixture = Fixture::new().await;
    assert_eq!(
        fixture.ecr_error("MakeCoffee", json!({})).await,
        "UnknownOperationException"
    );
    let unsigned = Request::post(format!("http://{}/", fixture.server.address())).header(
        "x-amz-target",
        "AmazonEC2ContainerRegistry_V20150921.ListImages",
    );
    let answer = fixture
        .send(unsigned.body(Full::new("{}".into())).unwrap())
        .await;
    assert_eq!(
        answer.json()["__type"],
        "MissingAuthenticationTokenException"
    );
}
