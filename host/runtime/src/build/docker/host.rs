//! Which Docker Engine to use: the search that the `docker` command makes, and Podman's sockets.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::build::address::{Address, TlsFiles, parse_address};
use crate::capability::CapabilityError;

/// Where the Docker Engine is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DockerHost {
    /// Where the `docker` command would find it: `DOCKER_HOST`, the current Docker context, or the
    /// usual sockets of Docker, rootless Docker and Podman, whichever answers first.
    #[default]
    Automatic,
    /// At this address: `unix:///PATH`, `tcp://HOST:PORT` or `http://HOST:PORT`. TLS is set by
    /// `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH` as for the `docker` command.
    Address(String),
}

/// An address to try, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) address: Address,
    pub(super) origin: String,
}

impl Candidate {
    fn new(address: Address, origin: impl Into<String>) -> Self {
        Self {
            address,
            origin: origin.into(),
        }
    }
}

/// What of the process's environment says where the engine is.
#[derive(Clone, Debug, Default)]
pub(super) struct Environment {
    docker_host: Option<String>,
    tls: bool,
    certificates: Option<PathBuf>,
    context: Option<String>,
    /// `DOCKER_BUILDKIT` turns BuildKit off.
    pub(super) classic_builder: bool,
    configuration: Option<PathBuf>,
    runtime_folder: Option<PathBuf>,
}

impl Environment {
    /// That of this process.
    pub(super) fn of_process() -> Self {
        Self::read(|name| std::env::var_os(name))
    }

    fn read(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        // An empty variable counts as absent, as for the docker command.
        let value = |name| lookup(name).filter(|value| !value.is_empty());
        let text = |name| value(name).and_then(|value| value.into_string().ok());
        let configuration = value("DOCKER_CONFIG")
            .map(PathBuf::from)
            .or_else(|| value("HOME").map(|home| PathBuf::from(home).join(".docker")));
        Self {
            docker_host: text("DOCKER_HOST"),
            tls: value("DOCKER_TLS_VERIFY").is_some(),
            certificates: value("DOCKER_CERT_PATH")
                .map(PathBuf::from)
                .or_else(|| configuration.clone()),
            context: text("DOCKER_CONTEXT"),
            classic_builder: text("DOCKER_BUILDKIT")
                .is_some_and(|value| matches!(value.to_lowercase().as_str(), "0" | "f" | "false")),
            configuration,
            runtime_folder: value("XDG_RUNTIME_DIR").map(PathBuf::from),
        }
    }

    /// The addresses to try in turn. Only the usual sockets are more than one: an address that
    /// somebody wrote down is used or fails.
    ///
    /// # Errors
    /// An address or a Docker context that cannot be used.
    pub(super) fn candidates(&self, host: &DockerHost) -> Result<Vec<Candidate>, CapabilityError> {
        if let DockerHost::Address(text) = host {
            return self.written(text, "the configured Docker host");
        }
        if let Some(text) = &self.docker_host {
            return self.written(text, "DOCKER_HOST");
        }
        if let Some(name) = self.current_context()? {
            return self.of_context(&name);
        }
        let mut candidates = vec![Candidate::new(
            Address::Unix("/var/run/docker.sock".into()),
            "Docker's socket",
        )];
        if let Some(folder) = &self.runtime_folder {
            candidates.push(Candidate::new(
                Address::Unix(folder.join("docker.sock")),
                "rootless Docker's socket",
            ));
            candidates.push(Candidate::new(
                Address::Unix(folder.join("podman/podman.sock")),
                "Podman's socket of this user",
            ));
        }
        candidates.push(Candidate::new(
            Address::Unix("/run/podman/podman.sock".into()),
            "Podman's socket",
        ));
        Ok(candidates)
    }

    fn written(&self, text: &str, origin: &str) -> Result<Vec<Candidate>, CapabilityError> {
        let tls = self.tls.then(|| self.certificates.clone()).flatten();
        let address = parse_address(text, 2375, tls.map(|folder| TlsFiles { folder }), origin)?;
        Ok(vec![Candidate::new(address, origin)])
    }

    /// The name of the chosen Docker context, unless it is the default one.
    fn current_context(&self) -> Result<Option<String>, CapabilityError> {
        #[derive(Deserialize)]
        struct Configuration {
            #[serde(rename = "currentContext")]
            current_context: Option<String>,
        }
        let mut name = self.context.clone();
        if let (None, Some(folder)) = (&name, &self.configuration)
            && let Some(found) = read_json::<Configuration>(&folder.join("config.json"))?
        {
            name = found.current_context;
        }
        Ok(name.filter(|name| !name.is_empty() && name != "default"))
    }

