//! Secrets are where a command asks for them, and nowhere else.

use std::sync::Arc;

use secrecy::SecretSlice;
use stepyard_buildkit::{CacheEntry, Error, Provenance, SecretSource};

use crate::support::{Destination, Engine, Registry, Workspace, build, contains, on, push, unique};

struct Values(Vec<(&'static str, String)>);

#[tonic::async_trait]
impl SecretSource for Values {
    async fn secret(&self, id: &str) -> Result<Option<SecretSlice<u8>>, String> {
        if id == "broken" {
            return Err("the vault is sealed".to_owned());
        }
        let value = self.0.iter().find(|(known, _)| *known == id);
        Ok(value.map(|(_, value)| value.clone().into_bytes().into()))
    }
}

/// Uses the secret as a file, and writes a control string to everything that a secret must not be in.
const DOCKERFILE: &str = "FROM base\nARG CONTROL\n\
     RUN --mount=type=secret,id=key,required=true test \"$(sha256sum < /run/secrets/key)\" = \"$EXPECTED\" \
     && echo \"control: $CONTROL\" | tee /control\n";

/// The workspace, the secret and the control string.
fn prepare() -> (Workspace, String, String) {
    let (secret, control) = (unique("s3cret"), unique("c0ntrol"));
    let expected = crate::support::sha256(secret.as_bytes());
    let workspace = Workspace::new(&DOCKERFILE.replace("$EXPECTED", &format!("{expected}  -")));
    (workspace, secret, control)
}

on!(a_secret_is_not_in_what_the_engine_holds: docker_20, docker_26_classic, docker_26_containerd);

async fn a_secret_is_not_in_what_the_engine_holds(engine: Engine) {
    let (workspace, secret, control) = prepare();
    let destination = Destination::new(engine, "secret");
    let mut request = workspace.build(destination.output());
    request.secrets = Arc::new(Values(vec![("key", secret.clone())]));
    request.build_arguments = vec![("CONTROL".to_owned(), control.clone())];
    let built = build(engine, request).await;
    built.succeeded();
    let image = destination.image();
    let told = format!("{:?}\n{}", built.events, built.output());
    let history = engine.get(&format!("/images/{}/history", destination.name()));
    let mut places = vec![
        ("events", told.into_bytes()),
        (
            "configuration",
            image.configuration.to_string().into_bytes(),
        ),
        ("history", history),
    ];
    places.push(("layers", image.layers.concat()));
    for (place, bytes) in &places {
        assert!(
            contains(bytes, &control),
            "the control string is not in the {place}"
        );
        assert!(!contains(bytes, &secret), "the secret is in the {place}");
    }
}

on!(a_secret_is_not_in_what_is_pushed: docker_26_containerd, daemon);

/// With all that a registry can be given: provenance that tells the most, and a cache of all layers.
async fn a_secret_is_not_in_what_is_pushed(engine: Engine) {
    let (workspace, secret, control) = prepare();
    let registry = Registry::open();
    let repository = format!("stepyard-buildkit/{}", unique("secret"));
    let reference = |tag: &str| format!("{}/{repository}:{tag}", registry.address);
    let mut request = workspace.build(push(&reference("image")));
    request.secrets = Arc::new(Values(vec![("key", secret.clone())]));
    request.build_arguments = vec![("CONTROL".to_owned(), control.clone())];
    request.provenance = Some(Provenance::Maximal);
    request.cache_exports = vec![CacheEntry::registry(&reference("cache")).with("mode", "max")];
    build(engine, request).await.succeeded();
    for tag in ["image", "cache"] {
        let all = registry.everything(&repository, tag);
        let with = |text: &str| all.values().filter(|data| contains(data, text)).count();
        // In the image: the layer, its configuration and the provenance; in the cache the layer.
        let least = if tag == "image" { 3 } else { 1 };
        assert!(with(&control) >= least, "{tag}: {:?}", all.keys());
        assert_eq!(with(&secret), 0, "{tag}");
    }
}

#[test]
fn what_is_searched_is_found() {
    use base64::Engine as _;
    for before in ["", "a", "ab", "abc"] {
        let text = format!("{before}needle in hay{before}");
        let encoded = base64::engine::general_purpose::STANDARD.encode(&text);
        assert!(contains(text.as_bytes(), "needle in"), "{text}");
        assert!(contains(encoded.as_bytes(), "needle in"), "{encoded}");
        assert!(!contains(encoded.as_bytes(), "noodle in"), "{encoded}");
    }
}

on!(a_secret_that_is_missing: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn a_secret_that_is_missing(engine: Engine) {
    let step = "test ! -e /run/secrets/absent && echo without";
    let workspace = Workspace::new(&format!(
        "FROM base\nRUN --mount=type=secret,id=absent {step}\n"
    ));
    let built = build(engine, workspace.anew()).await;
    built.succeeded();
    assert!(built.output().contains("without\n"));

    workspace.dockerfile("FROM base\nRUN --mount=type=secret,id=absent,required=true true\n");
    let built = build(engine, workspace.trial()).await;
    let failure = built.failure();
    assert!(failure.message.contains("absent"), "{failure:?}");
}

on!(a_secret_that_cannot_be_read: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn a_secret_that_cannot_be_read(engine: Engine) {
    let workspace =
        Workspace::new("FROM base\nRUN --mount=type=secret,id=broken,required=true true\n");
    let destination = Destination::new(engine, "broken");
    let mut request = workspace.build(destination.output());
    request.no_cache = true;
    request.secrets = Arc::new(Values(Vec::new()));
    let built = build(engine, request).await;
    let error = built.error();
    assert!(
        matches!(error, Error::Secret { id, .. } if id == "broken"),
        "{error:?}"
    );
    assert!(error.to_string().contains("the vault is sealed"), "{error}");
    assert!(!destination.is_taken());
}
