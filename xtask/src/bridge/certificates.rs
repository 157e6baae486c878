//! A certificate authority of one service, with a certificate for it and one for its clients.
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::error::{Doing, Error, Result};
use crate::process;

/// Keeps openssl from reading the machine's configuration.
const CONFIGURATION: &str = "[req]\ndistinguished_name = name\n[name]\n";

/// A folder with `ca.pem`, the client's `cert.pem` and `key.pem` (Docker's names for them), and the
/// service's `server-cert.pem` and `server-key.pem`.
pub(crate) struct Certificates {
    pub(super) folder: PathBuf,
}

impl Certificates {
    /// Makes the folder, for nobody else to read, and new certificates for 127.0.0.1 and localhost.
    pub(crate) fn make(folder: &Path) -> Result<Self> {
        fs::DirBuilder::new()
            .mode(0o700)
            .create(folder)
            .and_then(|()| fs::write(folder.join("openssl.cnf"), CONFIGURATION))
            .doing(|| format!("making {}", folder.display()))?;
        let certificates = Self::at(folder);
        certificates.request(
            "stepyard test authority",
            "ca-key.pem",
            "ca.pem",
            &[
                "-addext",
                "basicConstraints=critical,CA:TRUE",
                "-addext",
                "keyUsage=critical,keyCertSign",
            ],
        )?;
        let leaf = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-addext"];
        let service = [
            &leaf[..],
            &[
                "extendedKeyUsage=serverAuth",
                "-addext",
                "subjectAltName=IP:127.0.0.1,DNS:localhost",
            ],
        ];
        certificates.request(
            "localhost",
            "server-key.pem",
            "server-cert.pem",
            &service.concat(),
        )?;
        let client = [&leaf[..], &["extendedKeyUsage=clientAuth"]].concat();
        certificates.request("stepyard test client", "key.pem", "cert.pem", &client)?;
        Ok(certificates)
    }

    /// The certificates that are in the folder.
    pub(crate) fn at(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    fn request(&self, name: &str, key: &str, certificate: &str, more: &[&str]) -> Result<()> {
        process::output(
            Command::new("openssl")
                .current_dir(&self.folder)
                .args([
                    "req",
                    "-x509",
                    "-config",
                    "openssl.cnf",
                    "-nodes",
                    "-days",
                    "2",
                ])
                .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
                .args([
                    "-subj",
                    &format!("/CN={name}"),
                    "-keyout",
                    key,
                    "-out",
                    certificate,
                ])
                .args(more),
        )
        .map(|_| ())
    }

    /// For a service that speaks HTTP/2 and serves only who shows a certificate of the authority.
    pub(super) fn server_configuration(&self) -> Result<Arc<ServerConfig>> {
        let unusable = |error: &dyn std::fmt::Display| {
            Error::Unmet(format!("{}: {error}", self.folder.display()))
        };
        let mut authorities = RootCertStore::empty();
        for authority in self.read("ca.pem")? {
            authorities
                .add(authority)
                .map_err(|error| unusable(&error))?;
        }
        let verifier = WebPkiClientVerifier::builder(Arc::new(authorities))
            .build()
            .map_err(|error| unusable(&error))?;
        let key = PrivateKeyDer::from_pem_file(self.folder.join("server-key.pem"))
            .map_err(|error| unusable(&error))?;
        let mut configuration = ServerConfig::builder()
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.read("server-cert.pem")?, key)
            .map_err(|error| unusable(&error))?;
        // What gRPC is spoken over; some clients insist on hearing it.
        configuration.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Arc::new(configuration))
    }

    /// The certificates in one of the files.
    pub(super) fn read(&self, name: &str) -> Result<Vec<CertificateDer<'static>>> {
        let file = self.folder.join(name);
        CertificateDer::pem_file_iter(&file)
            .and_then(Iterator::collect)
            .map_err(|error| Error::Unmet(format!("{}: {error}", file.display())))
    }
}
