//! Logging in with connectors, against moto where AWS is needed.

mod matrix;
mod proxy;
mod refusals;
mod renewal;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use stepyard_grammar::{AwsRegion, EcrRegistry, RegistryHost};

use super::aws::{AwsCaller, AwsEndpoints, OidcTokenRequest, OidcTokenSource};
use super::{Authenticator, ConnectorAuthenticator, Identify, Login};
use crate::connector::Connectors;
use crate::document::SourceFile;
use crate::ecr::aws::AwsEcr;
use crate::ecr::{DescribeRepository, Ecr, NamedRepository};
use crate::secret::{SecretName, SecretStore, SecretStoreError, SecretStores};
use crate::testing::{authorize, authorize_for, service};
use crate::{CapabilityError, ErrorKind};

const ECR: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

const CONNECTORS: &str = "connector:
  name: aws main
  identifier: aws_main
  type: Aws
  spec:
    credential:
      type: ManualConfig
      spec: {accessKey: AKIAIOSFODNN7EXAMPLE, secretKeyRef: aws_key}
      region: us-east-1
---
connector:
  name: far
  identifier: far
  type: Aws
  spec:
    credential:
      type: ManualConfig
      spec: {accessKey: AKIAIOSFODNN7EXAMPLE, secretKeyRef: aws_key}
      crossAccountAccess:
        crossAccountRoleArn: arn:aws:iam::210987654321:role/push
        externalId: x7
      region: us-east-1
---
connector:
  name: no secret
  identifier: no_secret
  type: Aws
  spec:
    credential:
      type: ManualConfig
      spec: {accessKey: AKIAIOSFODNN7EXAMPLE, secretKeyRef: org.absent}
---
connector:
  name: hub
  identifier: hub
  type: DockerRegistry
  spec:
    dockerRegistryUrl: https://index.docker.io/v2/
    auth: {type: UsernamePassword, spec: {username: u, passwordRef: hub_password}}
";

struct Fixed(BTreeMap<&'static str, &'static str>);

