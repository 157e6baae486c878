//! What BuildKit asks the host for during a build: credentials for registries and build secrets.

use std::io::Read;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretSlice};
use stepyard_buildkit as buildkit;
use stepyard_grammar::RegistryHost;
use zeroize::Zeroizing;

use crate::auth::Credential;
use crate::build::{BuildRequest, BuildSecret, CachePlace};
use crate::registry::Endpoints;
use crate::secret::SecretStores;
use crate::workspace::Workspace;

/// The largest file that can be a build secret, in bytes (`MaxSecretSize` of BuildKit).
const LARGEST_SECRET: u64 = 500 * 1024;

/// The credentials of one build, by the host that the daemon talks to.
pub(super) struct Credentials(Vec<(RegistryHost, Credential)>);

impl Credentials {
    /// Those of a request. Where several are for one registry, the one that the image is pushed
    /// with comes first: it must be able to write.
    pub(super) fn of(request: &BuildRequest, endpoints: &Endpoints) -> Self {
        let caches = request.cache_exports.iter().chain(&request.cache_imports);
        let of_caches = caches.filter_map(|cache| match &cache.place {
            CachePlace::Registry(image) => image.credential.clone(),
            _ => None,
        });
        let destination = request.destination.as_ref();
        let known = destination
            .and_then(|destination| destination.credential.clone())
            .into_iter()
            .chain(of_caches)
            .chain(request.base_image_credentials.iter().cloned())
            .map(|credential| (endpoints.of(credential.registry()).host, credential));
        Self(known.collect())
    }
}

#[async_trait]
impl buildkit::CredentialSource for Credentials {
    async fn credential(&self, host: &str) -> Result<Option<buildkit::RegistryCredential>, String> {
        let Ok(host) = RegistryHost::parse(host) else {
            return Ok(None);
        };
        let Some((_, credential)) = self.0.iter().find(|(known, _)| *known == host) else {
            return Ok(None);
        };
        let basic = credential.basic().await.map_err(|error| error.message)?;
        Ok(basic.map(|basic| buildkit::RegistryCredential {
            user_name: basic.username,
            password: basic.password,
        }))
    }
}

/// The build secrets of one build.
pub(super) struct Secrets {
    pub(super) secrets: Vec<BuildSecret>,
    pub(super) stores: SecretStores,
    pub(super) workspace: Workspace,
}

#[async_trait]
impl buildkit::SecretSource for Secrets {
    async fn secret(&self, id: &str) -> Result<Option<SecretSlice<u8>>, String> {
        let Some(secret) = self.secrets.iter().find(|secret| secret.id() == id) else {
            return Ok(None);
        };
        match secret {
            BuildSecret::Text { value, .. } => {
                self.stores.mask().note(value);
                Ok(Some(value.as_bytes().to_vec().into()))
            }
            BuildSecret::Stored { name, .. } => {
                let value = self.stores.get(name, "the build").await;
                value
                    .map(|value| Some(value.expose_secret().as_bytes().to_vec().into()))
                    .map_err(|error| match error.hint {
                        Some(hint) => format!("{} ({hint})", error.message),
                        None => error.message,
                    })
            }
            BuildSecret::File { path, .. } => {
                let (workspace, path) = (self.workspace.clone(), path.clone());
                let read = tokio::task::spawn_blocking(move || read_file(&workspace, &path)).await;
                let content = read.unwrap_or_else(|_| Err("the build was cancelled".to_owned()))?;
                self.stores.mask().note(content.expose_secret());
                Ok(Some(content))
            }
        }
    }
}

fn read_file(workspace: &Workspace, path: &str) -> Result<SecretSlice<u8>, String> {
    let failed = |error: std::io::Error| format!("the file {path}: {error}");
    let file = workspace.directory().open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(format!("{path} is not a file"));
    }
    if metadata.len() > LARGEST_SECRET {
        return Err(format!(
            "the file {path} is larger than {LARGEST_SECRET} bytes"
        ));
    }
    // The whole size at once, so that growing leaves no copy behind.
    let room = usize::try_from(LARGEST_SECRET).unwrap_or(usize::MAX);
    let mut content = Zeroizing::new(Vec::with_capacity(room));
    file.take(LARGEST_SECRET)
        .read_to_end(&mut content)
        .map_err(failed)?;
    Ok(content.to_vec().into())
}
