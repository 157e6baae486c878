//! Tokens and sessions are fetched once, kept, and fetched anew before they end.

use std::sync::Mutex;
use std::time::Duration;

use stepyard_local_ecr::{LocalEcr, Server};
use tempfile::TempDir;

use super::proxy::{Proxy, Settings};
use super::*;
use crate::auth::aws::ServiceAccount;

const FAR: &str = "connector:
  identifier: far
  type: Aws
  spec:
    credential:
      type: ManualConfig
      spec: {accessKey: AKIAIOSFODNN7EXAMPLE, secretKeyRef: aws_key}
      crossAccountAccess: {crossAccountRoleArn: 'arn:aws:iam::210987654321:role/push'}
";

/// An ECR whose tokens live for this long, and STS with it.
async fn local_ecr(token_lifetime: Duration) -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let server = LocalEcr::builder(folder.path())
        .token_lifetime(token_lifetime)
        .bind("127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    (server, folder)
}

async fn proxy(server: &Server, session_lifetime: Duration) -> Proxy {
    let target = format!("http://{}", server.address());
    let settings = Settings::default().session_lifetime(session_lifetime);
    settings.start(&target).await
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_at_once_share_one_fetch() {
    let (server, _folder) = local_ecr(Duration::from_secs(3600)).await;
    let authenticator = with_connectors(&format!("http://{}", server.address()), FAR);
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let authenticator = authenticator.clone();
        running.spawn(async move {
            let credential = log_in(&authenticator, "far", Some(ECR)).await.unwrap();
            password(&credential).await
        });
    }
    let mut passwords = running.join_all().await;
    passwords.dedup();
    assert_eq!(passwords.len(), 1);
    assert_eq!(server.calls("sts:AssumeRole"), 1);
    assert_eq!(server.calls("ecr:GetAuthorizationToken"), 1);
}

#[tokio::test]
async fn a_token_is_fetched_anew_before_it_ends() {
    let (server, _folder) = local_ecr(Duration::from_secs(4)).await;
    let authenticator = with_connectors(&format!("http://{}", server.address()), FAR);
    let credential = log_in(&authenticator, "far", Some(ECR)).await.unwrap();
    let first = password(&credential).await;
    // A token of so short a life is used for half of it.
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let second = password(&credential).await;
    assert_ne!(first, second);
    assert_eq!(server.calls("ecr:GetAuthorizationToken"), 2);
    // The session has an hour.
    assert_eq!(server.calls("sts:AssumeRole"), 1);
}

#[tokio::test]
async fn a_session_is_begun_anew_before_it_ends() {
    let (server, _folder) = local_ecr(Duration::from_secs(4)).await;
    let proxy = proxy(&server, Duration::from_secs(4)).await;
    let authenticator = with_connectors(proxy.address(), FAR);
    let credential = log_in(&authenticator, "far", Some(ECR)).await.unwrap();
    let first = password(&credential).await;
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_ne!(password(&credential).await, first);
    let role = "RoleArn=arn:aws:iam::210987654321:role/push RoleSessionName=stepyard-test";
    assert_eq!(
        proxy.calls(),
        [
            format!("AssumeRole by AKIAIOSFODNN7EXAMPLE {role} -> session 1"),
            "GetAuthorizationToken by session 1".to_owned(),
            format!("AssumeRole by AKIAIOSFODNN7EXAMPLE {role} -> session 2"),
            "GetAuthorizationToken by session 2".to_owned(),
        ]
    );
}

#[tokio::test]
async fn the_token_file_of_a_pod_is_read_anew_at_each_exchange() {
    let (server, _folder) = local_ecr(Duration::from_secs(4)).await;
    let proxy = proxy(&server, Duration::from_secs(4)).await;
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    let authenticator = with_connectors(
        proxy.address(),
        "connector: {identifier: irsa, type: Aws, spec: {credential: {type: Irsa}}}",
    )
    .with_service_account(ServiceAccount {
        token_file: Some(token_file.clone()),
        role: Some("arn:aws:iam::123456789012:role/pod".to_owned()),
        session_name: Some("my pod".to_owned()),
    });
    std::fs::write(&token_file, "token.number.one").unwrap();
    let credential = log_in(&authenticator, "irsa", Some(ECR)).await.unwrap();
    std::fs::write(&token_file, "token.number.two").unwrap();
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    password(&credential).await;
    let role = "RoleArn=arn:aws:iam::123456789012:role/pod RoleSessionName=my-pod";
    let exchange = |token: &str, session: usize| {
        format!(
            "AssumeRoleWithWebIdentity by unsigned {role} WebIdentityToken=token.number.{token} \
             -> session {session}"
        )
    };
    assert_eq!(
        proxy.calls(),
        [
            exchange("one", 1),
            "GetAuthorizationToken by session 1".to_owned(),
            exchange("two", 2),
            "GetAuthorizationToken by session 2".to_owned(),
        ]
    );
}

#[tokio::test]
async fn steps_share_a_session_only_where_no_role_is_assumed() {
    let (server, _folder) = local_ecr(Duration::from_secs(3600)).await;
    let authenticator = authenticator(&format!("http://{}", server.address()));
    for step in ["one", "two", "one"] {
        for connector in ["aws_main", "far"] {
            log_in_as(step, &authenticator, connector, ECR)
                .await
                .unwrap();
        }
    }
    assert_eq!(server.calls("sts:AssumeRole"), 2);
    assert_eq!(server.calls("ecr:GetAuthorizationToken"), 3);
}

/// A store whose access key is changed by whoever rotates it.
struct Rotated(Arc<Mutex<&'static str>>);

#[async_trait]
impl SecretStore for Rotated {
    fn describe(&self, name: &SecretName) -> String {
        format!("the drawer {name}")
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretString>, SecretStoreError> {
        let id = *self.0.lock().unwrap();
        let is_id = name.to_string() == "id";
        Ok(Some(SecretString::from(if is_id { id } else { "key" })))
    }
}

#[tokio::test]
async fn keys_that_are_rotated_during_a_run_are_read_anew() {
    let (server, _folder) = local_ecr(Duration::from_secs(4)).await;
    let proxy = proxy(&server, Duration::from_secs(3600)).await;
    let connectors = "connector: {identifier: aws, type: Aws, spec: {credential: {type: ManualConfig, \
                      spec: {accessKeyRef: id, secretKeyRef: key}}}}";
    let source = SourceFile::new("connectors.yaml", connectors).unwrap();
    let id = Arc::new(Mutex::new("AKIAFIRST00000000000"));
    let authenticator = ConnectorAuthenticator::new(
        Connectors::parse(&[source]).unwrap(),
        SecretStores::new(vec![Arc::new(Rotated(id.clone()))]),
        AwsEndpoints {
            ecr: Some(proxy.address().to_owned()),
            ..AwsEndpoints::default()
        },
    );
    let credential = log_in(&authenticator, "aws", Some(ECR)).await.unwrap();
    *id.lock().unwrap() = "AKIASECOND0000000000";
    proxy.revoke("AKIAFIRST00000000000");
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    password(&credential).await;
    assert_eq!(
        proxy.calls(),
        [
            "GetAuthorizationToken by AKIAFIRST00000000000",
            "GetAuthorizationToken by AKIAFIRST00000000000",
            "GetAuthorizationToken by AKIASECOND0000000000",
        ]
    );
    // Where the new key is not accepted either, it is told at once.
    proxy.revoke("AKIASECOND0000000000");
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let error = credential.basic().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthenticated);
    assert_eq!(proxy.calls().len(), 5);
}
