//! Just enough HTTP to ask a local service whether it is there and to create a repository in it.
//!
//! Requests are HTTP/1.0, so that the answer ends with the connection and is never chunked.
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(20);

/// Where a service listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// `host:port`
    Tcp(String),
    Unix(PathBuf),
}

/// A status and the whole body.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// Sends one request and reads the whole answer.
pub(crate) fn request(
    address: &Address,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Response> {
    match address {
        Address::Tcp(host) => {
            let stream = TcpStream::connect(host)?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            exchange(stream, host, method, path, headers, body)
        }
        Address::Unix(socket) => {
            let stream = UnixStream::connect(socket)?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            exchange(stream, "localhost", method, path, headers, body)
        }
    }
}

/// Sends a GET and returns the status.
pub(crate) fn get_status(address: &Address, path: &str) -> io::Result<u16> {
    request(address, "GET", path, &[], "").map(|response| response.status)
}

fn exchange(
    mut stream: impl Read + Write,
    host: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Response> {
    let mut message = format!(
        "{method} {path} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        message.push_str(&format!("{name}: {value}\r\n"));
    }
    message.push_str("\r\n");
    message.push_str(body);
    stream.write_all(message.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    parse(&String::from_utf8_lossy(&answer)).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{host} did not answer in HTTP"),
        )
    })
}

fn parse(answer: &str) -> Option<Response> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
    Some(Response {
        status: status.parse().ok()?,
        body: body.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_status_and_a_body() {
        let response = parse("HTTP/1.1 404 Not Found\r\nA: b\r\n\r\nnothing\r\n\r\nhere").unwrap();
        assert_eq!(response.status, 404);
        assert_eq!(response.body, "nothing\r\n\r\nhere");
        assert!(parse("SSH-2.0-x\r\n\r\n").is_none());
    }
}
