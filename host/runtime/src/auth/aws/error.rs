//! What a step is told of AWS's errors.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ecr::config::http::HttpResponse;
use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};

use crate::capability::{CapabilityError, ErrorKind};
use crate::connector::RoleArn;
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
    /// What the call proves its identity with.
    pub(crate) proof: CallProof,
    /// The role that the call would assume.
    pub(crate) role: Option<RoleArn>,
}

/// What a call proves its identity with: it decides on what helps where AWS does not accept it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CallProof {
    /// The access key of a connector of type `ManualConfig`.
    AccessKey,
    /// What AWS's SDKs find on the machine.
    Machine,
    /// The keys of a session that was begun before.
    Session,
    /// A web identity token, from the place that is described.
    Token(String),
}

impl AwsCall {
    /// What a step is told of `error`.
    pub(crate) fn told<E>(&self, error: &SdkError<E, HttpResponse>) -> CapabilityError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        // A role is assumed within the call that needs its session, and that has told its errors.
        if let Some(told) = find::<CapabilityError>(error) {
            return told.clone();
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

    /// The error of an answer that lacks what was asked for.
    pub(crate) fn answers_without(&self, what: &str) -> CapabilityError {
        CapabilityError::unsupported(format!("{} answers without {what}", self.endpoint))
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
        let message = said(message);
        let told = self.reason(code, &message);
        let error = CapabilityError::new(
            told.kind,
            format!("{}: {} ({code}: {message})", self.what(), told.sentence),
        );
        match told.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    fn reason(&self, code: &str, message: &str) -> Reason {
        let connector = &self.connector;
        match code {
            "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "IncompleteSignature"
            | "MissingAuthenticationToken"
            | "AuthFailure" => Reason::new(
                ErrorKind::Unauthenticated,
                format!("AWS does not accept {}", self.keys()),
                self.remedy_of_wrong_keys(),
            ),
            "SignatureDoesNotMatch" | "InvalidSignatureException" if is_about_time(message) => {
                wrong_clock()
            }
            "SignatureDoesNotMatch" | "InvalidSignatureException" => Reason::new(
                ErrorKind::Unauthenticated,
                format!("the secret access key is not the one of {}", self.keys()),
                self.remedy_of_wrong_keys(),
            ),
            "RequestExpired" | "RequestTimeTooSkewed" => wrong_clock(),
            "ExpiredToken" | "ExpiredTokenException" => self.expired(),
            "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => {
                self.denied(message)
            }
            "InvalidIdentityToken" | "IDPRejectedClaim" => Reason::new(
                ErrorKind::Unauthenticated,
                format!("AWS does not accept the token from {}", self.token_place()),
                format!(
                    "the account of the role{} needs an IAM identity provider for the issuer of \
                     the token, with the token's audience (usually sts.amazonaws.com)",
                    self.role()
                ),
            ),
            "IDPCommunicationError" => Reason::new(
                ErrorKind::Unavailable,
                "AWS cannot reach the issuer of the token",
                "the keys of the issuer must be readable from the internet; run the step again",
            ),
            "MalformedPolicyDocument" | "MalformedPolicy" | "PackedPolicyTooLarge" => Reason::new(
                ErrorKind::InvalidSettings,
                "AWS does not accept the policy or the tags of the session",
                "look at the session tags that the issuer puts into the token: STS bounds how many \
                 and how long they are",
            ),
            "RegionDisabledException" => Reason::new(
                ErrorKind::Forbidden,
                format!("STS is not activated for the account at {}", self.endpoint),
                "activate the region under the account settings of IAM, or take another region",
            ),
            "ValidationError" => Reason::new(
                ErrorKind::InvalidSettings,
                "AWS does not accept the request",
                format!("check the role and the external id of the connector {connector}"),
            ),
            "Throttling"
            | "ThrottlingException"
            | "TooManyRequestsException"
            | "RequestLimitExceeded" => Reason::new(
                ErrorKind::Throttled,
                "AWS asks for fewer requests",
                "several attempts were made; run the step again when less is going on in the \
                 account",
            ),
            "ServerException" | "InternalFailure" | "ServiceUnavailable" => Reason {
                kind: ErrorKind::Unavailable,
                sentence: format!("{} answers with a server error", self.endpoint),
                hint: None,
            },
            _ => Reason {
                kind: ErrorKind::Other(code.to_owned()),
                sentence: "AWS refuses it".to_owned(),
                hint: None,
            },
        }
    }

    fn expired(&self) -> Reason {
        let connector = &self.connector;
        let (what, hint) = match &self.proof {
            CallProof::AccessKey => (
                format!("the temporary keys of the connector {connector} have expired"),
                "renew the secrets that accessKeyRef, secretKeyRef and sessionTokenRef name"
                    .to_owned(),
            ),
            CallProof::Machine => (
                "the temporary keys of the machine have expired".to_owned(),
                "renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or the \
                 login of the profile"
                    .to_owned(),
            ),
            CallProof::Session => (
                "the session of the role has expired".to_owned(),
                "run the step again: a new session is begun; if it stays so, set the clock of this \
                 machine"
                    .to_owned(),
            ),
            CallProof::Token(place) => (
                format!("the token from {place} has expired"),
                "let the CI system issue the token shortly before the step, or keep it in a file \
                 that is renewed (oidc-token-file under [aws] of stepyard.toml)"
                    .to_owned(),
            ),
        };
        Reason::new(ErrorKind::Unauthenticated, what, hint)
    }

    fn denied(&self, message: &str) -> Reason {
        let action = missing_action(message).unwrap_or(self.action);
        let identity = format!("the identity of the connector {}", self.connector);
        let Some(role) = self.role.as_ref().filter(|_| action == self.action) else {
            return Reason::new(
                ErrorKind::Forbidden,
                format!("{identity} lacks {action}"),
                format!("allow {action} in a policy of the identity"),
            );
        };
        match &self.proof {
            CallProof::Token(place) => Reason::new(
                ErrorKind::Forbidden,
                format!("the token from {place} may not assume the role {role}"),
                format!(
                    "let the trust policy of {role} allow {action} to the token's issuer, with \
                     conditions that hold for its subject and its audience"
                ),
            ),
            _ => Reason::new(
                ErrorKind::Forbidden,
                format!(
                    "{} may not assume the role {role}",
                    caller(message).unwrap_or(&identity)
                ),
                format!(
                    "allow {action} on {role} to the identity, and let the role's trust policy \
                     name the identity and the external id of crossAccountAccess"
                ),
            ),
        }
    }

    /// Whose keys the call is signed with.
    fn keys(&self) -> String {
        match &self.proof {
            CallProof::AccessKey => format!("the keys of the connector {}", self.connector),
            CallProof::Machine => "the keys of the machine".to_owned(),
            CallProof::Session => "the keys of the role's session".to_owned(),
            CallProof::Token(place) => format!("the token from {place}"),
        }
    }

    fn remedy_of_wrong_keys(&self) -> String {
        match &self.proof {
            CallProof::AccessKey => format!(
                "check accessKey, secretKeyRef and, for temporary keys, sessionTokenRef of the \
                 connector {}",
                self.connector
            ),
            CallProof::Machine => "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and \
                                   AWS_SESSION_TOKEN, or the profile in ~/.aws"
                .to_owned(),
            CallProof::Session | CallProof::Token(_) => {
                "run the step again: a new session is begun".to_owned()
            }
        }
    }

    fn token_place(&self) -> &str {
        match &self.proof {
            CallProof::Token(place) => place,
            _ => "the host",
        }
    }

    fn role(&self) -> String {
        self.role
            .as_ref()
            .map(|role| format!(" {role}"))
            .unwrap_or_default()
    }
}

/// What an error means for the one who reads it.
struct Reason {
    kind: ErrorKind,
    sentence: String,
    hint: Option<String>,
}

impl Reason {
    fn new(kind: ErrorKind, sentence: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            kind,
            sentence: sentence.into(),
            hint: Some(hint.into()),
        }
    }
}

