//! The identity of a Kubernetes service account (IAM roles for service accounts, IRSA).

use std::path::PathBuf;

use super::oidc::OidcTokenFile;
use super::session_name::SessionName;
use crate::capability::{CapabilityError, ErrorKind};
use crate::connector::RoleArn;

const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const ROLE: &str = "AWS_ROLE_ARN";
const SESSION_NAME: &str = "AWS_ROLE_SESSION_NAME";

/// What EKS puts into the environment of a pod whose service account has a role.
#[derive(Clone, Debug, Default)]
pub struct ServiceAccount {
    /// `AWS_WEB_IDENTITY_TOKEN_FILE`: the file with the service account's token, which is renewed
    /// from time to time.
    pub token_file: Option<PathBuf>,
    /// `AWS_ROLE_ARN`: the role that the token is exchanged for.
    pub role: Option<String>,
    /// `AWS_ROLE_SESSION_NAME`: how the session is called, where not after the step.
    pub session_name: Option<String>,
}

impl ServiceAccount {
    /// The one of this process.
    #[must_use]
    pub fn of_environment() -> Self {
        let text = |name| {
            let value = std::env::var(name).ok();
            value.filter(|value| !value.is_empty())
        };
        Self {
            token_file: text(TOKEN_FILE).map(PathBuf::from),
            role: text(ROLE),
            session_name: text(SESSION_NAME),
        }
    }

    pub(super) fn token_file(&self, connector: &str) -> Result<OidcTokenFile, CapabilityError> {
        match &self.token_file {
            Some(path) => Ok(OidcTokenFile::new(path, TOKEN_FILE)),
            None => Err(missing(connector, &format!("{TOKEN_FILE} is not set"))),
        }
    }

    pub(super) fn role(&self, connector: &str) -> Result<RoleArn, CapabilityError> {
        let role = self.role.as_deref();
        let role = role.ok_or_else(|| missing(connector, &format!("{ROLE} is not set")))?;
        RoleArn::parse(role)
            .map_err(|error| missing(connector, &format!("{ROLE} is {role:?}: {error}")))
    }

    pub(super) fn session_name(&self) -> Option<SessionName> {
        self.session_name.as_deref().map(SessionName::sanitised)
    }
}

fn missing(connector: &str, problem: &str) -> CapabilityError {
    CapabilityError::new(
        ErrorKind::Unauthenticated,
        format!(
            "the connector {connector} is of type Irsa, which takes the role of the pod's service \
             account, and {problem}"
        ),
    )
    .with_hint(format!(
        "run the agent in a pod whose service account has the annotation \
         eks.amazonaws.com/role-arn, or set {TOKEN_FILE} and {ROLE}; where the machine's identity \
         comes from elsewhere, the connector's type is InheritFromDelegate"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let nothing = ServiceAccount::default();
        let error = nothing.token_file("irsa").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthenticated);
        assert!(
            error
                .message
                .contains("AWS_WEB_IDENTITY_TOKEN_FILE is not set")
        );
        assert!(error.message.contains("the connector irsa"));
        let error = nothing.role("irsa").unwrap_err();
        assert!(error.message.contains("AWS_ROLE_ARN is not set"), "{error}");
        let wrong = ServiceAccount {
            role: Some("push".to_owned()),
            ..ServiceAccount::default()
        };
        let error = wrong.role("irsa").unwrap_err();
        assert!(
            error.message.contains("AWS_ROLE_ARN is \"push\""),
            "{error}"
        );
        assert!(error.hint.unwrap().contains("InheritFromDelegate"));
    }
}
