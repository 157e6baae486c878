//! Each kind of credential, with a role of another account on top and without, against moto: which
//! calls are made, in which order, and what each is signed with.

use super::proxy::Settings;
use super::*;
use crate::auth::aws::ServiceAccount;

const ROLE: &str = "arn:aws:iam::210987654321:role/push";
/// The credentials, and what the ECR or the further STS call is signed with after these calls.
const CREDENTIALS: [(&str, &str, &[&str], &str); 5] = [
    (
        "manual",
        "type: ManualConfig, spec: {accessKey: AKIAIOSFODNN7EXAMPLE, secretKeyRef: aws_key}",
        &[],
        "AKIAIOSFODNN7EXAMPLE",
    ),
    (
        "temporary",
        "type: ManualConfig, spec: {accessKeyRef: id, secretKeyRef: aws_key, sessionTokenRef: token}",
        &[],
        "ASIAIOSFODNN7EXAMPLE temporary-token",
    ),
    (
        "machine",
        "type: InheritFromDelegate",
        &[],
        "AKIAENVIRONMENT00000 environment-token",
    ),
    (
        "irsa",
        "type: Irsa",
        &[
            "AssumeRoleWithWebIdentity by unsigned RoleArn=arn:aws:iam::123456789012:role/build \
           RoleSessionName=stepyard-build_and_push WebIdentityToken=token.of.pod -> session 1",
        ],
        "session 1",
    ),
    (
        "oidc",
        "type: OidcAuthentication, spec: {iamRoleArn: 'arn:aws:iam::123456789012:role/build'}",
        &[
            "AssumeRoleWithWebIdentity by unsigned RoleArn=arn:aws:iam::123456789012:role/build \
           RoleSessionName=stepyard-build_and_push WebIdentityToken=token.of.ci -> session 1",
        ],
        "session 1",
    ),
];

const ENVIRONMENT: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT00000"),
    ("AWS_SECRET_ACCESS_KEY", "environment-secret"),
    ("AWS_SESSION_TOKEN", "environment-token"),
];

#[test]
fn each_credential_makes_the_calls_of_its_kind_and_no_other() {
    let name = "auth::tests::matrix::each_credential_makes_the_calls_of_its_kind_and_no_other";
    if is_within(name, &ENVIRONMENT) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(each_credential());
    }
}

async fn each_credential() {
    let moto = service("STEPYARD_TEST_MOTO");
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    std::fs::write(&token_file, "token.of.pod\n").unwrap();
    let pod = ServiceAccount {
        token_file: Some(token_file),
        role: Some("arn:aws:iam::123456789012:role/build".to_owned()),
        session_name: None,
    };
    for (name, credential, first, signed_with) in CREDENTIALS {
        for crossing in [false, true] {
            let access = if crossing {
                format!("crossAccountAccess: {{crossAccountRoleArn: '{ROLE}', externalId: '007'}}")
            } else {
                String::new()
            };
            let connectors = format!(
                "connector: {{identifier: aws, type: Aws, spec: {{credential: {{{credential}, {access}}}}}}}"
            );
            let proxy = Settings::default().start(&moto).await;
            let authenticator = with_connectors(proxy.address(), &connectors)
                .with_oidc_tokens(FixedToken("token.of.ci"))
                .with_service_account(pod.clone());
            let credential = log_in_as("build_and_push", &authenticator, "aws", ECR)
                .await
                .unwrap();
            let account = if crossing {
                "210987654321"
            } else {
                "123456789012"
            };
            let token = password(&credential).await;
            assert_eq!(token, format!("{account}-auth-token"), "{name}");

            let mut expected: Vec<String> = first.iter().map(ToString::to_string).collect();
            let mut last = signed_with.to_owned();
            if crossing {
                let session = format!("session {}", expected.len() + 1);
                expected.push(format!(
                    "AssumeRole by {last} ExternalId=007 RoleArn={ROLE} \
                     RoleSessionName=stepyard-build_and_push -> {session}"
                ));
                last = session;
            }
            expected.push(format!("GetAuthorizationToken by {last}"));
            assert_eq!(proxy.calls(), expected, "{name}, crossing: {crossing}");
        }
    }
}
