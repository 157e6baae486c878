//! ECR's API through the SDK, against moto, which nobody here wrote, and `local-ecr`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use stepyard_grammar::{AwsTag, RegistryHost, RepositoryEncryption, TagMutability};
use stepyard_local_ecr::{Builder, Findings, LocalEcr, Server};
use tempfile::TempDir;

use super::aws::AwsEcr;
use super::*;
use crate::ErrorKind;
use crate::auth::aws::{AwsCaller, AwsEndpoints};
use crate::auth::{Authenticator, ConnectorAuthenticator, Login};
use crate::connector::Connectors;
use crate::document::SourceFile;
use crate::secret::{SecretName, SecretStore, SecretStoreError, SecretStores};
use crate::testing::{authorize, service};

const REGISTRY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
const CONNECTOR: &str = "connector:
  name: aws
  identifier: aws
  type: Aws
  spec:
    credential: {type: ManualConfig, spec: {accessKey: AKIAIOSFODNN7EXAMPLE, secretKeyRef: key}}
    region: us-east-1
";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

struct OneSecret;

#[async_trait]
impl SecretStore for OneSecret {
    fn describe(&self, name: &SecretName) -> String {
        name.to_string()
    }

    async fn get(&self, _: &SecretName) -> Result<Option<SecretString>, SecretStoreError> {
        Ok(Some(SecretString::from(
            "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY",
        )))
    }
}

/// ECR at an endpoint.
struct World {
    authenticator: ConnectorAuthenticator,
    ecr: AwsEcr,
    endpoint: String,
    _server: Option<(Server, TempDir)>,
}

impl World {
    fn at(endpoint: String) -> Self {
        let source = SourceFile::new("connectors.yaml", CONNECTOR).unwrap();
        let authenticator = ConnectorAuthenticator::new(
            Connectors::parse(&[source]).unwrap(),
            SecretStores::new(vec![Arc::new(OneSecret)]),
            AwsEndpoints {
                ecr: Some(endpoint.clone()),
                sts: Some(endpoint.clone()),
                ecr_public: None,
            },
        );
        Self {
            ecr: AwsEcr::new(&authenticator),
            authenticator,
            endpoint,
            _server: None,
        }
    }

    fn moto() -> Self {
        Self::at(service("STEPYARD_TEST_MOTO"))
    }

    async fn local(configure: impl FnOnce(Builder) -> Builder) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let builder = configure(LocalEcr::builder(folder.path().join("ecr")));
        let server = builder.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        Self {
            _server: None,
            ..Self::at(format!("http://{}", server.address()))
        }
        .keeping(server, folder)
    }

    fn keeping(mut self, server: Server, folder: TempDir) -> Self {
        self._server = Some((server, folder));
        self
    }

    /// A repository that is made with ECR's defaults.
    async fn repository(&self) -> NamedRepository {
        let repository = unused();
        self.create(&repository, RepositorySettings::default())
            .await
            .unwrap();
        repository
    }

    async fn create(
        &self,
        repository: &NamedRepository,
        settings: RepositorySettings,
    ) -> Result<Repository, CapabilityError> {
        let call = CreateRepository {
            repository: repository.clone(),
            settings,
        };
        self.ecr.create_repository(authorize(call).await).await
    }

    async fn describe(&self, repository: &NamedRepository) -> Option<Repository> {
        let repository = repository.clone();
        let call = authorize(DescribeRepository { repository }).await;
        self.ecr.describe_repository(call).await.unwrap()
    }

    async fn client(&self, repository: &NamedRepository) -> aws_sdk_ecr::Client {
        let clients = self.authenticator.aws();
        let caller = AwsCaller {
            connector: "aws".to_owned(),
            step: "test".into(),
        };
        let client = clients
            .ecr(&caller, &repository.registry, "ecr:PutImage")
            .await;
        client.unwrap().0
    }

    /// Puts an index without entries, which needs no blob.
    async fn put_index(&self, repository: &NamedRepository, tag: &str, note: &str) {
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[],"annotations":{{"a":"{note}"}}}}"#
        );
        let request = self.client(repository).await.put_image();
        let request = request
            .registry_id(repository.registry.account().as_str())
            .repository_name(repository.name.as_str())
            .image_manifest(manifest)
            .image_manifest_media_type(INDEX)
            .image_tag(tag);
        request.send().await.unwrap();
    }

    async fn describe_image(&self, repository: &NamedRepository, name: &str) -> Option<Image> {
        let image = named(repository, name);
        let call = authorize(DescribeImage { image }).await;
        self.ecr.describe_image(call).await.unwrap()
    }

    async fn findings(
        &self,
        repository: &NamedRepository,
        page: Option<PageToken>,
    ) -> Result<Option<Scan>, CapabilityError> {
        let image = named(repository, "v1");
        let call = authorize(ScanFindings { image, page }).await;
        self.ecr.scan_findings(call).await
    }

    async fn start_scan(&self, repository: &NamedRepository) -> Result<String, CapabilityError> {
        let image = named(repository, "v1");
        self.ecr
            .start_scan(authorize(StartScan { image }).await)
            .await
    }
}

