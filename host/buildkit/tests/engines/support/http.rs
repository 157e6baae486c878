//! The least of HTTP that reads from registries and Docker Engines. HTTP/1.0 knows no chunks: an
//! answer ends with its connection.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

pub(super) struct Response {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Response {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A request to a Docker Engine.
pub(super) fn unix(socket: &str, method: &str, path: &str) -> Response {
    let stream = UnixStream::connect(socket).unwrap_or_else(|error| panic!("{socket}: {error}"));
    exchange(stream, method, path, &[])
}

/// A GET of a registry; nothing where nobody listens.
pub(super) fn tcp(address: &str, path: &str, headers: &[(&str, &str)]) -> Option<Response> {
    let stream = TcpStream::connect(address).ok()?;
    Some(exchange(stream, "GET", path, headers))
}

fn exchange(
    mut stream: impl Read + Write,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Response {
    let mut request = format!("{method} {path} HTTP/1.0\r\nHost: localhost\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap_or_else(|| panic!("{path}: {:?}", String::from_utf8_lossy(&answer)));
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Response {
        status,
        body: answer.split_off(end + 4),
    }
}
