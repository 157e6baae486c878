use super::error::ApiError;
use super::{Call, seconds};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(default)]
    registry_ids: Vec<String>,
}

/// GetAuthorizationToken. Each token opens every registry of this server.
pub(super) fn get_authorization_token(call: &Call) -> Result<Value, ApiError> {
    let request: Request = call.request()?;
    let endpoint = format!("http://{}", call.service.address);
    let mut tokens = Vec::new();
    // The deprecated `registryIds` asks for one token each.
    for _ in 0..request.registry_ids.len().clamp(1, 10) {
        let (token, expires_at) = issue(call)?;
        tokens.push(json!({
            "authorizationToken": token,
            "expiresAt": expires_at,
            "proxyEndpoint": endpoint,
        }));
    }
    Ok(json!({ "authorizationData": tokens }))
}

/// The calls of ECR Public's API.
pub(super) fn answer_public(call: &Call, operation: &str) -> Result<Value, ApiError> {
    let caller = &call.principal.arn;
    let action = format!("ecr-public:{operation}");
    call.service.check_action(&action, caller, "*")?;
    if operation != "GetAuthorizationToken" {
        return Err(ApiError::new(
            "UnknownOperationException",
            format!("The operation '{operation}' is not known here"),
        ));
    }
    let service = &call.service;
    service.check_action("sts:GetServiceBearerToken", caller, "*")?;
    let (token, expires_at) = issue(call)?;
    Ok(json!({
        "authorizationData": {"authorizationToken": token, "expiresAt": expires_at},
    }))
}

/// A new token as a user name and password in base64, and when it expires.
fn issue(call: &Call) -> Result<(String, f64), ApiError> {
    let token = call
        .service
        .authority
        .issue_token()
        .map_err(|error| ApiError::internal(&error))?;
    let basic = token.basic.expose_secret().to_owned();
    Ok((basic, seconds(token.expires_at)))
}