fn unused() -> NamedRepository {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("ecr/by-{}-{number}", std::process::id());
    NamedRepository::parse("aws".to_owned(), REGISTRY, &name).unwrap()
}

fn named(repository: &NamedRepository, image: &str) -> NamedImage {
    NamedImage {
        repository: repository.clone(),
        image: ImageId::parse(image).unwrap(),
    }
}

async fn on_both(test: impl AsyncFn(World)) {
    test(World::moto()).await;
    test(World::local(|builder| builder).await).await;
}

#[tokio::test]
async fn a_repository_is_made_once_and_then_described() {
    on_both(async |world| {
        let repository = unused();
        assert_eq!(world.describe(&repository).await, None);
        let settings = RepositorySettings {
            tag_mutability: TagMutability::parse("IMMUTABLE", [""; 0]).unwrap(),
            scan_on_push: true,
            encryption: RepositoryEncryption::parse("KMS", Some("alias/images")).unwrap(),
            tags: vec![AwsTag::new("team", "web").unwrap()],
        };
        let made = world.create(&repository, settings).await.unwrap();
        assert!(made.is_new);
        assert_eq!(made.name, repository.name.as_str());
        assert_eq!(made.arn, repository.arn());
        assert_eq!(made.uri, repository.to_string());
        assert!(made.tag_mutability.is_immutable("1"));
        assert!(made.scan_on_push);
        assert_eq!(made.encryption.kind(), "KMS");
        assert_eq!(made.encryption.key(), Some("alias/images"));

        let other = RepositorySettings::default();
        let again = world.create(&repository, other).await.unwrap();
        let expected = Repository {
            is_new: false,
            ..made
        };
        assert_eq!(again, expected);
        assert_eq!(world.describe(&repository).await, Some(expected));
        let client = world.client(&repository).await;
        let tags = client
            .list_tags_for_resource()
            .resource_arn(repository.arn());
        let tags = tags.send().await.unwrap();
        assert_eq!(tags.tags()[0].key(), "team");
        assert_eq!(tags.tags()[0].value(), "web");
    })
    .await;
}

#[tokio::test]
async fn mutability_with_exclusions_is_made_and_changed() {
    let world = World::local(|builder| builder).await;
    let repository = unused();
    let latest_moves = TagMutability::parse("IMMUTABLE_WITH_EXCLUSION", ["latest"]).unwrap();
    let settings = RepositorySettings {
        tag_mutability: latest_moves.clone(),
        ..RepositorySettings::default()
    };
    let made = world.create(&repository, settings).await.unwrap();
    assert_eq!(made.tag_mutability, latest_moves);
    let releases_stay = TagMutability::parse("MUTABLE_WITH_EXCLUSION", ["v*", "r*"]).unwrap();
    let call = PutTagMutability {
        repository: repository.clone(),
        mutability: releases_stay.clone(),
    };
    let call = authorize(call).await;
    world.ecr.put_tag_mutability(call).await.unwrap();
    let found = world.describe(&repository).await.unwrap();
    assert_eq!(found.tag_mutability, releases_stay);
}

