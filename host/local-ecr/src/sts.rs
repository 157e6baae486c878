//! The calls of AWS STS (query protocol, version 2011-06-15) that lead to ECR.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_Operations.html>

use crate::authentication::{AuthenticationError, Principal, TemporaryCredentials};
use crate::names::is_account;
use crate::restrictions::Refusal;
use crate::service::Service;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use secrecy::ExposeSecret as _;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

struct StsError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl StsError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "ValidationError", message)
    }
}

impl From<AuthenticationError> for StsError {
    fn from(error: AuthenticationError) -> Self {
        let code = match error {
            AuthenticationError::Missing => "MissingAuthenticationToken",
            AuthenticationError::Unrecognized => "InvalidClientTokenId",
            AuthenticationError::Expired => "ExpiredToken",
            AuthenticationError::Signature(_) => "SignatureDoesNotMatch",
        };
        Self::new(StatusCode::FORBIDDEN, code, error.to_string())
    }
}

impl From<(Refusal, String)> for StsError {
    fn from((refusal, message): (Refusal, String)) -> Self {
        match refusal {
            Refusal::Denied => Self::new(StatusCode::FORBIDDEN, "AccessDenied", message),
            Refusal::Throttled => Self::new(StatusCode::BAD_REQUEST, "Throttling", message),
        }
    }
}

impl From<getrandom::Error> for StsError {
    fn from(error: getrandom::Error) -> Self {
        tracing::error!(%error, "cannot make credentials");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalFailure",
            "The server failed",
        )
    }
}

/// Answers one call.
pub(crate) fn handle(service: &Service, request: &Parts, body: &[u8]) -> Response {
    let form: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    let action = form.get("Action").map(String::as_str).unwrap_or_default();
    let (status, body) = match answer(service, request, body, action, &form) {
        Ok(result) => (
            StatusCode::OK,
            format!(
                "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result>{result}</{action}Result><ResponseMetadata><RequestId>local</RequestId></ResponseMetadata></{action}Response>"
            ),
        ),
        Err(StsError {
            status,
            code,
            message,
        }) => (
            status,
            format!(
                "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>{code}</Code><Message>{}</Message></Error><RequestId>local</RequestId></ErrorResponse>",
                escape(&message)
            ),
        ),
    };
    (status, [(CONTENT_TYPE, "text/xml")], body).into_response()
}

fn answer(
    service: &Service,
    request: &Parts,
    body: &[u8],
    action: &str,
    form: &BTreeMap<String, String>,
) -> Result<String, StsError> {
    match action {
        "GetCallerIdentity" => {
            let principal = service.authority.authenticate(request, body)?;
            // AWS lets everybody ask; a VPC endpoint's policy need not.
            service.check_action("sts:GetCallerIdentity", &principal.arn, "*")?;
            Ok(elements(&[
                ("Arn", &principal.arn),
                ("UserId", &principal.user_id),
                ("Account", &principal.account),
            ]))
        }
        "AssumeRole" => {
            let principal = service.authority.authenticate(request, body)?;
            let role = field(form, "RoleArn")?;
            service.check_action("sts:AssumeRole", &principal.arn, role)?;
            let external_id = form.get("ExternalId");
            if service.external_id.is_some() && service.external_id.as_ref() != external_id {
                return Err(StsError::new(
                    StatusCode::FORBIDDEN,
                    "AccessDenied",
                    format!(
                        "User: {} is not authorized to perform: sts:AssumeRole on resource: {role}",
                        principal.arn
                    ),
                ));
            }
            assume(service, form, role)
        }
        "AssumeRoleWithWebIdentity" => {
            let role = field(form, "RoleArn")?;
            field(form, "WebIdentityToken")?;
            service.check_action("sts:AssumeRoleWithWebIdentity", "anonymous", role)?;
            assume(service, form, role)
        }
        _ => Err(StsError::new(
            StatusCode::BAD_REQUEST,
            "InvalidAction",
            format!("Could not find operation {action} for version 2011-06-15"),
        )),
    }
}

fn field<'a>(form: &'a BTreeMap<String, String>, name: &str) -> Result<&'a str, StsError> {
    form.get(name).filter(|value| !value.is_empty()).map(String::as_str).ok_or_else(|| {
        StsError::invalid(format!(
            "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"
        ))
    })
}

/// Gives out credentials for a role in any account.
fn assume(
    service: &Service,
    form: &BTreeMap<String, String>,
    role: &str,
) -> Result<String, StsError> {
    let session = field(form, "RoleSessionName")?;
    let seconds = form
        .get("DurationSeconds")
        .map_or(Ok(3600), |text| text.parse::<u64>());
    let seconds = seconds
        .ok()
        .filter(|seconds| (900..=43_200).contains(seconds))
        .ok_or_else(|| StsError::invalid("DurationSeconds must be between 900 and 43200"))?;
    let mut parts = role.splitn(6, ':').skip(4);
    let (account, name) = match (parts.next(), parts.next()) {
        (Some(account), Some(path)) if is_account(account) => (
            account,
            path.strip_prefix("role/")
                .and_then(|path| path.rsplit('/').next()),
        ),
        _ => ("", None),
    };
    let name = name.ok_or_else(|| StsError::invalid(format!("{role} is invalid")))?;
    let prefix = service.arn_prefix();
    let principal = Principal {
        account: account.to_owned(),
        arn: format!("{prefix}:sts::{account}:assumed-role/{name}/{session}"),
        user_id: format!("AROALOCALECR:{session}"),
    };
    let arn = principal.arn.clone();
    let user_id = principal.user_id.clone();
    let credentials = service.authority.issue_credentials(principal, seconds)?;
    Ok(format!(
        "<Credentials>{}</Credentials><AssumedRoleUser>{}</AssumedRoleUser>",
        credential_elements(&credentials),
        elements(&[("AssumedRoleId", &user_id), ("Arn", &arn)])
    ))
}

fn credential_elements(credentials: &TemporaryCredentials) -> String {
    let nanoseconds = i128::from(credentials.expires_at) * 1_000_000;
    let expiration = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds)
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default();
    elements(&[
        ("AccessKeyId", &credentials.access_key_id),
        (
            "SecretAccessKey",
            credentials.secret_access_key.expose_secret(),
        ),
        ("SessionToken", credentials.session_token.expose_secret()),
        ("Expiration", &expiration),
    ])
}

fn elements(values: &[(&str, &str)]) -> String {
    values
        .iter()
        .fold(String::new(), |mut text, (name, value)| {
            // Writing to a String cannot fail.
            let _ = write!(text, "<{name}>{}</{name}>", escape(value));
            text
        })
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
