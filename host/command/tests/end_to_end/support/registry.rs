//! A registry of one test: the distribution project's, whose storage can be changed.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::http;
use super::process::await_for;

/// A `docker-registry` without passwords, which ends with the value.
pub(crate) struct Registry {
    /// `127.0.0.1:PORT`
    pub(crate) address: String,
    folder: TempDir,
    process: Child,
}

impl Registry {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let process = serve(folder.path(), &address);
        Self {
            address,
            folder,
            process,
        }
    }

    /// Ends it. What it stores stays.
    pub(crate) fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Starts it again, at the same address and with the same storage.
    pub(crate) fn start_again(&mut self) {
        self.process = serve(self.folder.path(), &self.address);
    }

    /// The file of a blob or manifest.
    pub(crate) fn stored(&self, digest: &str) -> PathBuf {
        let hex = digest.strip_prefix("sha256:").unwrap();
        let blobs = "data/docker/registry/v2/blobs/sha256";
        self.folder
            .path()
            .join(format!("{blobs}/{}/{hex}/data", &hex[..2]))
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(folder: &Path, address: &str) -> Child {
    let configuration = folder.join("config.yml");
    // JSON is YAML too.
    let text = serde_json::json!({
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": true}},
        "storage": {"filesystem": {"rootdirectory": folder.join("data")}, "delete": {"enabled": true}},
        "http": {"addr": address},
    });
    fs::write(&configuration, text.to_string()).unwrap();
    let process = Command::new("docker-registry")
        .arg("serve")
        .arg(&configuration)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    await_for("the registry answers", Duration::from_secs(20), || {
        std::net::TcpStream::connect(address).ok()?;
        (http::request(address, "GET", "/v2/", &[], "").status == 200).then_some(())
    });
    process
}
