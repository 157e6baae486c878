use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::*;

/// An engine that switches to HTTP/2 where `switches`, says `first`, and then repeats what it hears.
fn start_engine(folder: &Path, switches: bool) -> PathBuf {
    let socket = folder.join("engine.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = vec![0; REQUEST.len()];
            stream.read_exact(&mut request).unwrap();
            assert_eq!(request, REQUEST);
            if !switches {
                stream.write_all(b"HTTP/1.1 404 Not Found\r\n\r\n").unwrap();
                continue;
            }
            let answer =
                b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nfirst";
            stream.write_all(answer).unwrap();
            let mut bytes = [0; 1024];
            while let Ok(length @ 1..) = stream.read(&mut bytes) {
                stream.write_all(&bytes[..length]).unwrap();
            }
        }
    });
    socket
}

/// A bridge for one connection.
fn connect(tls: Option<Arc<ServerConfig>>, engine: PathBuf) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        pass_on(Peer::Tcp(client), tls, &engine)
    });
    TcpStream::connect(address).unwrap()
}

fn exchange(stream: &mut (impl Read + Write)) -> std::io::Result<String> {
    stream.write_all(b" heard")?;
    let mut answer = [0; 11];
    stream.read_exact(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[test]
fn bytes_pass_both_ways_after_the_upgrade() {
    let folder = tempfile::tempdir().unwrap();
    let mut client = connect(None, start_engine(folder.path(), true));
    assert_eq!(exchange(&mut client).unwrap(), "first heard");
}

#[test]
fn a_refused_upgrade_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let engine = start_engine(folder.path(), false);
    let engine = Peer::Unix(UnixStream::connect(engine).unwrap());
    assert_eq!(
        upgrade(&engine).unwrap_err().to_string(),
        "the engine did not switch to HTTP/2: HTTP/1.1 404 Not Found"
    );
}

#[test]
fn only_a_client_with_a_certificate_of_the_authority_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::make(&folder.path().join("own")).unwrap();
    let others = Certificates::make(&folder.path().join("others")).unwrap();
    let engine = start_engine(folder.path(), true);
    let call = |identity: Option<&Certificates>| {
        let mut authorities = RootCertStore::empty();
        authorities.add_parsable_certificates(certificates.read("ca.pem").unwrap());
        let builder = ClientConfig::builder().with_root_certificates(authorities);
        let configuration = match identity {
            Some(identity) => builder
                .with_client_auth_cert(
                    identity.read("cert.pem").unwrap(),
                    PrivateKeyDer::from_pem_file(identity.folder.join("key.pem")).unwrap(),
                )
                .unwrap(),
            None => builder.with_no_client_auth(),
        };
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let connection = ClientConnection::new(Arc::new(configuration), name).unwrap();
        let tls = certificates.server_configuration().unwrap();
        exchange(&mut StreamOwned::new(
            connection,
            connect(Some(tls), engine.clone()),
        ))
    };
    assert_eq!(call(Some(&certificates)).unwrap(), "first heard");
    assert!(call(None).is_err());
    assert!(call(Some(&others)).is_err());
}
