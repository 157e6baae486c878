//! Registries: what is in them, and one of the test's own.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::image::uncompressed;
use super::{Image, http, service};

const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
                         application/vnd.oci.image.manifest.v1+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.docker.distribution.manifest.v2+json";

/// A registry on the loopback interface.
pub(crate) struct Registry {
    pub(crate) address: String,
    authorization: Option<String>,
    _server: Option<Server>,
}

/// A `docker-registry`, which ends with the value.
struct Server {
    process: Child,
    _folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Registry {
    /// The one that anybody may use.
    pub(crate) fn open() -> Self {
        Self {
            address: service("STEPYARD_TEST_REGISTRY_OPEN"),
            authorization: None,
            _server: None,
        }
    }

    /// A new one for one user, whose line of the password file is `bcrypt`.
    pub(crate) fn guarded(user: &str, password: &str, bcrypt: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        fs::write(path("htpasswd"), format!("{user}:{bcrypt}\n")).unwrap();
        // JSON is YAML too.
        let configuration = json!({
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": true}},
            "storage": {"filesystem": {"rootdirectory": path("data")}},
            "http": {"addr": address},
            "auth": {"htpasswd": {"realm": "registry", "path": path("htpasswd")}},
        });
        fs::write(path("config.yml"), configuration.to_string()).unwrap();
        // Should this process be killed, the registry ends too.
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "docker-registry", "serve"])
            .arg(path("config.yml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("setpriv docker-registry: {error}"));
        let registry = Self {
            address,
            authorization: Some(format!(
                "Basic {}",
                BASE64.encode(format!("{user}:{password}"))
            )),
            _server: Some(Server {
                process,
                _folder: folder,
            }),
        };
        let begin = Instant::now();
        while http::tcp(&registry.address, "/v2/", &[]).is_none() {
            assert!(begin.elapsed() < Duration::from_secs(20), "no registry");
            std::thread::sleep(Duration::from_millis(20));
        }
        registry
    }

    fn get(&self, path: &str) -> Option<Vec<u8>> {
        let mut headers = vec![("Accept", MANIFESTS)];
        if let Some(authorization) = &self.authorization {
            headers.push(("Authorization", authorization));
        }
        let response = http::tcp(&self.address, path, &headers).expect("the registry is gone");
        match response.status {
            200 => Some(response.body),
            404 => None,
            status => panic!("{path}: {status} {}", response.text()),
        }
    }

    /// A manifest or index by its tag or digest, if it is there.
    pub(crate) fn find_manifest(&self, repository: &str, reference: &str) -> Option<Value> {
        let manifest = self.get(&format!("/v2/{repository}/manifests/{reference}"))?;
        Some(serde_json::from_slice(&manifest).unwrap())
    }

    /// The same, where it must be there.
    pub(crate) fn manifest(&self, repository: &str, reference: &str) -> Value {
        self.find_manifest(repository, reference)
            .unwrap_or_else(|| panic!("{repository} has no {reference}"))
    }

    /// A blob.
    pub(crate) fn blob(&self, repository: &str, digest: &Value) -> Vec<u8> {
        let digest = digest.as_str().unwrap();
        self.get(&format!("/v2/{repository}/blobs/{digest}"))
            .unwrap_or_else(|| panic!("{repository} has no {digest}"))
    }

    /// An image; of an index the first one.
    pub(crate) fn image(&self, repository: &str, reference: &str) -> Image {
        let mut manifest = self.manifest(repository, reference);
        if let Some(first) = manifest["manifests"][0]["digest"].as_str() {
            manifest = self.manifest(repository, first);
        }
        let configuration = self.blob(repository, &manifest["config"]["digest"]);
        Image {
            configuration: serde_json::from_slice(&configuration).unwrap(),
            layers: manifest["layers"]
                .as_array()
                .unwrap()
                .iter()
                .map(|layer| uncompressed(&self.blob(repository, &layer["digest"])))
                .collect(),
        }
    }

    /// All that a tag leads to, uncompressed, by digest.
    pub(crate) fn everything(&self, repository: &str, tag: &str) -> BTreeMap<String, Vec<u8>> {
        let manifest = self.manifest(repository, tag);
        let mut all = BTreeMap::from([(tag.to_owned(), manifest.to_string().into_bytes())]);
        let mut waiting = vec![manifest];
        while let Some(manifest) = waiting.pop() {
            let listed = ["manifests", "layers"]
                .into_iter()
                .filter_map(|list| manifest[list].as_array())
                .flatten();
            for descriptor in listed.chain(manifest.get("config")) {
                let digest = descriptor["digest"].as_str().unwrap();
                let blob = self.get(&format!("/v2/{repository}/blobs/{digest}"));
                let content = match blob {
                    Some(blob) => uncompressed(&blob),
                    None => {
                        let inner = self.manifest(repository, digest);
                        waiting.push(inner.clone());
                        inner.to_string().into_bytes()
                    }
                };
                all.insert(digest.to_owned(), content);
            }
        }
        all
    }
}

/// Whether `data` has `text` in it, plainly or in base64 at any offset.
pub(crate) fn contains(data: &[u8], text: &str) -> bool {
    let mut forms = vec![text.as_bytes().to_vec()];
    for offset in 0..3 {
        // Three bytes are four digits: which digits a text has depends on where it begins. Those at
        // its ends depend on what stands beside it too.
        let padded = [&b"xx"[..offset], text.as_bytes()].concat();
        let encoded = BASE64.encode(&padded[..padded.len() / 3 * 3]);
        forms.push(encoded.into_bytes()[if offset == 0 { 0 } else { 4 }..].to_vec());
    }
    forms
        .iter()
        .any(|form| data.windows(form.len()).any(|window| window == form))
}
