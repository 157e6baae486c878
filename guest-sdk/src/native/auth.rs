//! Credentials.

use serde_json::json;

use super::script;
use super::types::{Credential, Error};

pub fn login(connector: &str, registry: Option<&str>) -> Result<Credential, Error> {
    script::ask(
        "auth.login",
        json!({"connector": connector, "registry": registry}),
    )
}

pub fn anonymous(registry: &str) -> Result<Credential, Error> {
    script::ask("auth.anonymous", json!({"registry": registry}))
}
