//! Stands in for a BuildKit daemon: passes each connection on to the BuildKit within a Docker Engine.
//!
//! An engine speaks BuildKit's gRPC API on a connection that a request `POST /grpc` has upgraded to
//! HTTP/2; a daemon speaks it from the first byte. This program asks for the upgrade, and copies.
mod certificates;
mod peer;

use std::io;
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use rustls::ServerConfig;

pub(crate) use certificates::Certificates;
use peer::{Peer, Secured};

use crate::error::{Doing, Error, Result};

/// The longest answer to a request for an upgrade.
const MAXIMUM_HEAD: usize = 8 * 1024;
const REQUEST: &[u8] =
    b"POST /grpc HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

#[derive(Args)]
pub(crate) struct Options {
    /// The engine's socket, as unix:///PATH
    #[arg(long)]
    engine: String,
    /// Where to listen: unix:///PATH, or tcp://ADDRESS:PORT, where port 0 is any free one
    #[arg(long)]
    listen: String,
    /// A folder of certificates: speak TLS, and only to who shows a certificate of its authority
    #[arg(long)]
    certificates: Option<PathBuf>,
}

/// Serves until the process is ended. The first line of output tells where.
pub(crate) fn run(options: &Options) -> Result<()> {
    let engine = options
        .engine
        .strip_prefix("unix://")
        .map(PathBuf::from)
        .ok_or_else(|| Error::Unmet(format!("expected unix:///PATH, got {}", options.engine)))?;
    let tls = options
        .certificates
        .as_ref()
        .map(|folder| Certificates::at(folder).server_configuration())
        .transpose()?;
    let doing = || format!("listening on {}", options.listen);
    let serve = |client: Peer| {
        let (engine, tls) = (engine.clone(), tls.clone());
        std::thread::spawn(move || {
            if let Err(error) = pass_on(client, tls, &engine) {
                eprintln!("{error}");
            }
        });
    };
    match options.listen.split_once("://") {
        Some(("unix", path)) => {
            let listener = UnixListener::bind(path).doing(doing)?;
            println!("listening on {}", options.listen);
            for client in listener.incoming() {
                serve(Peer::Unix(client.doing(doing)?));
            }
        }
        Some(("tcp", address)) => {
            let listener = TcpListener::bind(address).doing(doing)?;
            println!("listening on tcp://{}", listener.local_addr().doing(doing)?);
            for client in listener.incoming() {
                serve(Peer::Tcp(client.doing(doing)?));
            }
        }
        _ => {
            return Err(Error::Unmet(format!(
                "expected unix:///PATH or tcp://ADDRESS:PORT, got {}",
                options.listen
            )));
        }
    }
    Ok(())
}

/// Copies between a client and a new connection to the engine until either side ends.
fn pass_on(client: Peer, tls: Option<Arc<ServerConfig>>, engine: &PathBuf) -> io::Result<()> {
    let client = match tls {
        Some(tls) => Peer::Secured(Box::new(Secured::accept(client, tls)?)),
        None => client,
    };
    let engine = Peer::Unix(UnixStream::connect(engine)?);
    let first = upgrade(&engine)?;
    client.write_all(&first)?;
    std::thread::scope(|scope| {
        scope.spawn(|| copy(&client, &engine));
        copy(&engine, &client);
    });
    Ok(())
}

/// Copies until one of the two is gone, and then ends both: a build must not outlive its client.
fn copy(from: &Peer, to: &Peer) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let bytes = buffer.get(..length).unwrap_or_default();
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    from.close();
    to.close();
}

/// Has the engine switch to HTTP/2; returns what it has said in HTTP/2 already.
fn upgrade(engine: &Peer) -> io::Result<Vec<u8>> {
    engine.write_all(REQUEST)?;
    let mut answer = Vec::new();
    let mut buffer = [0; 1024];
    let head = loop {
        if let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
        let length = engine.read(&mut buffer)?;
        answer.extend_from_slice(buffer.get(..length).unwrap_or_default());
        if length == 0 || answer.len() > MAXIMUM_HEAD {
            return Err(refused(&answer));
        }
    };
    if !answer.starts_with(b"HTTP/1.1 101 ") {
        return Err(refused(&answer));
    }
    Ok(answer.split_off(head))
}

fn refused(answer: &[u8]) -> io::Error {
    io::Error::other(format!(
        "the engine did not switch to HTTP/2: {}",
        String::from_utf8_lossy(answer).trim_end()
    ))
}

#[cfg(test)]
mod tests;
