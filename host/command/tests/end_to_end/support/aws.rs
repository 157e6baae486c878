//! The few calls of Amazon ECR's API that the tests make themselves.

use serde_json::{Value, json};

use super::http::{Response, request};
use super::{ACCOUNT, REGION};

/// Makes a repository whose tags are `MUTABLE` or `IMMUTABLE`.
pub(crate) fn create_repository(endpoint: &str, name: &str, mutability: &str) {
    let parameters = json!({"repositoryName": name, "imageTagMutability": mutability});
    answer(endpoint, "CreateRepository", &parameters);
}

/// `Basic` and an authorization token, for the header of a registry request.
pub(crate) fn authorization(endpoint: &str) -> String {
    let parameters = json!({"registryIds": [ACCOUNT]});
    let answer = answer(endpoint, "GetAuthorizationToken", &parameters);
    let token = answer["authorizationData"][0]["authorizationToken"].as_str();
    format!(
        "Basic {}",
        token.unwrap_or_else(|| panic!("no token: {answer}"))
    )
}

/// What a call answers that must succeed.
pub(crate) fn answer(endpoint: &str, operation: &str, parameters: &Value) -> Value {
    let response = call(endpoint, operation, parameters);
    assert_eq!(response.status, 200, "{}", response.body);
    serde_json::from_str(&response.body).unwrap()
}

/// The stand-ins route by the credential scope and do not verify the signature.
fn call(endpoint: &str, operation: &str, parameters: &Value) -> Response {
    let target = format!("AmazonEC2ContainerRegistry_V20150921.{operation}");
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/ecr/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature=0"
    );
    let headers = [
        ("Content-Type", "application/x-amz-json-1.1"),
        ("X-Amz-Target", target.as_str()),
        ("X-Amz-Date", "20260101T000000Z"),
        ("Authorization", authorization.as_str()),
    ];
    request(endpoint, "POST", "/", &headers, &parameters.to_string())
}
