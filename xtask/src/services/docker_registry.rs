//! The distribution project's registry, as packaged by the distribution.
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use super::free_address;
use super::keeper::Kept;
use crate::error::{Doing, Result};
use crate::http::{self, Address};

/// User `AWS` with the password in moto's authorization tokens for the account 123456789012, hashed with
/// bcrypt, the one hash that the registry takes. Remade by `htpasswd -nbB AWS 123456789012-auth-token`.
const PASSWORD_FILE: &str = "AWS:$2y$05$zJNZ.mS2cLw4qhGF6BxZmODahJE3DIH9FDJ996YsFgf7c3IOQ1fkW\n";

/// Who may use a registry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Whom moto hands an authorization token for the account 123456789012.
    Password,
    Open,
}

/// An empty registry that answers.
pub(crate) struct DockerRegistry {
    address: String,
    _kept: Kept,
}

impl DockerRegistry {
    /// Starts a registry on a free loopback port, with a storage folder that goes when it does.
    pub(crate) fn start(access: Access) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("stepyard-registry-")
            .tempdir()
            .map(TempDir::keep)
            .doing(|| "making the registry's folder".into())?;
        let address = free_address()?;
        let configuration = folder.join("config.yml");
        fs::write(folder.join("htpasswd"), PASSWORD_FILE)
            .and_then(|()| fs::write(&configuration, configure(&folder, &address, access)))
            .doing(|| format!("writing {}", configuration.display()))?;
        let name = match access {
            Access::Password => "registry",
            Access::Open => "registry-open",
        };
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&configuration);
        let mut kept = Kept::start(name, &command, &[&folder], None)?;
        let endpoint = Address::Tcp(address.clone());
        let expected = match access {
            Access::Password => 401,
            Access::Open => 200,
        };
        kept.until_ready(|_| {
            http::get_status(&endpoint, "/v2/")
                .is_ok_and(|status| status == expected)
                .then_some(())
        })?;
        Ok(Self {
            address,
            _kept: kept,
        })
    }

    /// `127.0.0.1:PORT`, which Docker takes for a registry without TLS.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

/// The registry's configuration file; JSON is YAML too.
fn configure(folder: &Path, address: &str, access: Access) -> String {
    let mut configuration = json!({
        "version": "0.1",
        "log": {"level": "info", "accesslog": {"disabled": true}},
        "storage": {
            "filesystem": {"rootdirectory": folder.join("data")},
            "delete": {"enabled": true},
        },
        "http": {"addr": address},
    });
    if let (Access::Password, Some(fields)) = (access, configuration.as_object_mut()) {
        let auth = json!({"htpasswd": {"realm": "registry", "path": folder.join("htpasswd")}});
        fields.insert("auth".into(), auth);
    }
    configuration.to_string()
}
