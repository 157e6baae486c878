//! What a step is told of AWS's errors.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ecr::config::http::HttpResponse;
use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;

use crate::capability::{CapabilityError, ErrorKind};
use crate::event::printable;

/// A call of an AWS API, for the words of its errors.
#[derive(Clone, Debug)]
pub(crate) struct AwsCall {
    /// The connector, as the step names it.
    pub(crate) connector: String,
    /// The IAM action, such as `ecr:GetAuthorizationToken`.
    pub(crate) action: &'static str,
    /// Where the API is reached.
    pub(crate) endpoint: String,
}

impl AwsCall {
    /// What a step is told of `error`.
    pub(crate) fn told<E>(&self, error: &SdkError<E, HttpResponse>) -> CapabilityError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        // The role is assumed within another call, when that needs the credentials.
        if let Some(assume_role) = find::<AssumeRoleError>(error) {
            let call = Self {
                action: "sts:AssumeRole",
                ..self.clone()
            };
            return call.refused(assume_role.code(), assume_role.message());
        }
        if let Some(service) = error.as_service_error() {
            // What stands before the service says it by the status alone.
            let status = error.raw_response().map(|answer| answer.status().as_u16());
            let code = service.code().or(match status {
                Some(429) => Some("TooManyRequestsException"),
                Some(500..) => Some("ServiceUnavailable"),
                _ => None,
            });
            return self.refused(code, service.message());
        }
        let what = self.what();
        match error {
            SdkError::TimeoutError(_) => CapabilityError::new(
                ErrorKind::TimedOut,
                format!("{what}: {} does not answer in time", self.endpoint),
            ),
            _ if find::<CredentialsError>(error).is_some() => self.without_identity(error),
            _ => CapabilityError::unavailable(format!(
                "{what}: {} cannot be reached: {}",
                self.endpoint,
                innermost(error)
            ))
            .with_hint(
                "check the network of this machine, and endpoint-url under [aws] of stepyard.toml \
                 if it is set",
            ),
        }
    }

    fn what(&self) -> String {
        format!("{} with the connector {}", self.action, self.connector)
    }

    fn without_identity(&self, error: &(dyn Error + 'static)) -> CapabilityError {
        CapabilityError::new(
            ErrorKind::Unauthenticated,
            format!(
                "{}: there are no AWS credentials: {}",
                self.what(),
                innermost(error)
            ),
        )
        .with_hint(
            "a connector of type InheritFromDelegate takes the credentials of the machine: the \
             variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile in ~/.aws, a web \
             identity, or the role of the ECS task, EKS pod or EC2 instance",
        )
    }

    fn refused(&self, code: Option<&str>, message: Option<&str>) -> CapabilityError {
        let code = code.unwrap_or("an error without a code");
        // Only the first line: some services repeat the signed request, with its session token,
        // in those that follow.
        let message = message.and_then(|message| message.lines().next());
        let message: String = printable(message.unwrap_or("no message"))
            .chars()
            .take(500)
            .collect();
        let what = self.what();
        let connector = &self.connector;
        let error = |kind, sentence: &str| {
            CapabilityError::new(kind, format!("{what}: {sentence} ({code}: {message})"))
        };
        match code {
            "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "InvalidClientTokenId"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "MissingAuthenticationToken"
            | "AuthFailure" => error(
                ErrorKind::Unauthenticated,
                &format!("AWS does not accept the keys of the connector {connector}"),
            )
            .with_hint(format!(
                "check accessKey, secretKeyRef and, for temporary keys, sessionTokenRef of the \
                 connector {connector}"
            )),
            "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => error(
                ErrorKind::Unauthenticated,
                &format!("the temporary keys of the connector {connector} have expired"),
            )
            .with_hint("renew the secrets of the connector"),
            "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => {
                let action = missing_action(&message).unwrap_or(self.action);
                error(
                    ErrorKind::Forbidden,
                    &format!("the identity of the connector {connector} lacks {action}"),
                )
                .with_hint(if action == "sts:AssumeRole" {
                    "allow sts:AssumeRole to the identity, and let the role's trust policy name \
                     the identity and the external id of crossAccountAccess"
                        .to_owned()
                } else {
                    format!("allow {action} in a policy of the identity")
                })
            }
            "Throttling"
            | "ThrottlingException"
            | "TooManyRequestsException"
            | "RequestLimitExceeded" => error(ErrorKind::Throttled, "AWS asks for fewer requests")
                .with_hint("several attempts were made; run the step again when less is going on in the account"),
            "ServerException" | "InternalFailure" | "ServiceUnavailable" => error(
                ErrorKind::Unavailable,
                &format!("{} answers with a server error", self.endpoint),
            ),
            _ => error(ErrorKind::Other(code.to_owned()), "AWS refuses it"),
        }
    }
}

/// The action in `… is not authorized to perform: ecr:X on resource: …`.
fn missing_action(message: &str) -> Option<&str> {
    let (_, after) = message.split_once("perform: ")?;
    let action = after.split_whitespace().next()?;
    action.contains(':').then_some(action)
}

/// The errors from `error` to its innermost cause.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).find_map(|error| error.downcast_ref::<T>())
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error).last().unwrap_or(error).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str, message: &str) -> CapabilityError {
        let call = AwsCall {
            connector: "aws_main".to_owned(),
            action: "ecr:GetAuthorizationToken",
            endpoint: "https://api.ecr.us-east-1.amazonaws.com".to_owned(),
        };
        call.refused(Some(code), Some(message))
    }

    #[test]
    fn codes_become_kinds() {
        for (code, kind) in [
            ("UnrecognizedClientException", ErrorKind::Unauthenticated),
            ("InvalidClientTokenId", ErrorKind::Unauthenticated),
            ("ExpiredTokenException", ErrorKind::Unauthenticated),
            ("AccessDeniedException", ErrorKind::Forbidden),
            ("ThrottlingException", ErrorKind::Throttled),
            ("ServerException", ErrorKind::Unavailable),
            ("Strange", ErrorKind::Other("Strange".to_owned())),
        ] {
            let error = refused(code, "m");
            assert_eq!(error.kind, kind, "{code}");
            assert!(error.message.contains("aws_main"), "{error}");
        }
    }

    #[test]
    fn a_missing_permission_is_named() {
        let error = refused(
            "AccessDeniedException",
            "User: arn:aws:iam::1:user/u is not authorized to perform: ecr:DescribeRepositories on resource: r",
        );
        assert!(error.hint.unwrap().contains("ecr:DescribeRepositories"));
        let error = refused("AccessDeniedException", "no");
        assert!(error.hint.unwrap().contains("ecr:GetAuthorizationToken"));
    }
}
