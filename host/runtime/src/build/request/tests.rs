use std::sync::Arc;

use secrecy::SecretString;
use stepyard_grammar::RegistryHost;

use super::*;
use crate::ErrorKind;
use crate::auth::{BasicCredential, FixedCredential};

fn name(identifier: &str) -> SecretName {
    SecretName {
        scope: None,
        identifier: identifier.to_owned(),
    }
}

fn credential() -> Credential {
    let basic = BasicCredential {
        username: "u".to_owned(),
        password: SecretString::from("p"),
    };
    Credential::new(
        RegistryHost::parse("registry.test").unwrap(),
        Arc::new(FixedCredential(basic)),
    )
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn caches(texts: &[&str]) -> Vec<(String, Option<Credential>)> {
    texts
        .iter()
        .map(|text| ((*text).to_owned(), None))
        .collect()
}

fn validate(note: impl FnOnce(&mut RequestDraft)) -> Result<BuildRequest, CapabilityError> {
    let mut draft = RequestDraft::default();
    note(&mut draft);
    BuildRequest::validate(draft, &Placeholders::default())
}

/// The faults of a request.
fn faults(note: impl FnOnce(&mut RequestDraft)) -> Vec<String> {
    let error = validate(note).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidSettings);
    let message = error.message;
    let faults = message
        .strip_prefix("the build request is not valid: ")
        .unwrap();
    faults.split("; ").map(str::to_owned).collect()
}

/// What a request would touch, without the context.
fn accesses(request: &BuildRequest) -> Vec<String> {
    request.accesses()[1..]
        .iter()
        .map(|access| format!("{} on {}", access.action, access.resource))
        .collect()
}

#[test]
fn a_request_says_what_it_would_touch() {
    let request = validate(|draft| {
        draft.dockerfile = Some("docker/./Dockerfile".to_owned());
        draft.named_contexts = pairs(&[
            ("assets", "./assets"),
            ("alpine", "docker-image://alpine:3.20"),
        ]);
        draft.ssh_agents = vec!["default".to_owned(), "default".to_owned()];
        draft.network_mode = Some("host".to_owned());
        draft.cache_sources = vec![("registry.test/a/b:c".to_owned(), Some(credential()))];
        draft.cache_imports = caches(&["type=local,src=team/app", "type=s3,bucket=b"]);
        draft.cache_exports = caches(&["type=inline", "type=local,dest=team/app"]);
        draft.cache_destinations = vec![("registry.test/a/cache".to_owned(), credential())];
        draft.destination = Some(("registry.test/a/b:1".to_owned(), credential()));
        draft.skip_unchanged = Some(("registry.test/a/b".to_owned(), credential()));
    })
    .unwrap();
    assert_eq!(
        accesses(&request),
        [
            "read-workspace on docker/Dockerfile",
            "read-workspace on assets",
            "pull on docker.io/library/alpine:3.20",
            "use-ssh-agent on the SSH agent of the host",
            "use-host-network on the build engine",
            "pull on registry.test/a/b:c",
            "import-cache on cache local team/app",
            "import-cache on cache type=s3,bucket=b",
            "push on registry.test/a/cache",
            "export-cache on cache local team/app",
            "push on registry.test/a/b:1",
            "pull on registry.test/a/b",
        ]
    );
    assert_eq!(request.ssh_agents, ["default"]);
}

