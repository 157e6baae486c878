//! Networks, by WASI.

use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

use crate::{Got, Settings, failed};

pub(crate) fn attack(name: &str, settings: &Settings) -> Option<Got> {
    let address = settings.text("address");
    Some(match name {
        "connect" => TcpStream::connect(address)
            .map(|_| "connected".to_owned())
            .map_err(failed),
        "listen" => TcpListener::bind(address)
            .map(|_| "listening".to_owned())
            .map_err(failed),
        "send-datagram" => UdpSocket::bind("127.0.0.1:0")
            .and_then(|socket| socket.send_to(b"hello", address))
            .map(|sent| format!("{sent} bytes"))
            .map_err(failed),
        "resolve-name" => address
            .to_socket_addrs()
            .map(|addresses| format!("{} addresses", addresses.count()))
            .map_err(failed),
        _ => return None,
    })
}
