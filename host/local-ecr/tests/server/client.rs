//! A bare HTTP client: what is sent and what comes back, header by header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use stepyard_local_ecr::{Builder, LocalEcr, Server};
use tempfile::TempDir;

pub(crate) const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .unwrap_or_else(|| panic!("no header {name}"))
            .to_str()
            .unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The status and the code of a registry error.
    pub(crate) fn error(&self) -> (u16, String) {
        let code = self.json()["errors"][0]["code"]
            .as_str()
            .unwrap()
            .to_owned();
        (self.status.as_u16(), code)
    }
}

/// A server with a data folder of its own, and a client that holds a token.
pub(crate) struct Fixture {
    pub(crate) server: Server,
    pub(crate) data: TempDir,
    http: HttpClient<HttpConnector, Full<Bytes>>,
    pub(crate) authorization: String,
}

pub(crate) fn digest(content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    format!(
        "sha256:{}",
        hash.iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    )
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(configure: impl FnOnce(Builder) -> Builder) -> Self {
        let data = TempDir::new().unwrap();
        Self::at(data, configure).await
    }

    pub(crate) async fn at(data: TempDir, configure: impl FnOnce(Builder) -> Builder) -> Self {
        let builder = configure(LocalEcr::builder(data.path().join("ecr")));
        let server = builder.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let http = HttpClient::builder(TokioExecutor::new()).build_http();
        let mut fixture = Self {
            server,
            data,
            http,
            authorization: String::new(),
        };
        fixture.log_in().await;
        fixture
    }

    pub(crate) async fn log_in(&mut self) {
        let data = self.ecr("GetAuthorizationToken", json!({})).await.json();
        if let Some(token) = data["authorizationData"][0]["authorizationToken"].as_str() {
            self.authorization = format!("Basic {token}");
        }
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let response = self.http.request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address())
    }

    /// A registry request with the token and further headers.
    pub(crate) async fn v2(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(self.url(path))
            .header("authorization", &self.authorization);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Full::new(body.into())).unwrap())
            .await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.v2(Method::GET, path, &[], "").await
    }

    pub(crate) async fn head(&self, path: &str) -> Answer {
        self.v2(Method::HEAD, path, &[], "").await
    }

    /// A call of the ECR API.
    pub(crate) async fn ecr(&self, operation: &str, body: Value) -> Answer {
        let credential = "Credential=AKIA/20260101/us-east-1/ecr/aws4_request";
        let request = Request::post(self.url("/"))
            .header(
                "x-amz-target",
                format!("AmazonEC2ContainerRegistry_V20150921.{operation}"),
            )
            .header("content-type", "application/x-amz-json-1.1")
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=00"),
            );
        self.send(request.body(Full::new(body.to_string().into())).unwrap())
            .await
    }

    /// The name of the error that a call of the ECR API answers.
    pub(crate) async fn ecr_error(&self, operation: &str, body: Value) -> String {
        let answer = self.ecr(operation, body).await;
        assert!(!answer.status.is_success(), "{operation} succeeded");
        answer.json()["__type"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn sts(&self, form: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::post(self.url("/"))
            .header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Full::new(form.to_owned().into())).unwrap())
            .await
    }

    pub(crate) async fn create_repository(&self, name: &str) {
        let answer = self
            .ecr("CreateRepository", json!({"repositoryName": name}))
            .await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
    }

    /// Pushes a blob in one request and returns its digest.
    pub(crate) async fn push_blob(&self, repository: &str, content: &[u8]) -> String {
        let digest = digest(content);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let answer = self.v2(Method::POST, &path, &[], content.to_vec()).await;
        assert_eq!(answer.status, 201, "{:?}", answer.body);
        digest
    }

    /// Pushes an image whose only layer is `content`; returns the answer and the digest.
    pub(crate) async fn push_image(
        &self,
        repository: &str,
        tag: &str,
        content: &str,
    ) -> (Answer, String) {
        self.push_blob(repository, b"{}").await;
        self.push_blob(repository, content.as_bytes()).await;
        let manifest = manifest(content);
        let digest = digest(manifest.as_bytes());
        (
            self.put_manifest(repository, tag, IMAGE, manifest).await,
            digest,
        )
    }

    pub(crate) async fn put_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        manifest: String,
    ) -> Answer {
        let path = format!("/v2/{repository}/manifests/{reference}");
        self.v2(
            Method::PUT,
            &path,
            &[("content-type", media_type)],
            manifest,
        )
        .await
    }
}

pub(crate) fn descriptor(media_type: &str, content: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": digest(content), "size": content.len()})
}

pub(crate) fn manifest(content: &str) -> String {
    json!({
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": descriptor("application/vnd.oci.image.config.v1+json", b"{}"),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", content.as_bytes())],
    })
    .to_string()
}

pub(crate) fn basic(password: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("AWS:{password}")))
}
