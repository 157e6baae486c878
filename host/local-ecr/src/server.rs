use crate::names::registry_host;
use crate::service::Service;
use crate::{ecr_api, registry_api, sts};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, post};
use http::{Request, StatusCode};
use secrecy::ExposeSecret as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The largest request to the ECR API or to STS: a manifest of 4 MiB, escaped as JSON.
const REQUEST_BYTES: usize = 10 << 20;
/// How long [`Server::shutdown`] waits for requests under way.
const GRACE: Duration = Duration::from_secs(5);

/// A running server. It stops when dropped.
pub struct Server {
    service: Arc<Service>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Server")
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

impl Server {
    pub(crate) fn start(listener: TcpListener, service: Service) -> Self {
        let service = Arc::new(service);
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let router = Router::new()
            .route("/", post(api))
            .route("/v2", any(registry_api::handle))
            .route("/v2/", any(registry_api::handle))
            .route("/v2/{*path}", any(registry_api::handle))
            .with_state(service.clone());
        let serving = tokio::spawn(async move {
            let served = axum::serve(listener, router)
                .with_graceful_shutdown(stopped)
                .await;
            if let Err(error) = served {
                tracing::error!(%error, "the server stopped");
            }
        });
        Self {
            service,
            stop,
            serving,
        }
    }

    /// The address that the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.service.address
    }

    /// The logical host of the registry, such as `123456789012.dkr.ecr.us-east-1.amazonaws.com`.
    pub fn registry_host(&self) -> String {
        registry_host(&self.service.account, &self.service.region)
    }

    /// The environment variables that point the AWS command line and SDKs at this server. Where
    /// access keys are configured, the first one is in it, with its secret.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let key = self.service.authority.access_keys.first();
        let (id, secret) = key.map_or(("AKIALOCALECR00000000", "local-ecr"), |key| {
            (key.id.as_str(), key.secret.expose_secret())
        });
        vec![
            ("AWS_ENDPOINT_URL", format!("http://{}", self.address())),
            ("AWS_ACCESS_KEY_ID", id.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", secret.to_owned()),
            ("AWS_REGION", self.service.region.to_string()),
            ("AWS_DEFAULT_REGION", self.service.region.to_string()),
        ]
    }

    /// How often an IAM action such as `ecr:PutImage` was called, refused calls included.
    pub fn calls(&self, action: &str) -> u64 {
        self.service.restrictions.calls(action)
    }

    /// Makes all authorization tokens given out so far expired; new ones are not affected.
    pub fn expire_tokens(&self) {
        self.service.authority.expire_tokens();
    }

    /// Stops accepting connections, lets requests under way finish for up to 5 seconds, and
    /// releases the data folder.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if tokio::time::timeout(GRACE, &mut self.serving)
            .await
            .is_err()
        {
            self.serving.abort();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The ECR API and STS share one path: ECR names its operation in a header, STS in a form.
async fn api(State(service): State<Arc<Service>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, REQUEST_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    if parts.headers.contains_key("x-amz-target") {
        ecr_api::handle(&service, &parts, &body).await
    } else {
        sts::handle(&service, &parts, &body)
    }
}
