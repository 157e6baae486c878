//! Tries to reach the network.

use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

use stepyard_sdk::prelude::*;

#[settings]
struct OpensSocket {}

impl Step for OpensSocket {
    const NAME: &str = "opens-socket";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "Tries to reach the network";

    fn run(self) -> Result<Outcome, Error> {
        let attempts: [(&str, fn() -> std::io::Result<()>); 4] = [
            ("connect", || TcpStream::connect("127.0.0.1:80").map(drop)),
            ("listen", || TcpListener::bind("127.0.0.1:0").map(drop)),
            ("datagram", || UdpSocket::bind("127.0.0.1:0").map(drop)),
            ("resolve", || "localhost:80".to_socket_addrs().map(drop)),
        ];
        let mut outcome = Outcome::new();
        for (name, attempt) in attempts {
            let result = match attempt() {
                Ok(()) => "done".to_owned(),
                Err(error) => error.to_string(),
            };
            outcome = outcome.output(name, result);
        }
        Ok(outcome)
    }
}

stepyard_sdk::step!(OpensSocket);
