//! Credentials of registries, given when the daemon asks.

use std::sync::{Arc, Mutex};

use stepyard_buildkit::{CredentialSource, Error, RegistryCredential};

use crate::support::{Engine, Registry, Workspace, base_image, build, on, push};

/// Remade by `htpasswd -nbB user PASSWORD`.
const PASSWORD: &str = "a~b>c?d+e/f g:ü€ß";
const BCRYPT: &str = "$2y$05$zJNZ.mS2cLw4qhGF6BxZmOUZuOMsKhfE89Y0ywHXK6Z/YQ989IV4W";

/// Gives one password, and remembers who was to be told.
struct One {
    host: String,
    password: &'static str,
    asked: Mutex<Vec<String>>,
}

impl One {
    fn new(registry: &Registry, password: &'static str) -> Arc<Self> {
        Arc::new(Self {
            host: registry.address.clone(),
            password,
            asked: Mutex::default(),
        })
    }
}

#[tonic::async_trait]
impl CredentialSource for One {
    async fn credential(&self, host: &str) -> Result<Option<RegistryCredential>, String> {
        self.asked.lock().unwrap().push(host.to_owned());
        Ok((host == self.host).then(|| RegistryCredential {
            user_name: "user".to_owned(),
            password: self.password.into(),
        }))
    }
}

/// A registry with a base image for one user.
async fn private_image() -> (Registry, String) {
    let registry = Registry::guarded("user", PASSWORD, BCRYPT);
    let reference = format!("{}/private/base:1", registry.address);
    let workspace = Workspace::new("FROM base\nRUN echo \"of the private image\" > /private\n");
    let mut request = workspace.build(push(&reference));
    request.credentials = One::new(&registry, PASSWORD);
    build(Engine::docker_26_containerd(), request)
        .await
        .succeeded();
    (registry, reference)
}

on!(a_private_base_image: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn a_private_base_image(engine: Engine) {
    let (registry, reference) = private_image().await;
    let workspace = Workspace::new(&format!(
        "FROM {} AS other\nFROM {reference}\nRUN cat /private\n",
        base_image()
    ));
    let credentials = One::new(&registry, PASSWORD);
    let mut request = workspace.anew();
    request.credentials = credentials.clone();
    let built = build(engine, request).await;
    built.succeeded();
    assert!(built.output().contains("of the private image\n"));
    let asked = credentials.asked.lock().unwrap().clone();
    assert!(asked.contains(&registry.address), "{asked:?}");
}

on!(a_wrong_password: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn a_wrong_password(engine: Engine) {
    const WRONG: &str = "wrong-and-long-enough";
    // There need be no image behind the door.
    let registry = Registry::guarded("user", PASSWORD, BCRYPT);
    let reference = format!("{}/private/base:1", registry.address);
    let workspace = Workspace::new(&format!("FROM {reference}\n"));
    let mut request = workspace.trial();
    request.credentials = One::new(&registry, WRONG);
    let built = build(engine, request).await;
    let failure = built.failure();
    assert!(failure.message.contains(&registry.address), "{failure:?}");
    let told = format!("{failure:?} {failure} {:?}", built.events);
    assert!(!crate::support::contains(told.as_bytes(), WRONG), "{told}");
}

/// Says that a credential cannot be had.
struct Sealed;

#[tonic::async_trait]
impl CredentialSource for Sealed {
    async fn credential(&self, _host: &str) -> Result<Option<RegistryCredential>, String> {
        Err("the vault is sealed".to_owned())
    }
}

on!(a_credential_that_cannot_be_had: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn a_credential_that_cannot_be_had(engine: Engine) {
    let registry = Registry::guarded("user", PASSWORD, BCRYPT);
    let workspace = Workspace::new(&format!("FROM {}/private/base:1\n", registry.address));
    let mut request = workspace.trial();
    request.credentials = Arc::new(Sealed);
    let built = build(engine, request).await;
    let error = built.error();
    assert!(
        matches!(error, Error::Credential { host, .. } if *host == registry.address),
        "{error:?}"
    );
    assert!(error.to_string().contains("the vault is sealed"), "{error}");
}
