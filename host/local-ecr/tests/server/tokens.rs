use crate::client::{Fixture, basic};
use http::Method;
use serde_json::json;
use std::num::NonZeroU64;
use std::time::Duration;

#[tokio::test]
async fn without_a_token_the_registry_asks_for_one() {
    let mut fixture = Fixture::new().await;
    let valid = std::mem::replace(&mut fixture.authorization, "Bearer x".into());
    let answer = fixture.get("/v2/").await;
    assert_eq!(answer.error(), (401, "UNAUTHORIZED".into()));
    assert!(
        answer
            .header("www-authenticate")
            .starts_with("Basic realm=")
    );

    fixture.authorization = basic("made up");
    assert_eq!(fixture.get("/v2/").await.error(), (403, "DENIED".into()));

    fixture.authorization = valid;
    let answer = fixture.get("/v2/").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("docker-distribution-api-version"),
        "registry/2.0"
    );
}

#[tokio::test]
async fn an_expired_token_is_denied_and_a_new_one_works() {
    let mut fixture = Fixture::new().await;
    fixture.server.expire_tokens();
    let answer = fixture.get("/v2/").await;
    assert_eq!(answer.error(), (403, "DENIED".into()));
    let message = answer.json()["errors"][0]["message"].clone();
    assert_eq!(
        message,
        "Your authorization token has expired. Reauthenticate and try again."
    );
    fixture.log_in().await;
    assert_eq!(fixture.get("/v2/").await.status, 200);

    let fixture = Fixture::with(|builder| builder.token_lifetime(Duration::ZERO)).await;
    assert_eq!(fixture.get("/v2/").await.status, 403);
}

#[tokio::test]
async fn the_token_names_its_end_and_the_endpoint() {
    let fixture = Fixture::new().await;
    let data = fixture.ecr("GetAuthorizationToken", json!({})).await.json();
    let data = &data["authorizationData"][0];
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let lifetime = data["expiresAt"].as_f64().unwrap() - now.as_secs_f64();
    assert!((43_190.0..=43_200.0).contains(&lifetime), "{lifetime}");
    assert_eq!(
        data["proxyEndpoint"],
        format!("http://{}", fixture.server.address())
    );
    let environment = fixture.server.environment();
    let endpoint = environment
        .iter()
        .find(|(name, _)| *name == "AWS_ENDPOINT_URL")
        .unwrap();
    assert_eq!(data["proxyEndpoint"], endpoint.1);
}

#[tokio::test]
async fn denied_and_throttled_actions_answer_as_ecr_does() {
    let every = NonZeroU64::new(2).unwrap();
    let fixture = Fixture::with(|builder| {
        builder
            .deny("ecr:PutImage")
            .deny("ecr:CreateRepository")
            .throttle("ecr:ListImages", every)
            .throttle("ecr:DescribeRepositories", every)
            .create_on_push(true)
    })
    .await;
    let (answer, _) = fixture.push_image("app", "v1", "layer").await;
    assert_eq!(answer.error(), (403, "DENIED".into()));
    let message = answer.json()["errors"][0]["message"].to_string();
    assert!(
        message.contains("ecr:PutImage") && message.contains("repository/app"),
        "{message}"
    );
    let create = fixture
        .ecr_error("CreateRepository", json!({"repositoryName": "bb"}))
        .await;
    assert_eq!(create, "AccessDeniedException");

    assert_eq!(fixture.get("/v2/app/tags/list").await.status, 200);
    assert_eq!(
        fixture.get("/v2/app/tags/list").await.error(),
        (429, "TOOMANYREQUESTS".into())
    );
    assert_eq!(
        fixture.ecr("DescribeRepositories", json!({})).await.status,
        200
    );
    let throttled = fixture.ecr_error("DescribeRepositories", json!({})).await;
    assert_eq!(throttled, "ThrottlingException");
    assert_eq!(fixture.server.calls("ecr:DescribeRepositories"), 2);
    assert_eq!(fixture.server.calls("ecr:PutImage"), 1);
}

#[tokio::test]
async fn a_host_header_chooses_the_account() {
    let fixture = Fixture::new().await;
    fixture
        .ecr(
            "CreateRepository",
            json!({"repositoryName": "app", "registryId": "210987654321"}),
        )
        .await;
    let path = "/v2/app/tags/list";
    assert_eq!(
        fixture.get(path).await.error(),
        (404, "NAME_UNKNOWN".into())
    );
    let host = [("host", "210987654321.dkr.ecr.us-east-1.amazonaws.com")];
    assert_eq!(fixture.v2(Method::GET, path, &host, "").await.status, 200);
}
