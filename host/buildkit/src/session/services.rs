//! Which services a session offers, and who answers a request.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use bollard_buildkit_proto::health::health_server::{self, HealthServer};
use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_server::{self, SecretsServer};
use bollard_buildkit_proto::moby::filesync::packet::file_sync_server::{self, FileSyncServer};
use bollard_buildkit_proto::moby::filesync::v1::auth_server::{self, AuthServer};
use bollard_buildkit_proto::moby::filesync::v1::file_send_server::{self, FileSendServer};
use bollard_buildkit_proto::moby::sshforward::v1::ssh_server::{self, SshServer};
use http::{Request, Response};
use hyper::body::Incoming;
use tonic::body::Body;
use tower_service::Service;

use super::auth::Credentials;
use super::health::Serving;
use super::secrets::BuildSecrets;
use super::ssh::Agents;
use super::{CredentialSource, SecretSource};
use crate::content::{self, ContentServer, Store};
use crate::error::LocalFault;
use crate::export::ExportedFile;
use crate::file_sync::FileSync;

/// The services of one session.
#[derive(Clone)]
pub(crate) struct Services {
    health: HealthServer<Serving>,
    file_sync: FileSyncServer<FileSync>,
    auth: AuthServer<Credentials>,
    secrets: SecretsServer<BuildSecrets>,
    ssh: Option<SshServer<Agents>>,
    file_send: Option<FileSendServer<ExportedFile>>,
    content: Option<ContentServer>,
}

impl Services {
    /// Those that every build has.
    pub(crate) fn new(
        file_sync: FileSync,
        credentials: Arc<dyn CredentialSource>,
        secrets: Arc<dyn SecretSource>,
        fault: &LocalFault,
    ) -> Self {
        Self {
            health: HealthServer::new(Serving),
            file_sync: FileSyncServer::new(file_sync),
            auth: AuthServer::new(Credentials {
                source: credentials,
                fault: fault.clone(),
            }),
            secrets: SecretsServer::new(BuildSecrets {
                source: secrets,
                fault: fault.clone(),
            }),
            ssh: None,
            file_send: None,
            content: None,
        }
    }

    /// The same, and the ssh agents behind `sockets`, where there are any.
    #[must_use]
    pub(crate) fn with_ssh_agents(
        mut self,
        sockets: BTreeMap<String, PathBuf>,
        fault: &LocalFault,
    ) -> Self {
        if !sockets.is_empty() {
            self.ssh = Some(SshServer::new(Agents {
                sockets,
                fault: fault.clone(),
            }));
        }
        self
    }

    /// The same, and the file that an exporter writes, where there is one.
    #[must_use]
    pub(crate) fn with_exported_file(mut self, file: Option<ExportedFile>) -> Self {
        self.file_send = file.map(FileSendServer::new);
        self
    }

    /// The same, and the folders of local caches by their names, where there are any.
    #[must_use]
    pub(crate) fn with_local_caches(mut self, folders: Vec<(String, Store)>) -> Self {
        if !folders.is_empty() {
            self.content = Some(ContentServer::new(folders));
        }
        self
    }

    /// The methods as the daemon must be told of them: it asks only for what is announced.
    pub(crate) fn methods(&self) -> impl Iterator<Item = String> {
        let mut methods = vec![
            (health_server::SERVICE_NAME, "Check"),
            (file_sync_server::SERVICE_NAME, "DiffCopy"),
            (auth_server::SERVICE_NAME, "Credentials"),
            (auth_server::SERVICE_NAME, "FetchToken"),
            (auth_server::SERVICE_NAME, "GetTokenAuthority"),
            (auth_server::SERVICE_NAME, "VerifyTokenAuthority"),
            (secrets_server::SERVICE_NAME, "GetSecret"),
        ];
        if self.ssh.is_some() {
            methods.push((ssh_server::SERVICE_NAME, "CheckAgent"));
            methods.push((ssh_server::SERVICE_NAME, "ForwardAgent"));
        }
        if self.file_send.is_some() {
            methods.push((file_send_server::SERVICE_NAME, "DiffCopy"));
        }
        if self.content.is_some() {
            let content = content::METHODS.iter();
            methods.extend(content.map(|method| (content::SERVICE_NAME, *method)));
        }
        methods
            .into_iter()
            .map(|(service, method)| format!("/{service}/{method}"))
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl hyper::service::Service<Request<Incoming>> for Services {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn call(&self, request: Request<Incoming>) -> Answer {
        let service = request.uri().path().split('/').nth(1).unwrap_or_default();
        match service {
            file_sync_server::SERVICE_NAME => self.file_sync.clone().call(request),
            auth_server::SERVICE_NAME => self.auth.clone().call(request),
            secrets_server::SERVICE_NAME => self.secrets.clone().call(request),
            health_server::SERVICE_NAME => self.health.clone().call(request),
            ssh_server::SERVICE_NAME => match &self.ssh {
                Some(ssh) => ssh.clone().call(request),
                None => unknown(service),
            },
            file_send_server::SERVICE_NAME => match &self.file_send {
                Some(file_send) => file_send.clone().call(request),
                None => unknown(service),
            },
            content::SERVICE_NAME => match &self.content {
                Some(content) => content.clone().call(request),
                None => unknown(service),
            },
            service => unknown(service),
        }
    }
}

fn unknown(service: &str) -> Answer {
    let status = tonic::Status::unimplemented(format!("the session has no service {service}"));
    Box::pin(std::future::ready(Ok(status.into_http())))
}
