//! TLS to an engine: its authority and the client's certificate, from PEM files.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::address::TlsFiles;

/// What `files` say. The client's certificate may be absent, with its key.
///
/// # Errors
/// A file that is missing or malformed; the message names it.
pub(crate) fn configuration(files: &TlsFiles) -> io::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&files.authority())? {
        roots
            .add(certificate)
            .map_err(|error| of_file(&files.authority(), error))?;
    }
    // The provider is named because other libraries of a process may bring a second one, and then
    // there is no default.
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots);
    let configuration = if files.certificate().exists() {
        let key = PrivateKeyDer::from_pem_file(files.key())
            .map_err(|error| of_file(&files.key(), error))?;
        builder
            .with_client_auth_cert(certificates(&files.certificate())?, key)
            .map_err(|error| of_file(&files.certificate(), error))?
    } else {
        builder.with_no_client_auth()
    };
    Ok(Arc::new(configuration))
}

fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| of_file(path, error))
}

fn of_file(path: &Path, error: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("{}: {error}", path.display()))
}
