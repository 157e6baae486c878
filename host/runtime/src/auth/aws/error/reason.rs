//! What AWS's error codes mean for the one who reads them.

use super::{AwsCall, CallProof, missing_action};
use crate::capability::ErrorKind;

/// What an error means for the one who reads it.
pub(super) struct Reason {
    pub(super) kind: ErrorKind,
    pub(super) sentence: String,
    pub(super) hint: Option<String>,
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

impl AwsCall {
    /// What `code` means for this call.
    pub(super) fn reason(&self, code: &str, message: &str) -> Reason {
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

/// The identity in `User: arn:aws:iam::1:user/u is not authorized …`.
fn caller(message: &str) -> Option<&str> {
    let (_, after) = message.split_once("User: ")?;
    let arn = after.split_whitespace().next()?;
    arn.starts_with("arn:").then_some(arn)
}
