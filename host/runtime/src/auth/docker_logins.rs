//! The logins of the docker command: its configuration file, and the credential helpers that it names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use stepyard_grammar::RegistryHost;
use tokio::process::Command;
use zeroize::Zeroizing;

use super::{BasicCredential, Credential, FixedCredential, RegistryLogins};
use crate::capability::{CapabilityError, ErrorKind};
use crate::secret::program;

/// How long a credential helper may take.
const HELPER_TIMEOUT: Duration = Duration::from_secs(30);
/// What a helper prints that has no login for a registry, as all helpers of Docker's do.
const NOT_FOUND: &str = "credentials not found in native keychain";
/// The server by which Docker Hub is known to the docker command.
const DOCKER_HUB_SERVER: &str = "https://index.docker.io/v1/";
/// Some tools write the padding, some do not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The logins that `docker login` has left: in `config.json` (`auths`), or with a program
/// `docker-credential-NAME` that this names (`credHelpers` for one registry, else `credsStore`).
///
/// The file is read, and a helper asked, each time that a login is looked for.
#[derive(Clone, Debug)]
pub struct DockerLogins {
    file: PathBuf,
}

/// What of `config.json` is about logins.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Configuration {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    #[serde(default)]
    creds_store: Option<String>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
}

/// One login. Where a helper keeps it, the entry is empty.
#[derive(Default, Deserialize)]
struct Entry {
    #[serde(default)]
    auth: Option<SecretString>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<SecretString>,
    #[serde(default)]
    identitytoken: Option<SecretString>,
}

/// What a helper prints.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Helped {
    username: String,
    secret: SecretString,
}

impl DockerLogins {
    /// Those in the folder of the docker command: `$DOCKER_CONFIG`, or `~/.docker`. Nothing where
    /// neither is known.
    pub fn of_environment() -> Option<Self> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let home = || set("HOME").map(|home| PathBuf::from(home).join(".docker"));
        let folder = set("DOCKER_CONFIG").map(PathBuf::from).or_else(home)?;
        Some(Self::in_folder(&folder))
    }

    /// Those of `config.json` in this folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            file: folder.join("config.json"),
        }
    }

    fn read(&self) -> Result<Configuration, CapabilityError> {
        let file = self.file.display();
        let text = match std::fs::read(&self.file) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Configuration::default());
            }
            Err(error) => {
                return Err(CapabilityError::invalid(format!(
                    "{file}, where docker keeps its logins, cannot be read: {error}"
                )));
            }
        };
        serde_json::from_slice(&text).map_err(|error| {
            // The error's own words may quote a password.
            CapabilityError::invalid(format!(
                "{file}, where docker keeps its logins, is malformed at line {}, column {}",
                error.line(),
                error.column()
            ))
            .with_hint("mend it, or log in again with `docker login`")
        })
    }

    async fn ask(
        &self,
        helper: &str,
        registry: &RegistryHost,
    ) -> Result<Option<BasicCredential>, CapabilityError> {
        let name = format!("docker-credential-{helper}");
        let failed = |problem: String| {
            let file = self.file.display();
            CapabilityError::new(
                ErrorKind::Unauthenticated,
                format!("{name}, which {file} names, has no login for {registry}: {problem}"),
            )
            .with_hint("install the program, or remove it from the file and run `docker login`")
        };
        if helper.contains('/') {
            return Err(failed("its name is a path".to_owned()));
        }
        let program = program::found(Path::new(&name)).map_err(failed)?;
        let mut command = Command::new(program);
        command.arg("get").stdin(Stdio::piped());
        let server = match registry.is_docker_hub() {
            true => DOCKER_HUB_SERVER,
            false => registry.as_str(),
        };
        let ended = program::run(command, server, HELPER_TIMEOUT).await;
        let ended = ended.map_err(failed)?;
        let not_found = String::from_utf8_lossy(&ended.output).trim() == NOT_FOUND;
        if not_found {
            return Ok(None);
        }
        let printed = ended.printed().map_err(failed)?;
        let Helped { username, secret } = serde_json::from_str(printed)
            .map_err(|_| failed("what it prints is not what such programs print".to_owned()))?;
        if username == "<token>" {
            return Err(identity_token(registry));
        }
        Ok(Some(BasicCredential {
            username,
            password: secret,
        }))
    }
}

/// A login that only an exchange at the registry's token service makes usable.
fn identity_token(registry: &RegistryHost) -> CapabilityError {
    CapabilityError::unsupported(format!(
        "the login of docker for {registry} is an identity token, which is not supported"
    ))
    .with_hint("log in with a user name and a password or access token")
}

/// The registry that a key of the file means: a host, or a URL of it.
fn host_of(key: &str) -> Option<RegistryHost> {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
    let host = rest.split_once('/').map_or(rest, |(host, _)| host);
    RegistryHost::parse(host).ok()
}

