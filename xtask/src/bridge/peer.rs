//! One end of a bridged connection, read by one thread while another one writes.
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::{ServerConfig, ServerConnection};

pub(super) enum Peer {
    Unix(UnixStream),
    Tcp(TcpStream),
    Secured(Box<Secured>),
}

impl Peer {
    /// Waits for bytes; returns how many there are, 0 at the end.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => (&*stream).read(buffer),
            Self::Tcp(stream) => (&*stream).read(buffer),
            Self::Secured(secured) => secured.read(buffer),
        }
    }

    pub(super) fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Unix(stream) => (&*stream).write_all(bytes),
            Self::Tcp(stream) => (&*stream).write_all(bytes),
            Self::Secured(secured) => secured.write_all(bytes),
        }
    }

    /// Ends both directions, also for a thread that waits for bytes.
    pub(super) fn close(&self) {
        // A connection that is gone already needs no end.
        let _ = match self {
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Self::Secured(secured) => return secured.close(),
        };
    }
}

/// A connection with TLS. Only its state is locked, never while bytes are awaited: otherwise nothing
/// could be written meanwhile.
pub(super) struct Secured {
    stream: Peer,
    state: Mutex<ServerConnection>,
}

impl Secured {
    /// Shakes hands; fails where the client shows no certificate that the configuration asks for.
    pub(super) fn accept(stream: Peer, configuration: Arc<ServerConfig>) -> io::Result<Self> {
        let state = ServerConnection::new(configuration).map_err(io::Error::other)?;
        let secured = Self {
            stream,
            state: Mutex::new(state),
        };
        while secured.state().is_handshaking() {
            if !secured.receive()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(secured)
    }

    fn state(&self) -> MutexGuard<'_, ServerConnection> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.state().reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
            if !self.receive()? {
                return Ok(0);
            }
        }
    }

    /// Waits for records and decrypts them; false at the end of the connection.
    fn receive(&self) -> io::Result<bool> {
        let mut buffer = [0; 16 * 1024];
        let length = self.stream.read(&mut buffer)?;
        let mut received = buffer.get(..length).unwrap_or_default();
        let mut state = self.state();
        while !received.is_empty() {
            state.read_tls(&mut received)?;
            let processed = state.process_new_packets();
            // Answers of the handshake, or the alert that tells the client why it is refused.
            self.flush(&mut state)?;
            processed.map_err(io::Error::other)?;
        }
        Ok(length > 0)
    }

    fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let mut left = bytes;
        while !left.is_empty() {
            let written = state.writer().write(left)?;
            left = left.get(written..).unwrap_or_default();
            self.flush(&mut state)?;
        }
        Ok(())
    }

    fn flush(&self, state: &mut ServerConnection) -> io::Result<()> {
        let mut records = Vec::new();
        while state.wants_write() {
            state.write_tls(&mut records)?;
        }
        self.stream.write_all(&records)
    }

    fn close(&self) {
        let mut state = self.state();
        state.send_close_notify();
        let _ = self.flush(&mut state);
        self.stream.close();
    }
}