    fn of_context(&self, name: &str) -> Result<Vec<Candidate>, CapabilityError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Endpoint {
            host: Option<String>,
            #[serde(default, rename = "SkipTLSVerify")]
            skip_verification: bool,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Metadata {
            #[serde(default)]
            endpoints: std::collections::BTreeMap<String, Endpoint>,
        }
        let missing = || {
            CapabilityError::unavailable(format!("the Docker context {name} does not exist"))
                .with_hint("list the contexts with `docker context ls`, choose one with `docker context use`")
        };
        let contexts = self
            .configuration
            .as_ref()
            .ok_or_else(missing)?
            .join("contexts");
        // Docker names a context's folders by the hash of its name.
        let id: String = Sha256::digest(name.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let metadata: Metadata =
            read_json(&contexts.join("meta").join(&id).join("meta.json"))?.ok_or_else(missing)?;
        let endpoint = metadata.endpoints.get("docker");
        let text = endpoint
            .and_then(|endpoint| endpoint.host.as_deref())
            .ok_or_else(missing)?;
        let origin = format!("the Docker context {name}");
        if endpoint.is_some_and(|endpoint| endpoint.skip_verification) {
            return Err(CapabilityError::unsupported(format!(
                "{origin} turns the check of the engine's certificate off, which is not supported"
            ))
            .with_hint("give the context the authority of the engine's certificate (`docker context update --docker ca=…`)"));
        }
        let folder = contexts.join("tls").join(&id).join("docker");
        let tls = folder.is_dir().then_some(TlsFiles { folder });
        Ok(vec![Candidate::new(
            parse_address(text, 2375, tls, &origin)?,
            origin,
        )])
    }
}

/// Reads a file of Docker's configuration, where it exists.
fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, CapabilityError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(CapabilityError::unavailable(format!(
                "{} cannot be read: {error}",
                path.display()
            )));
        }
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| {
        CapabilityError::invalid(format!("{} is malformed: {error}", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::ErrorKind;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::read(|name| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| value.into())
        })
    }

    fn found(environment: &Environment) -> Vec<String> {
        let candidates = environment.candidates(&DockerHost::Automatic).unwrap();
        candidates
            .iter()
            .map(|candidate| candidate.address.to_string())
            .collect()
    }

    #[test]
    fn the_configured_address_beats_everything() {
        let environment = environment(&[("DOCKER_HOST", "unix:///a"), ("DOCKER_CONTEXT", "b")]);
        let host = DockerHost::Address("http://[::1]:99".to_owned());
        let [candidate] = &environment.candidates(&host).unwrap()[..] else {
            panic!("one candidate");
        };
        assert_eq!(candidate.address.to_string(), "tcp://[::1]:99");
        assert_eq!(found(&environment), ["unix:///a"]);
    }

    #[test]
    fn tls_comes_from_the_environment() {
        let variables = [
            ("DOCKER_HOST", "tcp://engine"),
            ("DOCKER_TLS_VERIFY", "1"),
            ("DOCKER_CERT_PATH", "/certificates"),
        ];
        let candidates = environment(&variables)
            .candidates(&DockerHost::Automatic)
            .unwrap();
        let folder = PathBuf::from("/certificates");
        assert_eq!(
            candidates[0].address,
            Address::Tcp {
                host: "engine".to_owned(),
                port: 2376,
                tls: Some(TlsFiles { folder }),
            }
        );
        assert_eq!(found(&environment(&variables[..1])), ["tcp://engine:2375"]);
    }

    #[test]
    fn ssh_says_what_to_do() {
        let error = environment(&[("DOCKER_HOST", "ssh://me@engine")])
            .candidates(&DockerHost::Automatic)
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported);
        assert!(error.hint.unwrap().contains("ssh -nNT -L"));
    }

    #[test]
    fn the_usual_sockets_in_turn() {
        assert_eq!(
            found(&environment(&[("XDG_RUNTIME_DIR", "/run/user/7")])),
            [
                "unix:///var/run/docker.sock",
                "unix:///run/user/7/docker.sock",
                "unix:///run/user/7/podman/podman.sock",
                "unix:///run/podman/podman.sock",
            ]
        );
    }

    #[test]
    fn the_current_context_is_followed() {
        let home = tempfile::tempdir().unwrap();
        let docker = home.path().join(".docker");
        // The SHA-256 of "remote", as the docker command names the folder.
        let id = "b71199ebd070b36beab7317920c2c2f1d777df8d05e5527d8458fda57cb17a7a";
        let metadata = docker.join("contexts/meta").join(id);
        std::fs::create_dir_all(&metadata).unwrap();
        std::fs::write(docker.join("config.json"), r#"{"currentContext":"remote"}"#).unwrap();
        std::fs::write(
            metadata.join("meta.json"),
            r#"{"Name":"remote","Metadata":{},"Endpoints":{"docker":{"Host":"tcp://far:1","SkipTLSVerify":false}}}"#,
        )
        .unwrap();
        let home_text = home.path().to_str().unwrap();
        assert_eq!(found(&environment(&[("HOME", home_text)])), ["tcp://far:1"]);
        let default = [("HOME", home_text), ("DOCKER_CONTEXT", "default")];
        assert_eq!(found(&environment(&default)).len(), 2);
        let absent = environment(&[("HOME", home_text), ("DOCKER_CONTEXT", "absent")]);
        let error = absent.candidates(&DockerHost::Automatic).unwrap_err();
        assert_eq!(error.message, "the Docker context absent does not exist");

        let tls = docker.join("contexts/tls").join(id).join("docker");
        std::fs::create_dir_all(&tls).unwrap();
        let candidates = environment(&[("HOME", home_text)])
            .candidates(&DockerHost::Automatic)
            .unwrap();
        assert!(matches!(
            &candidates[0].address,
            Address::Tcp { tls: Some(TlsFiles { folder }), .. } if *folder == tls
        ));
    }
}
