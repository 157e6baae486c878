//! A Docker Engine's way to BuildKit: an HTTP/1.1 request that turns its connection into an HTTP/2
//! one (Docker Engine API, `POST /session`; `POST /grpc` is its undocumented sibling).

use std::io;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::{Stream, Transport};
use crate::error::Error;

/// The most bytes of an error message.
const LONGEST_MESSAGE: usize = 64 << 10;

/// Opens a connection, and upgrades it at `path`.
///
/// # Errors
/// [`Error::Connect`]; [`Error::NoBuildKit`] where the engine does not know the path.
pub(crate) async fn upgrade(
    transport: &Transport,
    path: &str,
    headers: &[(HeaderName, HeaderValue)],
) -> Result<Stream, Error> {
    let failed = |error: hyper::Error| transport.failed(io::Error::other(error));
    let mut request = Request::post(path)
        .header(header::HOST, transport.http_host())
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "h2c")
        .body(Empty::<Bytes>::new())
        .map_err(|error| transport.failed(io::Error::other(error)))?;
    for (name, value) in headers {
        request.headers_mut().append(name, value.clone());
    }
    let stream = transport.connect().await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(failed)?;
        match response.status() {
            StatusCode::SWITCHING_PROTOCOLS => hyper::upgrade::on(response).await.map_err(failed),
            status => Err(refusal(transport, status, response.into_body()).await),
        }
    };
    // The connection moves bytes only while it is polled; after the upgrade it has ended.
    let connection = async {
        let _ = connection.with_upgrades().await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        upgraded = answer => Ok(Box::new(TokioIo::new(upgraded?))),
        () = connection => Err(transport.failed(io::ErrorKind::ConnectionReset.into())),
    }
}

async fn refusal(transport: &Transport, status: StatusCode, body: hyper::body::Incoming) -> Error {
    let text = match Limited::new(body, LONGEST_MESSAGE).collect().await {
        Ok(text) => String::from_utf8_lossy(&text.to_bytes()).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    match status {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
            Error::NoBuildKit {
                address: transport.to_string(),
            }
        }
        _ => transport.failed(io::Error::other(format!("it answers {status}: {text}"))),
    }
}
