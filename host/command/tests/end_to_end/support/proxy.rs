//! A proxy in front of a registry and of AWS's APIs that fails one request on purpose.

use std::convert::Infallible;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// 429.
    Throttled,
    /// 429 with `Retry-After`.
    ThrottledFor(u32),
    /// A server error, which the server does not see.
    Status(u16),
    /// The connection is reset before the server sees the request.
    Reset,
    /// The connection is reset when the server has done what was asked: its answer is lost.
    ResetAfter,
    /// Nothing is ever answered.
    Stall,
    /// The answer ends in its middle.
    Truncate,
}

impl Fault {
    pub(crate) const ALL: [Self; 8] = [
        Self::Throttled,
        Self::ThrottledFor(1),
        Self::Status(500),
        Self::Status(503),
        Self::Reset,
        Self::ResetAfter,
        Self::Stall,
        Self::Truncate,
    ];

    /// Whether a client can tell at once that it happened, so that it must try again.
    pub(crate) fn must_be_overcome(self) -> bool {
        !matches!(self, Self::Stall | Self::Truncate)
    }
}

/// A running proxy.
pub(crate) struct Proxy {
    /// `127.0.0.1:PORT`
    pub(crate) address: String,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

struct Shared {
    target: String,
    choose: Box<Choose>,
    requests: Mutex<Vec<String>>,
}

/// What becomes of the request of this index, counted from 0, and with this line.
type Choose = dyn Fn(usize, &str) -> Option<Fault> + Send + Sync;

/// An end of a connection that the other end does not expect.
enum Break {
    /// With a reset.
    Reset,
    /// In the middle of a status line.
    HalfAnswer,
}

/// The connection of a client, as the requests on it see it.
struct Line {
    broken: Notify,
    how: Mutex<Option<Break>>,
}

impl Line {
    /// Breaks the connection, and does not return.
    async fn break_off<T>(&self, how: Break) -> T {
        *self.how.lock().unwrap() = Some(how);
        self.broken.notify_one();
        std::future::pending().await
    }
}

type Body = BoxBody<Bytes, hyper::Error>;

impl Proxy {
    /// Passes everything on to `target` for which no fault is chosen by index and line.
    pub(crate) fn start(
        target: &str,
        choose: impl Fn(usize, &str) -> Option<Fault> + Send + Sync + 'static,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared {
            target: target.to_owned(),
            choose: Box::new(choose),
            requests: Mutex::default(),
        });
        let served = shared.clone();
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, served.clone()));
            }
        });
        Self {
            address,
            shared,
            _runtime: runtime,
        }
    }

    /// The requests so far, such as `GET /v2/`.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }
}

async fn serve(client: TcpStream, shared: Arc<Shared>) {
    let twin = client.as_fd().try_clone_to_owned().unwrap();
    let twin = TcpStream::from_std(twin.into()).unwrap();
    let line = Arc::new(Line {
        broken: Notify::new(),
        how: Mutex::default(),
    });
    let service = service_fn(|request| {
        let (shared, line) = (shared.clone(), line.clone());
        async move { Ok::<_, Infallible>(answer(request, &shared, &line).await) }
    });
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(client), service);
    tokio::select! {
        // A client that hangs up is no matter of the proxy's.
        _ = connection => {}
        () = line.broken.notified() => {}
    }
    match line.how.lock().unwrap().take() {
        // With no time to linger, closing resets.
        Some(Break::Reset) => twin.set_zero_linger().unwrap(),
        Some(Break::HalfAnswer) => {
            let _ = twin.try_write(b"HTTP/1.1 20");
        }
        None => {}
    }
}

async fn answer(request: Request<Incoming>, shared: &Shared, client: &Line) -> Response<Body> {
    let line = format!("{} {}", request.method(), request.uri().path());
    let fault = {
        let mut requests = shared.requests.lock().unwrap();
        let fault = (shared.choose)(requests.len(), &line);
        requests.push(line);
        fault
    };
    let status = |status: u16| {
        Response::builder()
            .status(StatusCode::from_u16(status).unwrap())
            .body(whole(Bytes::new()))
            .unwrap()
    };
    match fault {
        None => passed_on(request, shared).await.unwrap_or(status(502)),
        Some(Fault::Stall) => std::future::pending().await,
        Some(Fault::Reset) => client.break_off(Break::Reset).await,
        Some(Fault::ResetAfter) => {
            if let Some(response) = passed_on(request, shared).await {
                let _ = response.into_body().collect().await;
            }
            client.break_off(Break::Reset).await
        }
        Some(Fault::Truncate) => {
            let head = request.method() == hyper::Method::HEAD;
            let response = passed_on(request, shared).await.unwrap_or(status(502));
            let (parts, body) = response.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            if head || body.len() < 2 {
                return client.break_off(Break::HalfAnswer).await;
            }
            Response::from_parts(parts, half(&body))
        }
        Some(fault @ (Fault::Throttled | Fault::ThrottledFor(_) | Fault::Status(_))) => {
            // A client that still sends would see no answer.
            let _ = request.into_body().collect().await;
            match fault {
                Fault::ThrottledFor(seconds) => {
                    let mut response = status(429);
                    response.headers_mut().insert("retry-after", seconds.into());
                    response
                }
                Fault::Status(code) => status(code),
                _ => status(429),
            }
        }
    }
}

fn whole(body: Bytes) -> Body {
    Full::new(body).map_err(|never| match never {}).boxed()
}

/// A body that ends with an error, on which the connection is closed.
fn half(body: &Bytes) -> Body {
    let first = body.slice(..body.len() / 2);
    // No error of hyper's can be made, and a body that falls short of its length is one to hyper.
    let frames = stream::iter([Ok(Frame::data(first))]);
    BodyExt::boxed(StreamBody::new(frames))
}

/// The server's answer, if it can be reached.
async fn passed_on(request: Request<Incoming>, shared: &Shared) -> Option<Response<Body>> {
    let server = TcpStream::connect(&shared.target).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(server))
        .await
        .ok()?;
    tokio::spawn(connection);
    let response = sender.send_request(request).await.ok()?;
    Some(response.map(BodyExt::boxed))
}
