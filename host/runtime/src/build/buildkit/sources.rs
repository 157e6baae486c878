//! What BuildKit asks the host for during a build: credentials for registries and build secrets.

use std::io::Read;

use async_trait::async_trait;
use cap_std::fs::{File, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;
use secrecy::{ExposeSecret, SecretSlice};
use stepyard_buildkit as buildkit;
use stepyard_grammar::RegistryHost;
use zeroize::Zeroizing;

use crate::auth::Credential;
use crate::build::{BuildRequest, BuildSecret, CachePlace};
use crate::capability::CapabilityError;
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

impl Secrets {
    /// Whether the files are there: a build with all of its layers in the cache asks for none.
    ///
    /// # Errors
    /// A file that cannot be a secret, in the words that a build fails with which asks for it.
    pub(super) async fn check_files(&self) -> Result<(), CapabilityError> {
        let workspace = self.workspace.clone();
        let files: Vec<(String, String)> = self
            .secrets
            .iter()
            .filter_map(|secret| match secret {
                BuildSecret::File { id, path } => Some((id.clone(), path.clone())),
                _ => None,
            })
            .collect();
        let checked = tokio::task::spawn_blocking(move || {
            files.into_iter().try_for_each(|(id, path)| {
                let opened = open_file(&workspace, &path);
                let failed = |message| buildkit::Error::Secret { id, message };
                opened.map(drop).map_err(failed)
            })
        });
        match checked.await {
            Ok(Err(error)) => Err(CapabilityError::not_found(error.to_string())),
            _ => Ok(()),
        }
    }
}

fn read_file(workspace: &Workspace, path: &str) -> Result<SecretSlice<u8>, String> {
    let failed = |error: std::io::Error| format!("the file {path}: {error}");
    let file = open_file(workspace, path)?;
    // The whole size at once, so that growing leaves no copy behind.
    let room = usize::try_from(LARGEST_SECRET).unwrap_or(usize::MAX);
    let mut content = Zeroizing::new(Vec::with_capacity(room));
    file.take(LARGEST_SECRET)
        .read_to_end(&mut content)
        .map_err(failed)?;
    Ok(content.to_vec().into())
}

fn open_file(workspace: &Workspace, path: &str) -> Result<File, String> {
    let failed = |error: std::io::Error| format!("the file {path}: {error}");
    // What is a named pipe would wait for a writer.
    let mut options = OpenOptions::new();
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    options.read(true).custom_flags(nonblocking);
    let file = workspace.directory().open_with(path, &options);
    let file = file.map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(format!("{path} is not a file"));
    }
    if metadata.len() > LARGEST_SECRET {
        return Err(format!(
            "the file {path} is larger than {LARGEST_SECRET} bytes"
        ));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, FileType, mknodat};

    use super::*;
    use buildkit::SecretSource as _;

    #[tokio::test]
    async fn files_are_looked_at_before_a_build_asks_for_them() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("fine"), "x").unwrap();
        std::fs::create_dir(at("folder")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", at("out")).unwrap();
        mknodat(CWD, at("pipe"), FileType::Fifo, 0o600.into(), 0).unwrap();
        let large = std::fs::File::create(at("large")).unwrap();
        large.set_len(LARGEST_SECRET + 1).unwrap();
        for (path, expected) in [
            ("fine", None),
            ("missing", Some("the file missing: No such file")),
            ("folder", Some("folder is not a file")),
            ("pipe", Some("pipe is not a file")),
            ("out", Some("the file out: ")),
            ("large", Some("the file large is larger than 512000 bytes")),
        ] {
            let secrets = Secrets {
                secrets: vec![BuildSecret::File {
                    id: "key".to_owned(),
                    path: path.to_owned(),
                }],
                stores: SecretStores::default(),
                workspace: Workspace::open(folder.path()).unwrap(),
            };
            let checked = secrets.check_files().await.map_err(|error| error.message);
            let start =
                expected.map(|text| format!("the build secret \"key\" cannot be read: {text}"));
            match (&checked, &start) {
                (Ok(()), None) => {}
                (Err(message), Some(start)) => assert!(message.starts_with(start), "{message}"),
                _ => panic!("{path}: {checked:?}"),
            }
            let read = secrets.secret("key").await;
            assert_eq!(read.is_ok(), expected.is_none(), "{path}");
            assert!(matches!(secrets.secret("other").await, Ok(None)));
        }
    }
}