#[tokio::test]
async fn policies_and_mutability_are_put() {
    on_both(async |world| {
        let repository = world.repository().await;
        let lifecycle = r#"{"rules":[{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}]}"#;
        let call = PutLifecyclePolicy {
            repository: repository.clone(),
            policy: PolicyText::lifecycle(lifecycle.to_owned()).unwrap(),
        };
        let call = authorize(call).await;
        world.ecr.put_lifecycle_policy(call).await.unwrap();
        let policy = r#"{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","Principal":"*","Action":["ecr:DescribeImages"]}]}"#;
        let call = SetRepositoryPolicy {
            repository: repository.clone(),
            policy: PolicyText::repository(policy.to_owned()).unwrap(),
        };
        let call = authorize(call).await;
        world.ecr.set_repository_policy(call).await.unwrap();
        let call = PutTagMutability {
            repository: repository.clone(),
            mutability: TagMutability::parse("IMMUTABLE", [""; 0]).unwrap(),
        };
        let call = authorize(call).await;
        world.ecr.put_tag_mutability(call).await.unwrap();

        let found = world.describe(&repository).await.unwrap();
        assert!(found.tag_mutability.is_immutable("1"));
        let client = world.client(&repository).await;
        let name = repository.name.as_str();
        let kept = client.get_lifecycle_policy().repository_name(name);
        let kept = kept.send().await.unwrap();
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(json(kept.lifecycle_policy_text().unwrap()), json(lifecycle));
        let kept = client.get_repository_policy().repository_name(name);
        let kept = kept.send().await.unwrap();
        assert_eq!(json(kept.policy_text().unwrap()), json(policy));
    })
    .await;
}

