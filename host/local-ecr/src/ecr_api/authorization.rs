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
        let token = call
            .service
            .authority
            .issue_token()
            .map_err(|error| ApiError::internal(&error))?;
        tokens.push(json!({
            "authorizationToken": token.basic.expose_secret(),
            "expiresAt": seconds(token.expires_at),
            "proxyEndpoint": endpoint,
        }));
    }
    Ok(json!({ "authorizationData": tokens }))
}