#[test]
fn what_a_hostile_guest_notes_is_refused() {
    let found = faults(|draft| {
        draft.named_contexts = pairs(&[
            ("a", "../up"),
            ("b", "https://example.com/x.git"),
            ("c::linux/amd64", "x"),
            ("D", "x"),
            ("d", "y"),
            ("e", "docker-image://"),
        ]);
        draft.extra_hosts = pairs(&[("db\n0.0.0.0 evil", "10.0.0.1"), ("db", "10.0.0.1 x")]);
        draft.source_date_epoch = Some("-1".to_owned());
        draft.annotations = pairs(&[("index:a", "b")]);
        draft.provenance = Some("all".to_owned());
        draft.ssh_agents = vec!["a=/run/agent".to_owned()];
        draft.compression = Some("gzip:10".to_owned());
        draft.skip_unchanged = Some(("other.test/a".to_owned(), credential()));
    });
    let expected = [
        "named-context: \"../up\" must be relative to the workspace and stay within it",
        "named-context: \"https://example.com/x.git\" is neither a folder nor docker-image://REFERENCE",
        "named-context: \"c::linux/amd64\" is not one",
        "named-context: \"d\" is given twice",
        "named-context: invalid repository name",
        "ssh-agent: \"a=/run/agent\" is not one",
        "extra-host: \"db\\n0.0.0.0 evil\" is not one",
        "extra-host: \"10.0.0.1 x\" is not one",
        "source-date-epoch: \"-1\" is not one",
        "compression: invalid compression \"gzip:10\"",
        "skip-unchanged: the credential is for registry.test, not for other.test",
        "annotation: \"index:a\" is not one",
        "provenance: \"all\" is not one",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
}

#[test]
fn caches_keep_their_attributes() {
    let request = validate(|draft| {
        draft.cache_destinations = vec![("registry.test/a/b".to_owned(), credential())];
        draft.cache_exports = vec![
            (
                "type=registry,ref=registry.test/a/c,mode=min,ignore-error=false".to_owned(),
                Some(credential()),
            ),
            ("type=other,src=a,ref=b".to_owned(), None),
        ];
    })
    .unwrap();
    let shown: Vec<String> = request
        .cache_exports
        .iter()
        .map(|cache| {
            let attributes: Vec<String> = cache
                .attributes
                .iter()
                .map(|(name, value)| match value {
                    CacheAttribute::Text(value) => format!("{name}={value}"),
                    CacheAttribute::Stored(secret) => format!("{name}={secret:?}"),
                })
                .collect();
            format!(
                "{} {} {}",
                cache.kind(),
                attributes.join(","),
                cache.ignore_error
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "registry image-manifest=true,mode=max,oci-mediatypes=true true",
            "registry mode=min false",
            "other ref=b,src=a true",
        ]
    );
}

#[test]
fn faulty_caches_are_refused() {
    let found = faults(|draft| {
        draft.cache_imports = vec![
            (
                "type=registry,ref=other.test/a".to_owned(),
                Some(credential()),
            ),
            ("type=local,src=a".to_owned(), Some(credential())),
            ("type=registry,ref=team/app".to_owned(), None),
        ];
        draft.cache_exports = caches(&[
            "type=local,dest=../up",
            "type=s3,bucket=b,secret_access_key=hunter2",
            &format!(
                "type=registry,ref=registry.test/a@sha256:{}",
                "0".repeat(64)
            ),
        ]);
    });
    let expected = [
        "cache-import: the credential is for registry.test, not for other.test",
        "cache-import: the type local takes no credential",
        "cache-import: invalid image reference",
        "cache-export: invalid cache \"../up\"",
        "cache-export: secret_access_key is a credential and is written in the clear",
        "give a secret alone, such as <+secrets.getValue(\"id\")>",
        "cache-export: registry.test/a@sha256:0000",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\n{expected}");
        assert!(!found.contains("hunter2"));
    }
}

#[test]
fn a_secret_goes_into_a_credential_of_a_cache_and_nowhere_else() {
    let mut placeholders = Placeholders::default();
    let secret = placeholders.add(name("s3_key"));
    let validate = |options: String| {
        let draft = RequestDraft {
            cache_exports: vec![(options, None)],
            ..RequestDraft::default()
        };
        BuildRequest::validate(draft, &placeholders)
    };
    let request = validate(format!("type=s3,bucket=b,secret_access_key={secret}")).unwrap();
    assert_eq!(
        accesses(&request),
        [
            "export-cache on cache type=s3,bucket=b",
            "use-secret on secret s3_key"
        ]
    );
    assert_eq!(
        request.cache_exports[0].attributes["secret_access_key"],
        CacheAttribute::Stored(name("s3_key"))
    );
    for options in [
        format!("type=s3,bucket={secret}"),
        format!("type=s3,bucket=b,secret_access_key=x{secret}"),
        format!("type=registry,ref={secret}"),
    ] {
        assert!(validate(options.clone()).is_err(), "{options}");
    }
}

#[test]
fn a_secret_is_refused_in_an_annotation() {
    let mut placeholders = Placeholders::default();
    let secret = placeholders.add(name("npm"));
    let draft = RequestDraft {
        annotations: pairs(&[("a", &secret)]),
        ..RequestDraft::default()
    };
    let error = BuildRequest::validate(draft, &placeholders).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert!(error.message.contains("the annotation a"), "{error}");
}