fn value_for<'a, T>(map: &'a BTreeMap<String, T>, registry: &RegistryHost) -> Option<&'a T> {
    let exact = map.get(registry.as_str());
    exact.or_else(|| {
        let mut entries = map.iter();
        entries.find_map(|(key, value)| (host_of(key).as_ref() == Some(registry)).then_some(value))
    })
}

impl Entry {
    fn login(&self, registry: &RegistryHost) -> Result<Option<BasicCredential>, CapabilityError> {
        let filled = |secret: &Option<SecretString>| {
            let secret = secret.clone();
            secret.filter(|secret| !secret.expose_secret().is_empty())
        };
        if filled(&self.identitytoken).is_some() {
            return Err(identity_token(registry));
        }
        if let Some(auth) = filled(&self.auth) {
            return decoded(&auth).map(Some).ok_or_else(|| {
                CapabilityError::invalid(format!(
                    "the login of docker for {registry} is malformed: `auth` is not the base64 of \
                     USER:PASSWORD"
                ))
                .with_hint(format!("run `docker login {registry}`"))
            });
        }
        Ok(match (&self.username, filled(&self.password)) {
            (Some(username), Some(password)) => Some(BasicCredential {
                username: username.clone(),
                password,
            }),
            _ => None,
        })
    }
}

fn decoded(auth: &SecretString) -> Option<BasicCredential> {
    let decoded = Zeroizing::new(BASE64.decode(auth.expose_secret().trim()).ok()?);
    let (username, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some(BasicCredential {
        username: username.to_owned(),
        password: SecretString::from(password.trim_end_matches('\0')),
    })
}

#[async_trait]
impl RegistryLogins for DockerLogins {
    async fn find(&self, registry: &RegistryHost) -> Result<Option<Credential>, CapabilityError> {
        let configuration = self.read()?;
        let own = value_for(&configuration.cred_helpers, registry);
        let helper = own.or(configuration.creds_store.as_ref());
        let mut login = None;
        if let Some(helper) = helper.filter(|helper| !helper.is_empty()) {
            login = self.ask(helper, registry).await?;
        }
        if login.is_none()
            && let Some(entry) = value_for(&configuration.auths, registry)
        {
            login = entry.login(registry)?;
        }
        Ok(login.map(|login| Credential::new(registry.clone(), Arc::new(FixedCredential(login)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn find(configuration: &str, registry: &str) -> Result<Option<String>, CapabilityError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.json"), configuration).unwrap();
        let registry = RegistryHost::parse(registry).unwrap();
        let found = DockerLogins::in_folder(folder.path())
            .find(&registry)
            .await?;
        let Some(credential) = found else {
            return Ok(None);
        };
        let basic = credential.basic().await?.unwrap();
        Ok(Some(format!(
            "{}:{}",
            basic.username,
            basic.password.expose_secret()
        )))
    }

    #[tokio::test]
    async fn a_login_is_found_by_the_host_or_a_url_of_it() {
        let auth = base64::prelude::BASE64_STANDARD_NO_PAD.encode("ci:pass:word");
        for key in ["r.example.com:5000", "https://r.example.com:5000/v2/"] {
            let file = format!(r#"{{"auths": {{"{key}": {{"auth": "{auth}"}}}}}}"#);
            let found = find(&file, "r.example.com:5000").await.unwrap();
            assert_eq!(found.as_deref(), Some("ci:pass:word"));
            assert_eq!(find(&file, "r.example.com").await, Ok(None));
        }
        let hub =
            r#"{"auths": {"https://index.docker.io/v1/": {"username": "a", "password": "b"}}}"#;
        assert_eq!(
            find(hub, "docker.io").await.unwrap().as_deref(),
            Some("a:b")
        );
    }

    #[tokio::test]
    async fn no_file_and_no_entry_are_no_login() {
        let folder = tempfile::tempdir().unwrap();
        let logins = DockerLogins::in_folder(folder.path());
        let registry = RegistryHost::parse("r.example.com").unwrap();
        assert!(logins.find(&registry).await.unwrap().is_none());
        for file in ["{}", r#"{"auths": {"r.example.com": {}}}"#] {
            assert_eq!(find(file, "r.example.com").await, Ok(None));
        }
    }

    #[tokio::test]
    async fn what_cannot_be_used_is_told_without_quoting_it() {
        for (file, expected) in [
            (
                r#"{"auths": {"r.example.com": "s3cr3t"}}"#,
                "is malformed at line 1",
            ),
            (
                r#"{"auths": {"r.example.com": {"auth": "s3cr3t!"}}}"#,
                "is not the base64",
            ),
            (
                r#"{"auths": {"r.example.com": {"identitytoken": "s3cr3t"}}}"#,
                "identity token",
            ),
            (r#"{"credsStore": "no-such"}"#, "no such program in PATH"),
            (r#"{"credsStore": "../../tmp/x"}"#, "its name is a path"),
        ] {
            let error = find(file, "r.example.com").await.unwrap_err();
            assert!(error.message.contains(expected), "{error}");
            assert!(!error.message.contains("s3cr3t"), "{error}");
        }
    }
}
