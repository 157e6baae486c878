//! The few calls of Amazon ECR's JSON API that the tasks make themselves, to a stand-in on loopback.
use serde_json::{Value, json};

use crate::error::{Doing, Error, Result};
use crate::http::{self, Address};

/// The account of every stand-in registry.
pub(crate) const ACCOUNT: &str = "123456789012";
/// The region of every stand-in registry.
pub(crate) const REGION: &str = "us-east-1";

/// The host of the account's registry, as it stands in image references.
pub(crate) fn registry_host() -> String {
    format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com")
}

/// `CreateRepository`
pub(crate) fn create_repository(endpoint: &Address, name: &str) -> Result<()> {
    call(
        endpoint,
        "CreateRepository",
        &json!({"repositoryName": name}),
    )
    .map(|_| ())
}

/// `GetAuthorizationToken`: base64 of `AWS:<password>`.
pub(crate) fn authorization_token(endpoint: &Address) -> Result<String> {
    let answer = call(endpoint, "GetAuthorizationToken", &json!({}))?;
    answer
        .pointer("/authorizationData/0/authorizationToken")
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| Error::Unmet(format!("GetAuthorizationToken answered no token: {answer}")))
}

/// The stand-ins route by the credential scope and do not verify the signature.
fn call(endpoint: &Address, operation: &str, parameters: &Value) -> Result<Value> {
    let target = format!("AmazonEC2ContainerRegistry_V20150921.{operation}");
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=local/20260101/{REGION}/ecr/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature=0"
    );
    let headers = [
        ("Content-Type", "application/x-amz-json-1.1"),
        ("X-Amz-Target", target.as_str()),
        ("X-Amz-Date", "20260101T000000Z"),
        ("Authorization", authorization.as_str()),
    ];
    let response = http::request(endpoint, "POST", "/", &headers, &parameters.to_string())
        .doing(|| format!("calling {operation}"))?;
    if response.status != 200 {
        return Err(Error::Unmet(format!(
            "{operation} answered {}: {}",
            response.status, response.body
        )));
    }
    serde_json::from_str(&response.body).doing(|| format!("reading the answer of {operation}"))
}
