//! Wrong, expired and missing credentials, each with its own error and what helps.

use stepyard_local_ecr::{AccessKey, LocalEcr, Server};
use tempfile::TempDir;

use super::proxy::Settings;
use super::*;
use crate::auth::aws::{EnvironmentOidcToken, OidcTokenFile, ServiceAccount};

const ROLE: &str = "arn:aws:iam::210987654321:role/push";

/// The connector `aws` with this credential.
fn connector(credential: &str) -> String {
    format!("connector: {{identifier: aws, type: Aws, spec: {{credential: {{{credential}}}}}}}")
}

fn manual(access_key: &str, more: &str) -> String {
    connector(&format!(
        "type: ManualConfig, spec: {{accessKey: {access_key}, secretKeyRef: aws_key{more}}}"
    ))
}

/// A role of another account on top of a good access key.
fn crossing(external_id: &str) -> String {
    connector(&format!(
        "type: ManualConfig, spec: {{accessKey: AKIAIOSFODNN7EXAMPLE, secretKeyRef: aws_key}}, \
         crossAccountAccess: {{crossAccountRoleArn: '{ROLE}', externalId: '{external_id}'}}"
    ))
}

fn oidc() -> String {
    connector(&format!(
        "type: OidcAuthentication, spec: {{iamRoleArn: '{ROLE}'}}"
    ))
}

/// An ECR that verifies signatures, and asks for the external id `right`.
async fn strict_ecr() -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let key = |id: &str, secret: &str| AccessKey {
        id: id.to_owned(),
        secret: SecretString::from(secret),
    };
    let server = LocalEcr::builder(folder.path())
        .access_key(key(
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY",
        ))
        .access_key(key("AKIAOTHERKEY00000000", "another-secret-access-key"))
        .external_id("right")
        .bind("127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    (server, folder)
}

