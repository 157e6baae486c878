//! Against registries that others wrote; `cargo xtask test` starts them.

use sha2::{Digest as _, Sha256};
use stepyard_grammar::{ImageReference, RegistryHost, RepositoryName, Tag};

use super::{OciRegistry, credential};
use crate::ErrorKind;
use crate::auth::Credential;
use crate::registry::oci::blob::{Blob, Opened};
use crate::registry::oci::connection::{Permission, Request};
use crate::registry::{
    Copy, Endpoints, GetManifest, ListTags, Manifest, ProbePush, Probed, PutManifest, Registry,
    Resolve, TagImage,
};
use crate::testing::{authorize, reporter, service};

fn digest(content: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(content))
}

/// The host behind `variable`, as `127.0.0.1:PORT` or a URL.
fn registry(variable: &str) -> RegistryHost {
    let address = service(variable);
    let host = address.trim_start_matches("http://").trim_end_matches('/');
    RegistryHost::parse(host).unwrap()
}

fn reference(registry: &RegistryHost, rest: &str) -> ImageReference {
    ImageReference::parse(&format!("{registry}/{rest}")).unwrap()
}

/// Puts a blob into a repository, in one request.
async fn put_blob(
    client: &OciRegistry,
    repository: &ImageReference,
    login: Credential,
    content: &[u8],
) {
    let connection = client.open(repository, login, Permission::Push).unwrap();
    let digest = stepyard_grammar::Digest::parse(&digest(content)).unwrap();
    let Opened::Upload(location) = connection.open_upload(&digest, None).await.unwrap() else {
        panic!("mounted");
    };
    let mut url = location.url;
    url.query_pairs_mut().append_pair("digest", digest.as_str());
    let mut request = Request::new(http::Method::PUT, url);
    request.body = content.to_vec().into();
    connection.send(&request).await.unwrap();
    let blob = Blob {
        digest,
        size: content.len() as u64,
    };
    assert!(connection.has_blob(&blob.digest).await.unwrap());
}

/// An index of one image with a layer of 3 MiB, under `repository:1`.
async fn put_index(
    client: &OciRegistry,
    repository: &ImageReference,
    login: &Credential,
) -> String {
    let configuration = br#"{"architecture":"amd64","os":"linux"}"#;
    let layer: Vec<u8> = (0..3_u32 << 18).flat_map(u32::to_le_bytes).collect();
    put_blob(client, repository, login.clone(), configuration).await;
    put_blob(client, repository, login.clone(), &layer).await;
    let image = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{}","size":{}}}]}}"#,
        digest(configuration),
        configuration.len(),
        digest(&layer),
        layer.len()
    );
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":{},"platform":{{"architecture":"amd64","os":"linux"}}}}]}}"#,
        digest(image.as_bytes()),
        image.len()
    );
    let put = async |reference: ImageReference, media_type: &str, content: &str| {
        let call = authorize(PutManifest {
            reference,
            manifest: Manifest {
                media_type: media_type.to_owned(),
                content: content.as_bytes().to_vec(),
            },
            credential: login.clone(),
        })
        .await;
        client.put_manifest(call).await.unwrap()
    };
    let by_digest = stepyard_grammar::Digest::parse(&digest(image.as_bytes())).unwrap();
    let child = repository.clone().without_tag().with_digest(by_digest);
    put(child, "application/vnd.oci.image.manifest.v1+json", &image).await;
    let put = put(
        repository.clone(),
        "application/vnd.oci.image.index.v1+json",
        &index,
    )
    .await;
    put.digest.to_string()
}