fn wrong_clock() -> Reason {
    Reason::new(
        ErrorKind::Unauthenticated,
        "AWS has another time than this machine",
        "set the clock of this machine: AWS accepts a difference of 15 minutes",
    )
}

/// Whether a wrong signature is wrong because of its time: `Signature expired: …` or
/// `Signature not yet current: …`.
fn is_about_time(message: &str) -> bool {
    message.contains("Signature expired") || message.contains("not yet current")
}

/// The words of an error that AWS sends, for a person. Only the first line: some services repeat the
/// signed request, with its session token, in those that follow.
pub(crate) fn said(message: Option<&str>) -> String {
    let message = message.and_then(|message| message.lines().next());
    let message = printable(message.unwrap_or("no message"));
    message.chars().take(500).collect()
}

/// The action in `… is not authorized to perform: ecr:X on resource: …`.
pub(crate) fn missing_action(message: &str) -> Option<&str> {
    let (_, after) = message.split_once("perform: ")?;
    let action = after.split_whitespace().next()?;
    action.contains(':').then_some(action)
}

/// The identity in `User: arn:aws:iam::1:user/u is not authorized …`.
fn caller(message: &str) -> Option<&str> {
    let (_, after) = message.split_once("User: ")?;
    let arn = after.split_whitespace().next()?;
    arn.starts_with("arn:").then_some(arn)
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

    const ROLE: &str = "arn:aws:iam::210987654321:role/push";

    fn call(action: &'static str, proof: CallProof) -> AwsCall {
        AwsCall {
            connector: "aws_main".to_owned(),
            action,
            endpoint: "https://api.ecr.us-east-1.amazonaws.com".to_owned(),
            proof,
            role: action
                .starts_with("sts:Assume")
                .then(|| RoleArn::parse(ROLE).unwrap()),
        }
    }

    fn refused(code: &str, message: &str) -> CapabilityError {
        call("ecr:GetAuthorizationToken", CallProof::AccessKey).refused(Some(code), Some(message))
    }

    #[test]
    fn codes_become_kinds() {
        for (code, kind) in [
            ("UnrecognizedClientException", ErrorKind::Unauthenticated),
            ("InvalidClientTokenId", ErrorKind::Unauthenticated),
            ("SignatureDoesNotMatch", ErrorKind::Unauthenticated),
            ("ExpiredTokenException", ErrorKind::Unauthenticated),
            ("InvalidIdentityToken", ErrorKind::Unauthenticated),
            ("IDPRejectedClaim", ErrorKind::Unauthenticated),
            ("IDPCommunicationError", ErrorKind::Unavailable),
            ("MalformedPolicyDocument", ErrorKind::InvalidSettings),
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

    #[test]
    fn what_helps_depends_on_what_the_call_was_signed_with() {
        let token = || CallProof::Token("the variable T".to_owned());
        for (proof, code, remedy) in [
            (
                CallProof::AccessKey,
                "InvalidClientTokenId",
                "sessionTokenRef",
            ),
            (
                CallProof::Machine,
                "InvalidClientTokenId",
                "AWS_ACCESS_KEY_ID",
            ),
            (CallProof::AccessKey, "ExpiredToken", "renew the secrets"),
            (CallProof::Machine, "ExpiredToken", "AWS_SESSION_TOKEN"),
            (CallProof::Session, "ExpiredToken", "a new session"),
            (token(), "ExpiredTokenException", "oidc-token-file"),
            (token(), "InvalidIdentityToken", "an IAM identity provider"),
        ] {
            let error = call("sts:GetCallerIdentity", proof).refused(Some(code), Some("m"));
            assert_eq!(error.kind, ErrorKind::Unauthenticated, "{code}");
            assert!(error.hint.as_ref().unwrap().contains(remedy), "{error:?}");
        }
        let late = "Signature expired: 20260101T000000Z is now earlier than 20260101T001500Z";
        let error = refused("InvalidSignatureException", late);
        assert!(error.hint.unwrap().contains("clock"));
    }

    #[test]
    fn a_role_that_may_not_be_assumed_is_named_with_who_may_not() {
        let message = format!(
            "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: sts:AssumeRole \
             on resource: {ROLE}"
        );
        let error = call("sts:AssumeRole", CallProof::Machine)
            .refused(Some("AccessDenied"), Some(&message));
        assert_eq!(error.kind, ErrorKind::Forbidden);
        let sentence = format!("arn:aws:iam::123456789012:user/ci may not assume the role {ROLE}");
        assert!(error.message.contains(&sentence), "{error}");
        assert!(error.hint.unwrap().contains("the external id"));
        let token = CallProof::Token("the variable T".to_owned());
        let error = call("sts:AssumeRoleWithWebIdentity", token).refused(
            Some("AccessDenied"),
            Some("Not authorized to perform sts:AssumeRoleWithWebIdentity"),
        );
        let sentence = format!("the token from the variable T may not assume the role {ROLE}");
        assert!(error.message.contains(&sentence), "{error}");
    }
}
