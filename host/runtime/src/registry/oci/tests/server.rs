//! A server that answers as a test says, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use http::{Response, StatusCode};

/// What the server was asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// Such as `GET /v2/`.
    pub(super) line: String,
    pub(super) authorization: Option<String>,
}

/// An answer.
pub(super) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Answer {
    pub(super) fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// An error of the distribution specification.
    pub(super) fn error(status: u16, code: &str) -> Self {
        Self::new(status).body(format!(
            r#"{{"errors":[{{"code":"{code}","message":"told so"}}]}}"#
        ))
    }
}

/// A server on this machine, for as long as the value lives.
pub(super) struct Server {
    /// `http://127.0.0.1:PORT`
    pub(super) address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Answers with `answer`, which gets the request and how many came before it.
    pub(super) async fn start(
        answer: impl Fn(&Asked, usize) -> Answer + Clone + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let record = asked.clone();
        let handler = move |request: Request| {
            let (answer, record) = (answer.clone(), record.clone());
            async move {
                let (parts, body) = request.into_parts();
                // Read to its end, or the client cannot finish sending.
                let _ = axum::body::to_bytes(body, 8 << 20).await;
                let authorization = parts.headers.get("authorization");
                let asked = Asked {
                    line: format!("{} {}", parts.method, parts.uri),
                    authorization: authorization.map(|value| value.to_str().unwrap().to_owned()),
                };
                let before = {
                    let mut record = record.lock().unwrap();
                    record.push(asked.clone());
                    record.len() - 1
                };
                let answer = answer(&asked, before);
                let mut response =
                    Response::builder().status(StatusCode::from_u16(answer.status).unwrap());
                for (name, value) in answer.headers {
                    response = response.header(name, value);
                }
                response.body(Body::from(answer.body)).unwrap()
            }
        };
        let router = Router::new().fallback(handler);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            asked,
            task,
        }
    }

    /// Everything so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The lines so far.
    pub(super) fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}
