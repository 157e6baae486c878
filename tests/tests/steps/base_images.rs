//! Base images of several registries, with the connectors that `baseImageConnectorRefs` names.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use stepyard::auth::ConnectorAuthenticator;
use stepyard::auth::aws::AwsEndpoints;
use stepyard::build::{Build, BuildEngine, BuiltImage, Feature, InspectEngine, Push};
use stepyard::connector::Connectors;
use stepyard::document::SourceFile;
use stepyard::event::Reporter;
use stepyard::policy::Authorized;
use stepyard::secret::{SecretName, SecretStore, SecretStoreError, SecretStores};
use stepyard::{CapabilityError, ComponentSource, ErrorKind, Host, RunRequest, Workspace};
use stepyard_grammar::Digest;
use stepyard_local_ecr::LocalEcr;

use crate::capabilities::Capabilities;

const CONNECTORS: &str = "connector:
  identifier: aws_main
  type: Aws
  spec:
    credential:
      type: ManualConfig
      spec: {accessKey: AKIAIOSFODNN7EXAMPLE, secretKeyRef: key}
---
connector:
  identifier: aws_far
  type: Aws
  spec:
    credential:
      type: ManualConfig
      spec: {accessKey: AKIAIOSFODNN7EXAMPLE, secretKeyRef: key}
      crossAccountAccess: {crossAccountRoleArn: 'arn:aws:iam::210987654321:role/read'}
      region: us-east-1
---
connector:
  identifier: hub
  type: DockerRegistry
  spec:
    dockerRegistryUrl: https://hub.docker.com
    auth: {type: UsernamePassword, spec: {username: octocat, passwordRef: key}}
---
connector:
  identifier: quay
  type: DockerRegistry
  spec: {dockerRegistryUrl: https://quay.io, auth: {type: Anonymous}}
";

const DOCKERFILE: &str = "\
ARG REGION
FROM 123456789012.dkr.ecr.us-east-1.amazonaws.com/base/own:1 AS own
FROM 123456789012.dkr.ecr.${REGION}.amazonaws.com/base/other-region:1 AS other-region
FROM 210987654321.dkr.ecr.us-east-1.amazonaws.com/base/other-account:1 AS other-account
FROM public.ecr.aws/docker/library/busybox:1 AS public
FROM octocat/private:1
COPY --from=555555555555.dkr.ecr.us-east-1.amazonaws.com/base/files:1 /a /a
";

struct Keys;

#[async_trait]
impl SecretStore for Keys {
    fn describe(&self, name: &SecretName) -> String {
        format!("the drawer {name}")
    }

    async fn get(&self, _name: &SecretName) -> Result<Option<SecretString>, SecretStoreError> {
        Ok(Some(SecretString::from("the-key")))
    }
}

/// A user's name, and whether the password is the connector's own.
type User = (String, bool);

/// Notes the credentials of a build, by registry, and builds nothing.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<BTreeMap<String, Option<User>>>>);

#[async_trait]
impl BuildEngine for Notes {
    fn name(&self) -> &'static str {
        "notes"
    }

    async fn ping(&self, _: Authorized<InspectEngine>) -> Result<String, CapabilityError> {
        Ok("notes".to_owned())
    }

    async fn supports(&self, feature: Feature) -> bool {
        feature == Feature::Hold
    }

    async fn build(
        &self,
        call: Authorized<Build>,
        _: &Reporter,
    ) -> Result<BuiltImage, CapabilityError> {
        for credential in &call.call().request.base_image_credentials {
            let basic = credential.basic().await?;
            let shown = basic.map(|basic| {
                let of_connector = basic.password.expose_secret() == "the-key";
                (basic.username, of_connector)
            });
            let registry = credential.registry().to_string();
            self.0.lock().unwrap().insert(registry, shown);
        }
        Err(CapabilityError::new(ErrorKind::EngineFailure, "noted"))
    }

    async fn push(&self, _: Authorized<Push>, _: &Reporter) -> Result<Digest, CapabilityError> {
        Err(CapabilityError::unsupported("nothing was built"))
    }
}

/// The registries for which the build has a credential, with its user, and the log. `denied` is
/// what the identity may not do.
async fn credentials(denied: &[&str]) -> (Vec<(String, Option<User>)>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let mut server = LocalEcr::builder(folder.path().join("ecr"));
    for action in denied {
        server = server.deny(*action);
    }
    let server = server.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let endpoint = Some(format!("http://{}", server.address()));
    let connectors = SourceFile::new("connectors.yaml", CONNECTORS).unwrap();
    let authenticator = ConnectorAuthenticator::new(
        Connectors::parse(&[connectors]).unwrap(),
        SecretStores::new(vec![Arc::new(Keys)]),
        AwsEndpoints {
            ecr: endpoint.clone(),
            ecr_public: endpoint.clone(),
            sts: endpoint,
        },
    );
    let workspace = folder.path().join("workspace");
    std::fs::create_dir(&workspace).unwrap();
    std::fs::write(workspace.join("Dockerfile"), DOCKERFILE).unwrap();
    let registry = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    let world = Capabilities::new().repository(&format!("{registry}/team/app"), &[]);
    let notes = Notes::default();
    let host = Host::builder()
        .authenticator(authenticator)
        .engine(notes.clone())
        .registry(world.clone())
        .ecr(world.clone())
        .build()
        .unwrap();
    let step = ComponentSource::built_in("build-push-ecr");
    let step = host.load(step).await.unwrap();
    let request = RunRequest::new(json!({
        "connectorRef": "aws_main",
        "region": "us-east-1",
        "account": "123456789012",
        "imageName": "team/app",
        "tags": "1",
        "baseImageConnectorRefs": ["aws_main", "aws_far", "hub", "quay"],
        "buildArgs": {"REGION": "eu-west-1"},
    }))
    .workspace(Workspace::open(&workspace).unwrap())
    .events(world.clone());
    let error = host.run(&step, request).await.unwrap_err();
    assert_eq!(error.to_string(), "noted");
    let noted = notes.0.lock().unwrap().clone();
    (noted.into_iter().collect(), world.logged())
}

#[tokio::test]
async fn each_registry_that_the_dockerfile_names_gets_its_credential() {
    let ecr = |account: &str, region: &str| {
        let token = Some(("AWS".to_owned(), false));
        (format!("{account}.dkr.ecr.{region}.amazonaws.com"), token)
    };
    let (found, _) = credentials(&[]).await;
    assert_eq!(
        found,
        [
            ecr("123456789012", "eu-west-1"),
            ecr("123456789012", "us-east-1"),
            ecr("210987654321", "us-east-1"),
            ecr("555555555555", "us-east-1"),
            ("docker.io".to_owned(), Some(("octocat".to_owned(), true))),
            ("public.ecr.aws".to_owned(), Some(("AWS".to_owned(), false))),
            ("quay.io".to_owned(), None),
        ]
    );
}

#[tokio::test]
async fn ecr_public_is_read_anonymously_where_the_identity_has_no_token_of_it() {
    let (found, logged) = credentials(&["sts:GetServiceBearerToken"]).await;
    assert!(
        found
            .iter()
            .all(|(registry, _)| registry != "public.ecr.aws")
    );
    let warning = "the base image public.ecr.aws/docker/library/busybox:1 is read anonymously: \
                   ecr-public:GetAuthorizationToken with the connector aws_main";
    let warned = logged
        .iter()
        .any(|line| line.starts_with(warning) && line.contains("lacks sts:GetServiceBearerToken"));
    assert!(warned, "{logged:?}");
}