#[tokio::test]
async fn images_are_described_and_deleted() {
    on_both(async |world| {
        let repository = world.repository().await;
        world.put_index(&repository, "v1", "one").await;
        world.put_index(&repository, "v1.0", "one").await;
        world.put_index(&repository, "v2", "two").await;
        let one = world.describe_image(&repository, "v1").await.unwrap();
        let mut tags = one.tags.clone();
        tags.sort();
        assert_eq!(tags, ["v1", "v1.0"]);
        assert!(one.digest.starts_with("sha256:"));
        assert!(one.pushed_at.as_ref().unwrap().ends_with('Z'), "{one:?}");
        assert_eq!(one.media_type.as_deref(), Some(INDEX));
        let by_digest = world
            .describe_image(&repository, &one.digest)
            .await
            .unwrap();
        assert_eq!(by_digest.digest, one.digest);
        assert_eq!(world.describe_image(&repository, "v3").await, None);

        let ids = ["v2", "v9"].map(|name| ImageId::parse(name).unwrap());
        let call = DeleteImages::new(repository.clone(), ids.to_vec()).unwrap();
        let left = world
            .ecr
            .delete_images(authorize(call).await)
            .await
            .unwrap();
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(left[0].image, "v9");
        assert!(left[0].reason.starts_with("ImageNotFound"), "{left:?}");
        assert_eq!(world.describe_image(&repository, "v2").await, None);

        let call = ListImages {
            repository: repository.clone(),
            page: None,
        };
        let page = world.ecr.list_images(authorize(call).await).await.unwrap();
        let digests: Vec<&str> = page.entries.iter().map(|image| &*image.digest).collect();
        assert_eq!(digests, [one.digest.as_str()]);

        let call = authorize(ListImages {
            repository: unused(),
            page: None,
        });
        let error = world.ecr.list_images(call.await).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_long_list_comes_in_pages() {
    let world = World::local(|builder| builder).await;
    let repository = world.repository().await;
    for number in 0..205 {
        let tag = format!("v{number}");
        world.put_index(&repository, &tag, &tag).await;
    }
    let mut pages = Vec::new();
    let mut next = None;
    loop {
        let call = ListImages {
            repository: repository.clone(),
            page: next,
        };
        let page = world.ecr.list_images(authorize(call).await).await.unwrap();
        pages.push(page.entries.len());
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(pages, [100, 100, 5]);
}

#[tokio::test]
async fn scans_are_started_and_their_findings_read() {
    let findings = r#"{"FINDINGS": [
        {"name": "CVE-2024-0002", "severity": "LOW"},
        {"name": "CVE-2024-3094", "severity": "CRITICAL", "uri": "https://cve.test/3094",
         "description": "A back door", "attributes": [
            {"key": "package_name", "value": "xz"}, {"key": "package_version", "value": "5.6.0"}]},
        {"name": "CVE-2024-0001", "severity": "LOW"}
    ]}"#;
    let repository = unused();
    let findings = findings.replace("FINDINGS", repository.name.as_str());
    let findings = Findings::parse(&findings).unwrap();
    let world = World::local(|builder| builder.findings(findings)).await;
    let settings = RepositorySettings::default();
    world.create(&repository, settings).await.unwrap();
    world.push_image(&repository).await;

    assert_eq!(world.findings(&repository, None).await.unwrap(), None);
    assert_eq!(world.start_scan(&repository).await.unwrap(), "IN_PROGRESS");
    let error = world.start_scan(&repository).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
    let scan = world.findings(&repository, None).await.unwrap().unwrap();
    assert_eq!(scan.status, "COMPLETE");
    assert!(scan.completed_at.is_some());
    let counts = [("CRITICAL".to_owned(), 1), ("LOW".to_owned(), 2)];
    assert_eq!(scan.severity_counts, counts);
    let found = &scan.findings.entries;
    assert_eq!(found.len(), 3);
    assert_eq!(
        found[0],
        Finding {
            name: "CVE-2024-3094".to_owned(),
            severity: "CRITICAL".to_owned(),
            description: Some("A back door".to_owned()),
            uri: Some("https://cve.test/3094".to_owned()),
            package: Some("xz".to_owned()),
            package_version: Some("5.6.0".to_owned()),
            fixed_in: None,
        }
    );
    let image = world.describe_image(&repository, "v1").await.unwrap();
    assert_eq!(image.size, Some(4));
}

#[tokio::test]
async fn scans_of_another_ecr_are_read_too() {
    let world = World::moto();
    let repository = world.repository().await;
    world.put_index(&repository, "v1", "one").await;
    assert_eq!(world.findings(&repository, None).await.unwrap(), None);
    world.start_scan(&repository).await.unwrap();
    let scan = world.findings(&repository, None).await.unwrap().unwrap();
    assert_eq!(scan.status, "COMPLETE");
    let counted: u32 = scan.severity_counts.iter().map(|(_, count)| count).sum();
    assert_eq!(
        usize::try_from(counted).unwrap(),
        scan.findings.entries.len()
    );
}

#[tokio::test]
async fn replicas_are_read() {
    let world =
        World::local(|builder| builder.replicate("210987654321/eu-west-1=FAILED".parse().unwrap()))
            .await;
    let repository = world.repository().await;
    world.put_index(&repository, "v1", "one").await;
    let image = named(&repository, "v1");
    let call = authorize(ReplicationStatus { image }).await;
    assert_eq!(
        world.ecr.replication_status(call).await.unwrap(),
        [Replica {
            account: "210987654321".to_owned(),
            region: "eu-west-1".to_owned(),
            status: "FAILED".to_owned(),
            failure_code: Some("InternalFailure".to_owned()),
        }]
    );
}

#[tokio::test]
async fn a_missing_permission_is_named_with_its_repository() {
    let actions = ["ecr:CreateRepository", "ecr:DescribeImageScanFindings"];
    let world = World::local(|builder| {
        actions
            .into_iter()
            .fold(builder, |builder, action| builder.deny(action))
    })
    .await;
    let repository = unused();
    let create = world
        .create(&repository, RepositorySettings::default())
        .await;
    let findings = world.findings(&repository, None).await;
    let errors = [create.unwrap_err(), findings.unwrap_err()];
    for (error, action) in errors.into_iter().zip(actions) {
        assert_eq!(error.kind, ErrorKind::Forbidden);
        let lack = format!(
            "the identity of the connector aws lacks {action} on the repository {repository}"
        );
        assert!(error.message.starts_with(&lack), "{error}");
        assert!(error.hint.unwrap().contains(&repository.arn()));
    }
}

impl World {
    /// Pushes an image of two blobs of two bytes as `v1`, by the registry API.
    async fn push_image(&self, repository: &NamedRepository) {
        let registry = RegistryHost::parse(REGISTRY).unwrap();
        let call = authorize(Login {
            connector: "aws".to_owned(),
            registry: Some(registry),
        });
        let credential = self.authenticator.login(call.await).await.unwrap();
        let basic = credential.basic().await.unwrap().unwrap();
        let http = reqwest::Client::new();
        let base = format!("{}/v2/{}", self.endpoint, repository.name);
        let send = async |request: reqwest::RequestBuilder| {
            let password = Some(basic.password.expose_secret());
            let answer = request.basic_auth(&basic.username, password).send().await;
            let answer = answer.unwrap();
            assert_eq!(answer.status(), 201, "{:?}", answer.text().await);
        };
        let digest = sha256(b"{}");
        send(
            http.post(format!("{base}/blobs/uploads/?digest={digest}"))
                .body("{}"),
        )
        .await;
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{digest}","size":2}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{digest}","size":2}}]}}"#
        );
        send(
            http.put(format!("{base}/manifests/v1"))
                .header("content-type", "application/vnd.oci.image.manifest.v1+json")
                .body(manifest),
        )
        .await;
    }
}

fn sha256(content: &[u8]) -> String {
    use sha2::Digest;
    let hash = sha2::Sha256::digest(content);
    let hexadecimal: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hexadecimal}")
}