#[tokio::test]
async fn an_index_travels_between_registries_and_gets_a_further_tag() {
    let open = registry("STEPYARD_TEST_REGISTRY_OPEN");
    let guarded = registry("STEPYARD_TEST_REGISTRY");
    let client = OciRegistry::new(Endpoints::new()).unwrap();
    let anonymous = Credential::anonymous(open.clone());
    let login = credential(guarded.clone(), "AWS", "123456789012-auth-token");
    let source = reference(&open, "copy/source:1");
    let pushed = put_index(&client, &source, &anonymous).await;

    let destination = reference(&guarded, "copy/destination:one");
    for _ in 0..2 {
        let call = authorize(Copy {
            source: source.clone(),
            source_credential: anonymous.clone(),
            destination: destination.clone(),
            destination_credential: login.clone(),
        })
        .await;
        let copied = client.copy(call, &reporter()).await.unwrap();
        assert_eq!(copied.digest.to_string(), pushed);
    }
    let call = authorize(TagImage {
        reference: destination.clone(),
        tag: Tag::parse("two").unwrap(),
        credential: login.clone(),
    })
    .await;
    assert_eq!(
        client
            .tag(call, &reporter())
            .await
            .unwrap()
            .digest
            .to_string(),
        pushed
    );

    // Within one registry the blobs are mounted.
    let call = authorize(Copy {
        source: destination.clone(),
        source_credential: login.clone(),
        destination: reference(&guarded, "copy/mounted:1"),
        destination_credential: login.clone(),
    })
    .await;
    let copied = client.copy(call, &reporter()).await.unwrap();
    assert_eq!(copied.digest.to_string(), pushed);

    let call = authorize(ListTags {
        registry: guarded.clone(),
        repository: RepositoryName::parse("copy/destination").unwrap(),
        credential: login.clone(),
    })
    .await;
    let mut tags = client.list_tags(call).await.unwrap();
    tags.sort();
    assert_eq!(tags, ["one", "two"]);
    let call = authorize(GetManifest {
        reference: reference(&guarded, "copy/mounted:1"),
        credential: login.clone(),
    })
    .await;
    let manifest = client.get_manifest(call).await.unwrap();
    assert_eq!(digest(&manifest.content), pushed);
    assert_eq!(
        manifest.media_type,
        "application/vnd.oci.image.index.v1+json"
    );
}

#[tokio::test]
async fn a_guarded_registry_wants_the_right_password() {
    let guarded = registry("STEPYARD_TEST_REGISTRY");
    let client = OciRegistry::new(Endpoints::new()).unwrap();
    for login in [
        Credential::anonymous(guarded.clone()),
        credential(guarded.clone(), "AWS", "wrong"),
    ] {
        let call = authorize(Resolve {
            reference: reference(&guarded, "a:1"),
            credential: login,
        })
        .await;
        let error = client.resolve(call).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthenticated, "{error}");
    }
    let call = authorize(Resolve {
        reference: reference(&guarded, "nothing/here:1"),
        credential: credential(guarded, "AWS", "123456789012-auth-token"),
    })
    .await;
    assert_eq!(client.resolve(call).await.unwrap(), None);
}

#[tokio::test]
async fn a_probe_leaves_nothing_behind() {
    let guarded = registry("STEPYARD_TEST_REGISTRY");
    let client = OciRegistry::new(Endpoints::new()).unwrap();
    let repository = RepositoryName::parse("probe/of-a-push").unwrap();
    let probe = async |password| {
        let call = authorize(ProbePush {
            registry: guarded.clone(),
            repository: repository.clone(),
            credential: credential(guarded.clone(), "AWS", password),
        })
        .await;
        client.probe_push(call).await.unwrap()
    };
    assert_eq!(probe("123456789012-auth-token").await.refusal(), None);
    let call = authorize(ListTags {
        registry: guarded.clone(),
        repository: repository.clone(),
        credential: credential(guarded.clone(), "AWS", "123456789012-auth-token"),
    })
    .await;
    let error = client.list_tags(call).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");

    let refused = probe("wrong").await;
    for part in [
        refused.find_layer,
        refused.begin_upload,
        refused.put_manifest,
    ] {
        assert!(
            matches!(&part, Probed::Refused(error) if error.kind == ErrorKind::Unauthenticated),
            "{part:?}"
        );
    }
}
