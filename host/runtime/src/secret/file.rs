//! Secrets in a file that only its owner can read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{SecretName, SecretStore, SecretStoreError};

/// A file of secrets that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// It cannot be read.
    #[error("the secrets file {path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others than its owner could read it.
    #[error("the secrets file {path} can be read by others (mode {mode:o}); run: chmod 600 {path}")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A line has no `=`.
    #[error("{path}:{line}: expected NAME=VALUE")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// Two lines give the same secret.
    #[error("{path}:{line}: the secret {name} stands here a second time")]
    Duplicate {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The secret.
        name: String,
    },
}

/// Secrets in a file of lines `NAME=VALUE`. Empty lines and lines that begin with `#` are passed
/// over; a value is everything after the first `=`, as it stands. The name may carry a scope
/// (`org.token=…`).
#[derive(Debug)]
pub struct FileSecrets {
    path: PathBuf,
    secrets: BTreeMap<String, SecretString>,
}

impl FileSecrets {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// Where it cannot be read, can be read by others than its owner, or is malformed.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, SecretFileError> {
        let path = path.as_ref().to_owned();
        let unreadable = |source| SecretFileError::Unreadable {
            path: path.clone(),
            source,
        };
        let file = std::fs::File::open(&path).map_err(unreadable)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o7777;
            if mode & 0o077 != 0 {
                return Err(SecretFileError::Exposed { path, mode });
            }
        }
        let text = Zeroizing::new(std::io::read_to_string(file).map_err(unreadable)?);
        let mut secrets = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let line_number = index + 1;
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let Some((name, value)) = line.split_once('=') else {
                return Err(SecretFileError::Malformed {
                    path,
                    line: line_number,
                });
            };
            let name = name.trim().to_owned();
            if secrets
                .insert(name.clone(), SecretString::from(value))
                .is_some()
            {
                return Err(SecretFileError::Duplicate {
                    path,
                    line: line_number,
                    name,
                });
            }
        }
        Ok(Self { path, secrets })
    }
}

#[async_trait]
impl SecretStore for FileSecrets {
    fn describe(&self, name: &SecretName) -> String {
        format!("a line {name}=… in {}", self.path.display())
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretString>, SecretStoreError> {
        Ok(self.secrets.get(&name.to_string()).cloned())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    fn file(content: &str, mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[tokio::test]
    async fn a_value_is_everything_after_the_first_equals_sign() {
        let file = file("# comment\n\nkey=a=b \norg.token=t\n", 0o600);
        let secrets = FileSecrets::read(file.path()).unwrap();
        let get = async |scope: Option<&str>, identifier: &str| {
            let name = SecretName {
                scope: scope.map(ToOwned::to_owned),
                identifier: identifier.to_owned(),
            };
            let secret = secrets.get(&name).await.unwrap();
            secret.map(|secret| secret.expose_secret().to_owned())
        };
        assert_eq!(get(None, "key").await.as_deref(), Some("a=b "));
        assert_eq!(get(Some("org"), "token").await.as_deref(), Some("t"));
        assert_eq!(get(None, "token").await, None);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let error = FileSecrets::read(file("a=b", 0o644).path()).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_malformed_line_is_named_without_its_content() {
        let error = FileSecrets::read(file("a=b\nhunter2\n", 0o600).path()).unwrap_err();
        assert!(error.to_string().ends_with(":2: expected NAME=VALUE"));
        let error = FileSecrets::read(file("a=b\na=c\n", 0o600).path()).unwrap_err();
        assert!(error.to_string().contains(":2: the secret a stands here"));
    }
}
