//! What stands in for Amazon ECR.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use flate2::read::GzDecoder;
use serde_json::Value;
use tempfile::TempDir;

use super::http::Response;
use super::image::Image;
use super::{aws, http, service};

const MANIFESTS: &str = "application/vnd.docker.distribution.manifest.v2+json, \
                         application/vnd.oci.image.manifest.v1+json";

/// A registry and the API beside it, each a `host:port`.
pub(crate) struct Backend {
    pub(crate) registry: String,
    pub(crate) aws: String,
    _server: Option<Server>,
}

/// A `stepyard local-ecr`, which ends with the value.
struct Server {
    process: Child,
    /// Kept open for the server to write to.
    _output: ChildStdout,
    _data: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Backend {
    /// moto for the API and the distribution project's registry for images.
    pub(crate) fn moto() -> Self {
        let aws = service("STEPYARD_TEST_MOTO");
        Self {
            registry: service("STEPYARD_TEST_REGISTRY"),
            aws: aws.trim_start_matches("http://").to_owned(),
            _server: None,
        }
    }

    /// `stepyard local-ecr ARGUMENTS` on a free port.
    pub(crate) fn local_ecr(arguments: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_stepyard"))
            .args(["local-ecr", "--listen", "127.0.0.1:0", "--data"])
            .arg(data.path().join("ecr"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = process.stdout.take().unwrap();
        let address = BufReader::new(&mut output)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                let address = line.strip_prefix("export AWS_ENDPOINT_URL=http://")?;
                Some(address.to_owned())
            })
            .expect("stepyard local-ecr prints where it listens");
        let server = Server {
            process,
            _output: output,
            _data: data,
        };
        Self {
            registry: address.clone(),
            aws: address,
            _server: Some(server),
        }
    }

    /// A backend that somebody else runs.
    pub(crate) fn at(registry: &str, aws: &str) -> Self {
        Self {
            registry: registry.to_owned(),
            aws: aws.to_owned(),
            _server: None,
        }
    }

    /// Asks the registry itself which digest a tag names.
    pub(crate) fn digest(&self, repository: &str, tag: &str) -> Option<String> {
        let path = format!("/v2/{repository}/manifests/{tag}");
        let response = self.ask("HEAD", &path);
        (response.status == 200).then(|| {
            let digest = response.header("Docker-Content-Digest");
            digest.expect("the registry names the digest").to_owned()
        })
    }

    /// The image that a tag names, as it is in the registry.
    pub(crate) fn image(&self, repository: &str, tag: &str) -> Image {
        let manifest = self.ask("GET", &format!("/v2/{repository}/manifests/{tag}"));
        assert_eq!(
            manifest.status, 200,
            "{repository}:{tag}: {}",
            manifest.body
        );
        Image::new(&manifest.bytes, |digest| {
            let blob = self.ask("GET", &format!("/v2/{repository}/blobs/{digest}"));
            assert_eq!(blob.status, 200, "{repository}@{digest}: {}", blob.body);
            blob.bytes
        })
    }

    /// The configuration of an image, as it is in the registry.
    pub(crate) fn image_configuration(&self, repository: &str, tag: &str) -> Value {
        self.image(repository, tag).configuration
    }

    /// The manifest, the configuration and the layers (unpacked) of an image in the registry.
    pub(crate) fn image_content(&self, repository: &str, tag: &str) -> Vec<Vec<u8>> {
        let response = self.ask("GET", &format!("/v2/{repository}/manifests/{tag}"));
        let manifest: Value = serde_json::from_str(&response.body).unwrap();
        let layers = manifest["layers"].as_array().unwrap();
        let mut content = vec![response.bytes];
        for descriptor in layers.iter().chain([&manifest["config"]]) {
            let digest = descriptor["digest"].as_str().unwrap();
            let blob = self.ask("GET", &format!("/v2/{repository}/blobs/{digest}"));
            assert_eq!(blob.status, 200);
            let mut unpacked = Vec::new();
            let read = GzDecoder::new(blob.bytes.as_slice()).read_to_end(&mut unpacked);
            content.push(if read.is_ok() { unpacked } else { blob.bytes });
        }
        content
    }

    /// Deletes a manifest at the registry itself.
    pub(crate) fn delete(&self, repository: &str, digest: &str) {
        let response = self.ask("DELETE", &format!("/v2/{repository}/manifests/{digest}"));
        assert_eq!(response.status, 202);
    }

    fn ask(&self, method: &str, path: &str) -> Response {
        let authorization = aws::authorization(&self.aws);
        let headers = [
            ("Accept", MANIFESTS),
            ("Authorization", authorization.as_str()),
        ];
        http::request(&self.registry, method, path, &headers, "")
    }
}