/// What logging in with the connector `aws` fails with. No secret is in it.
async fn refused(authenticator: &ConnectorAuthenticator) -> CapabilityError {
    let error = log_in(authenticator, "aws", Some(ECR)).await.unwrap_err();
    let shown = format!("{error:?}");
    for secret in ["wJalr", "temporary-token", "token.of.ci"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    error
}

#[track_caller]
fn assert_says(error: &CapabilityError, kind: ErrorKind, message: &str, hint: &str) {
    assert_eq!(error.kind, kind, "{error:?}");
    assert!(error.message.contains(message), "{error:?}");
    assert!(error.hint.as_ref().unwrap().contains(hint), "{error:?}");
}

#[tokio::test]
async fn keys_that_aws_does_not_accept_are_told_apart() {
    let (server, _folder) = strict_ecr().await;
    let endpoint = format!("http://{}", server.address());
    for (connectors, message, hint) in [
        (
            manual("AKIAUNKNOWN000000000", ""),
            "ecr:GetAuthorizationToken with the connector aws: AWS does not accept the keys of the \
             connector aws",
            "check accessKey",
        ),
        (
            manual("AKIAOTHERKEY00000000", ""),
            "the secret access key is not the one of the keys of the connector aws",
            "secretKeyRef",
        ),
        (
            manual("ASIAIOSFODNN7EXAMPLE", ", sessionTokenRef: token"),
            "AWS does not accept the keys of the connector aws",
            "sessionTokenRef",
        ),
    ] {
        let error = refused(&with_connectors(&endpoint, &connectors)).await;
        assert_says(&error, ErrorKind::Unauthenticated, message, hint);
    }
}

#[tokio::test]
async fn a_role_that_may_not_be_assumed_is_named_with_who_may_not() {
    let (server, _folder) = strict_ecr().await;
    let endpoint = format!("http://{}", server.address());
    let error = refused(&with_connectors(&endpoint, &crossing("wrong"))).await;
    let message = format!(
        "sts:AssumeRole with the connector aws: arn:aws:iam::123456789012:user/local-ecr may not \
         assume the role {ROLE}"
    );
    assert_says(
        &error,
        ErrorKind::Forbidden,
        &message,
        "the external id of crossAccountAccess",
    );
    // Every signature is verified: the session's too.
    let authenticator = with_connectors(&endpoint, &crossing("right"));
    log_in(&authenticator, "aws", Some(ECR)).await.unwrap();
}

#[tokio::test]
async fn what_sts_and_ecr_say_is_told_with_what_helps() {
    let web_identity = "AssumeRoleWithWebIdentity";
    let token = "the token from the CI system of the test";
    for (connectors, action, code, kind, message, hint) in [
        (
            manual("ASIAIOSFODNN7EXAMPLE", ", sessionTokenRef: token"),
            "GetAuthorizationToken",
            "ExpiredTokenException",
            ErrorKind::Unauthenticated,
            "the temporary keys of the connector aws have expired".to_owned(),
            "sessionTokenRef",
        ),
        (
            crossing("right"),
            "AssumeRole",
            "ExpiredToken",
            ErrorKind::Unauthenticated,
            "the temporary keys of the connector aws have expired".to_owned(),
            "sessionTokenRef",
        ),
        (
            crossing("right"),
            "AssumeRole",
            "InvalidClientTokenId",
            ErrorKind::Unauthenticated,
            "AWS does not accept the keys of the connector aws".to_owned(),
            "accessKey",
        ),
        (
            crossing("right"),
            "GetAuthorizationToken",
            "AccessDeniedException",
            ErrorKind::Forbidden,
            "the identity of the connector aws lacks ecr:GetAuthorizationToken".to_owned(),
            "allow ecr:GetAuthorizationToken",
        ),
        (
            crossing("right"),
            "AssumeRole",
            "MalformedPolicyDocument",
            ErrorKind::InvalidSettings,
            "the policy or the tags of the session".to_owned(),
            "session tags",
        ),
        (
            oidc(),
            web_identity,
            "ExpiredTokenException",
            ErrorKind::Unauthenticated,
            format!("{token} has expired"),
            "oidc-token-file",
        ),
        (
            oidc(),
            web_identity,
            "InvalidIdentityToken",
            ErrorKind::Unauthenticated,
            format!("AWS does not accept {token}"),
            "an IAM identity provider",
        ),
        (
            oidc(),
            web_identity,
            "IDPRejectedClaim",
            ErrorKind::Unauthenticated,
            format!("AWS does not accept {token}"),
            "audience",
        ),
        (
            oidc(),
            web_identity,
            "AccessDenied",
            ErrorKind::Forbidden,
            format!("{token} may not assume the role {ROLE}"),
            "trust policy",
        ),
    ] {
        let (server, _folder) = strict_ecr().await;
        let target = format!("http://{}", server.address());
        let settings = Settings::default().refuse(action, code, "so says AWS");
        let proxy = settings.start(&target).await;
        let authenticator = with_connectors(proxy.address(), &connectors)
            .with_oidc_tokens(FixedToken("token.of.ci"));
        let error = refused(&authenticator).await;
        assert_says(&error, kind, &message, hint);
        assert!(
            error.message.ends_with(&format!("({code}: so says AWS)")),
            "{error}"
        );
        // What cannot succeed is not tried again.
        let calls = proxy.calls();
        let of_action = calls
            .iter()
            .filter(|call| call.starts_with(&format!("{action} ")))
            .count();
        assert_eq!(of_action, 1, "{code}: {calls:?}");
    }
}

#[tokio::test]
async fn a_token_that_is_missing_is_told_before_anything_is_asked() {
    let error = refused(&with_connectors(NOWHERE, &oidc())).await;
    let nowhere = "this host has none";
    assert_says(
        &error,
        ErrorKind::Unauthenticated,
        nowhere,
        "STEPYARD_OIDC_TOKEN",
    );
    let authenticator = with_connectors(NOWHERE, &oidc()).with_oidc_tokens(EnvironmentOidcToken);
    let error = refused(&authenticator).await;
    assert_says(
        &error,
        ErrorKind::Unauthenticated,
        nowhere,
        "oidc-token-file",
    );
    let file = OidcTokenFile::new("/nonexistent/token", "oidc-token-file");
    let authenticator = with_connectors(NOWHERE, &oidc()).with_oidc_tokens(file);
    let error = refused(&authenticator).await;
    let message = "the file /nonexistent/token (oidc-token-file) cannot be read";
    assert_says(
        &error,
        ErrorKind::Unauthenticated,
        message,
        "oidc-token-file",
    );

    let irsa = connector("type: Irsa");
    let authenticator =
        with_connectors(NOWHERE, &irsa).with_service_account(ServiceAccount::default());
    let error = refused(&authenticator).await;
    let message = "AWS_WEB_IDENTITY_TOKEN_FILE is not set";
    assert_says(
        &error,
        ErrorKind::Unauthenticated,
        message,
        "eks.amazonaws.com/role-arn",
    );
    let authenticator = with_connectors(NOWHERE, &irsa).with_service_account(ServiceAccount {
        token_file: Some("/nonexistent/token".into()),
        ..ServiceAccount::default()
    });
    let error = refused(&authenticator).await;
    assert_says(
        &error,
        ErrorKind::Unauthenticated,
        "AWS_ROLE_ARN is not set",
        "AWS_ROLE_ARN",
    );
}

#[test]
fn a_machine_without_credentials_is_told_where_they_are_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().to_str().unwrap();
    let environment = [
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("HOME", home),
    ];
    let name =
        "auth::tests::refusals::a_machine_without_credentials_is_told_where_they_are_looked_for";
    if is_within(name, &environment) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let connectors = connector("type: InheritFromDelegate");
            let error = refused(&with_connectors(NOWHERE, &connectors)).await;
            let message = "there are no AWS credentials";
            assert_says(
                &error,
                ErrorKind::Unauthenticated,
                message,
                "AWS_ACCESS_KEY_ID",
            );
        });
    }
}
