//! A proxy between AWS's SDK and what stands in for AWS: it keeps what was asked, in order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Keeps each request, and passes it on unless it refuses it.
#[derive(Clone)]
pub(super) struct Proxy(Arc<Shared>);

struct Shared {
    address: String,
    target: String,
    /// How long the sessions last that STS gives out, in place of what it says.
    session_lifetime: Option<Duration>,
    /// An error code and message that an action is answered with.
    refused: BTreeMap<&'static str, (&'static str, String)>,
    /// An access key that is not accepted any more.
    revoked: Mutex<Option<String>>,
    calls: Mutex<Vec<Call>>,
}

/// One request.
struct Call {
    action: String,
    /// The access key and session token that it was signed with.
    signature: Option<(String, Option<String>)>,
    /// What was sent to STS, without action and version.
    parameters: BTreeMap<String, String>,
    /// The access key and session token that STS gave out.
    issued: Option<(String, String)>,
}

/// A proxy before it starts.
#[derive(Default)]
pub(super) struct Settings {
    session_lifetime: Option<Duration>,
    refused: BTreeMap<&'static str, (&'static str, String)>,
}

impl Settings {
    pub(super) fn session_lifetime(mut self, lifetime: Duration) -> Self {
        self.session_lifetime = Some(lifetime);
        self
    }

    pub(super) fn refuse(
        mut self,
        action: &'static str,
        code: &'static str,
        message: &str,
    ) -> Self {
        self.refused.insert(action, (code, message.to_owned()));
        self
    }

    /// Starts a proxy before `target`.
    pub(super) async fn start(self, target: &str) -> Proxy {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy(Arc::new(Shared {
            address: format!("http://{}", listener.local_addr().unwrap()),
            target: target.to_owned(),
            session_lifetime: self.session_lifetime,
            refused: self.refused,
            revoked: Mutex::default(),
            calls: Mutex::default(),
        }));
        let router = Router::new().fallback(pass).with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        proxy
    }
}

impl Proxy {
    pub(super) fn address(&self) -> &str {
        &self.0.address
    }

    /// From now on this access key is not accepted.
    pub(super) fn revoke(&self, access_key: &str) {
        *self.0.revoked.lock().unwrap() = Some(access_key.to_owned());
    }

    /// The calls so far, a line each: the action, what it was signed with, what STS was told, and
    /// which session it gave out. Sessions are numbered as they begin, and a call counts as signed
    /// with one only where access key and session token are both that session's.
    pub(super) fn calls(&self) -> Vec<String> {
        let calls = self.0.calls.lock().unwrap();
        let mut sessions: Vec<(String, Option<String>)> = Vec::new();
        let mut lines = Vec::new();
        for call in calls.iter() {
            let signature = match &call.signature {
                None => "unsigned".to_owned(),
                Some(signature) => match sessions.iter().position(|known| known == signature) {
                    Some(index) => format!("session {}", index + 1),
                    None => match signature {
                        (key, None) => key.clone(),
                        (key, Some(token)) => format!("{key} {token}"),
                    },
                },
            };
            let mut line = format!("{} by {signature}", call.action);
            for (name, value) in &call.parameters {
                line.push_str(&format!(" {name}={value}"));
            }
            if let Some((key, token)) = &call.issued {
                sessions.push((key.clone(), Some(token.clone())));
                line.push_str(&format!(" -> session {}", sessions.len()));
            }
            lines.push(line);
        }
        lines
    }
}

async fn pass(State(proxy): State<Proxy>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let mut parameters: BTreeMap<String, String> =
        form_urlencoded::parse(&body).into_owned().collect();
    parameters.remove("Version");
    let (action, parameters) = match parameters.remove("Action") {
        Some(action) => (action, parameters),
        None => (target(&parts.headers), BTreeMap::new()),
    };
    let mut call = Call {
        signature: signature(&parts.headers),
        action,
        parameters,
        issued: None,
    };
    let (status, answer) = match proxy.refusal(&call) {
        Some((code, message)) => (
            StatusCode::FORBIDDEN,
            refusal(&parts.headers, code, &message),
        ),
        None => proxy.forward(parts.headers, body).await,
    };
    let answer = proxy.with_lifetime(answer);
    if let (Some(key), Some(token)) = (
        element(&answer, "AccessKeyId"),
        element(&answer, "SessionToken"),
    ) {
        call.issued = Some((key.to_owned(), token.to_owned()));
    }
    proxy.0.calls.lock().unwrap().push(call);
    Response::builder()
        .status(status)
        .body(Body::from(answer))
        .unwrap()
}

impl Proxy {
    fn refusal(&self, call: &Call) -> Option<(&'static str, String)> {
        let revoked = self.0.revoked.lock().unwrap();
        let key = call.signature.as_ref().map(|(key, _)| key);
        if key.is_some() && key == revoked.as_ref() {
            return Some(("UnrecognizedClientException", "revoked".to_owned()));
        }
        self.0.refused.get(call.action.as_str()).cloned()
    }

    async fn forward(&self, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
        let request = reqwest::Client::new().post(&self.0.target);
        let answer = request.headers(headers).body(body).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    fn with_lifetime(&self, answer: String) -> String {
        let (Some(lifetime), Some(told)) =
            (self.0.session_lifetime, element(&answer, "Expiration"))
        else {
            return answer;
        };
        let end = OffsetDateTime::from(SystemTime::now() + lifetime);
        answer.replace(told, &end.format(&Rfc3339).unwrap())
    }
}

/// The operation in `X-Amz-Target: SERVICE_VERSION.Operation`.
fn target(headers: &HeaderMap) -> String {
    let target = headers["x-amz-target"].to_str().unwrap();
    target.rsplit('.').next().unwrap().to_owned()
}

/// The access key in `Authorization: AWS4-HMAC-SHA256 Credential=KEY/…`, and the session token.
fn signature(headers: &HeaderMap) -> Option<(String, Option<String>)> {
    let text = |name: &str| Some(headers.get(name)?.to_str().unwrap().to_owned());
    let authorization = text("authorization")?;
    let (_, credential) = authorization.split_once("Credential=").unwrap();
    let key = credential.split('/').next().unwrap().to_owned();
    Some((key, text("x-amz-security-token")))
}

/// An error as ECR (JSON) or STS (XML) has it.
fn refusal(headers: &HeaderMap, code: &str, message: &str) -> String {
    if headers.contains_key("x-amz-target") {
        return serde_json::json!({"__type": code, "message": message}).to_string();
    }
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>\
         </Error></ErrorResponse>"
    )
}

fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = xml.split_once(&format!("<{name}>"))?;
    after.split_once("</").map(|(value, _)| value)
}
