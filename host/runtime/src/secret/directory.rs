//! Secrets in a folder of files, as Kubernetes and Docker mount them.

use std::io::ErrorKind;
use std::path::PathBuf;

use async_trait::async_trait;
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{SecretName, SecretStore, SecretStoreError, without_line_end};

/// Secrets in a folder with one file each, called by the secret's name (`token`, `org.token`). One
/// line end at the end of a file does not belong to the secret.
#[derive(Clone, Debug)]
pub struct DirectorySecrets {
    folder: PathBuf,
}

impl DirectorySecrets {
    /// The secrets in `folder`, each read when it is needed, so that a rotated one is seen.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }
}

#[async_trait]
impl SecretStore for DirectorySecrets {
    fn describe(&self, name: &SecretName) -> String {
        format!("the file {}", self.folder.join(name.to_string()).display())
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretString>, SecretStoreError> {
        // Names are `[A-Za-z0-9_-]` with one dot at most, so a path cannot lead out of the folder.
        let path = self.folder.join(name.to_string());
        match tokio::fs::read_to_string(&path).await {
            Ok(text) => {
                let text = Zeroizing::new(text);
                Ok(Some(SecretString::from(without_line_end(&text))))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SecretStoreError {
                store: "directory".to_owned(),
                problem: format!("{} cannot be read: {error}", path.display()),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[tokio::test]
    async fn a_secret_is_the_content_of_its_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "a b\n\n").unwrap();
        let secrets = DirectorySecrets::new(folder.path());
        let get = async |name: &str| {
            let secret = secrets
                .get(&SecretName::parse(name).unwrap())
                .await
                .unwrap();
            secret.map(|secret| secret.expose_secret().to_owned())
        };
        assert_eq!(get("token").await.as_deref(), Some("a b\n"));
        assert_eq!(get("org.token").await, None);
    }
}