#[async_trait]
impl SecretStore for Fixed {
    fn describe(&self, name: &SecretName) -> String {
        format!("the drawer {name}")
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretString>, SecretStoreError> {
        let secret = self.0.get(name.to_string().as_str());
        Ok(secret.map(|secret| SecretString::from(*secret)))
    }
}

fn authenticator(endpoint: &str) -> ConnectorAuthenticator {
    with_connectors(endpoint, CONNECTORS)
}

/// Logs in with these connectors; AWS is at `endpoint`.
fn with_connectors(endpoint: &str, connectors: &str) -> ConnectorAuthenticator {
    let source = SourceFile::new("connectors.yaml", connectors).unwrap();
    let secrets = Fixed(BTreeMap::from([
        ("aws_key", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"),
        ("id", "ASIAIOSFODNN7EXAMPLE"),
        ("token", "temporary-token"),
        ("hub_password", "hunter2-hunter2"),
    ]));
    ConnectorAuthenticator::new(
        Connectors::parse(&[source]).unwrap(),
        SecretStores::new(vec![Arc::new(secrets)]),
        AwsEndpoints {
            ecr: Some(endpoint.to_owned()),
            ecr_public: Some(endpoint.to_owned()),
            sts: Some(endpoint.to_owned()),
        },
    )
}

/// A CI system whose token is always the same.
#[derive(Debug)]
struct FixedToken(&'static str);

#[async_trait]
impl OidcTokenSource for FixedToken {
    fn describe(&self) -> String {
        "the CI system of the test".to_owned()
    }

    async fn token(&self, _request: &OidcTokenRequest) -> Result<SecretString, CapabilityError> {
        Ok(SecretString::from(self.0))
    }
}

async fn log_in(
    authenticator: &ConnectorAuthenticator,
    connector: &str,
    registry: Option<&str>,
) -> Result<super::Credential, CapabilityError> {
    let call = authorize(Login {
        connector: connector.to_owned(),
        registry: registry.map(|host| RegistryHost::parse(host).unwrap()),
    })
    .await;
    authenticator.login(call).await
}

/// As [`log_in`], for the step with this identifier.
async fn log_in_as(
    step: &str,
    authenticator: &ConnectorAuthenticator,
    connector: &str,
    registry: &str,
) -> Result<super::Credential, CapabilityError> {
    let call = Login {
        connector: connector.to_owned(),
        registry: Some(RegistryHost::parse(registry).unwrap()),
    };
    authenticator.login(authorize_for(step, call).await).await
}

/// Whether this process is the one that runs the test `name` in `environment`. Where it is not,
/// that one is run to its end: what AWS's SDK finds on a machine begins with the environment.
fn is_within(name: &str, environment: &[(&str, &str)]) -> bool {
    const WITHIN: &str = "STEPYARD_TEST_WITHIN";
    if std::env::var_os(WITHIN).is_some() {
        return true;
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .envs(environment.iter().copied())
        .env(WITHIN, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
    false
}

/// The password that the credential has now.
async fn password(credential: &super::Credential) -> String {
    let basic = credential.basic().await.unwrap().unwrap();
    basic.password.expose_secret().to_owned()
}

const NOWHERE: &str = "http://127.0.0.1:9";

async fn refused(connector: &str, registry: Option<&str>) -> CapabilityError {
    let error = log_in(&authenticator(NOWHERE), connector, registry)
        .await
        .unwrap_err();
    let shown = format!("{error:?}");
    for secret in ["wJalr", "hunter2"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    error
}

#[tokio::test]
async fn a_connector_that_does_not_exist_comes_with_those_that_do() {
    let error = refused("aws_mian", Some(ECR)).await;
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.hint.unwrap().contains("aws_main, far"));
    let error = refused("no such/name", None).await;
    assert_eq!(error.kind, ErrorKind::InvalidSettings);
}

#[tokio::test]
async fn a_missing_secret_is_named_with_the_places_where_it_is_looked_for() {
    let error = refused("no_secret", Some(ECR)).await;
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.message.contains("org.absent"), "{error}");
    assert!(error.message.contains("no_secret"), "{error}");
    assert_eq!(error.hint.as_deref(), Some("set the drawer org.absent"));
}

#[tokio::test]
async fn a_connector_serves_its_own_kind_of_registry_alone() {
    let error = refused("aws_main", Some("docker.io")).await;
    assert_eq!(error.kind, ErrorKind::InvalidSettings);
    let error = refused("hub", Some(ECR)).await;
    assert_eq!(error.kind, ErrorKind::InvalidSettings);
    assert!(error.message.contains("docker.io"), "{error}");
}

#[tokio::test]
async fn an_unreachable_endpoint_is_named() {
    let error = refused("aws_main", Some(ECR)).await;
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains(NOWHERE), "{error}");
    assert!(error.message.contains("aws_main"), "{error}");
}

#[tokio::test]
async fn a_docker_registry_connector_gives_its_password() {
    let authenticator = authenticator(NOWHERE);
    for registry in [None, Some("registry-1.docker.io")] {
        let credential = log_in(&authenticator, "hub", registry).await.unwrap();
        assert!(credential.registry().is_docker_hub());
        let basic = credential.basic().await.unwrap().unwrap();
        assert_eq!(basic.username, "u");
        assert_eq!(basic.password.expose_secret(), "hunter2-hunter2");
        assert!(!format!("{credential:?} {basic:?}").contains("hunter2"));
    }
}

#[tokio::test]
async fn an_aws_connector_gets_a_token_of_ecr() {
    let authenticator = authenticator(&service("STEPYARD_TEST_MOTO"));
    for registry in [Some(ECR), None] {
        let credential = log_in(&authenticator, "aws_main", registry).await.unwrap();
        assert_eq!(credential.registry().as_str(), ECR);
        let basic = credential.basic().await.unwrap().unwrap();
        assert_eq!(basic.username, "AWS");
        assert_eq!(basic.password.expose_secret(), "123456789012-auth-token");
    }
}

#[tokio::test]
async fn a_role_of_another_account_is_assumed() {
    let authenticator = authenticator(&service("STEPYARD_TEST_MOTO"));
    let credential = log_in(&authenticator, "far", None).await.unwrap();
    assert_eq!(
        credential.registry().as_str(),
        "210987654321.dkr.ecr.us-east-1.amazonaws.com"
    );
}

#[tokio::test]
async fn a_repository_is_described_or_nothing() {
    let authenticator = authenticator(&service("STEPYARD_TEST_MOTO"));
    let ecr = AwsEcr::new(&authenticator);
    let registry = EcrRegistry::parse(ECR).unwrap();
    let name = format!("described/by-{}", std::process::id());
    let describe = async || {
        let repository = NamedRepository::parse("aws_main".to_owned(), ECR, &name).unwrap();
        let call = authorize(DescribeRepository { repository }).await;
        ecr.describe_repository(call).await.unwrap()
    };
    assert_eq!(describe().await, None);
    let caller = AwsCaller {
        connector: "aws_main".to_owned(),
        step: "test".into(),
    };
    let (client, _) = authenticator
        .aws()
        .ecr(&caller, &registry, "ecr:CreateRepository")
        .await
        .unwrap();
    client
        .create_repository()
        .repository_name(&name)
        .image_tag_mutability(aws_sdk_ecr::types::ImageTagMutability::Immutable)
        .send()
        .await
        .unwrap();
    let repository = describe().await.unwrap();
    assert_eq!(repository.name, name);
    assert_eq!(repository.uri, format!("{ECR}/{name}"));
    assert!(repository.tag_mutability.is_immutable("1"));
}

#[tokio::test]
async fn an_identity_says_who_it_is() {
    let authenticator = authenticator(&service("STEPYARD_TEST_MOTO"));
    for (connector, account) in [("aws_main", "123456789012"), ("far", "210987654321")] {
        let call = Identify {
            connector: connector.to_owned(),
            region: AwsRegion::parse("us-east-1").unwrap(),
        };
        let call = authorize_for("look around", call).await;
        let identity = authenticator.identify(call).await.unwrap().unwrap();
        assert_eq!(identity.account.as_str(), account);
        let session = identity
            .arn
            .ends_with("assumed-role/push/stepyard-look-around");
        assert_eq!(session, connector == "far", "{identity:?}");
    }
}
