//! A build of a Dockerfile as a solve request (BuildKit, `frontend/dockerui`, "dockerfile.v0").

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use bollard_buildkit_proto::moby::buildkit::v1::{SolveRequest, SolveResponse};
use cap_std::fs::Dir;

use super::BuildProgress;
use super::cache::{self, CacheEntry};
use super::local_cache::{ExportedCaches, LocalCaches};
use super::output::{Compression, ImageOptions, Output};
use super::source_rules::{self, SourceRule};
use crate::error::{Error, LocalFault};
use crate::export::ExportedFile;
use crate::file_sync::{FileSync, SharedFolder};
use crate::session::{CredentialSource, SecretSource, Services};
use crate::status::Event;

/// The names by which the frontend asks for folders.
const CONTEXT: &str = "context";
const DOCKERFILE: &str = "dockerfile";

/// A folder whose files the daemon may ask for.
pub struct Context {
    /// The folder. Nothing outside of it is ever opened.
    pub directory: Dir,
    /// A name that stays the same for the same folder and differs for others, such as a digest of
    /// its path: the daemon compares the folder with what it received under this name before.
    pub shared_key: String,
}

/// Where the Dockerfile is.
pub struct DockerfileLocation {
    /// The folder that holds it, and a `.dockerignore` file of its own where there is one.
    pub directory: Dir,
    /// Its name there.
    pub file_name: String,
}

/// What `FROM`, `COPY --from` and `RUN --mount` mean by a name.
pub enum NamedContext {
    /// A folder.
    Directory(Dir),
    /// An image.
    Image(String),
}

/// The network of `RUN` instructions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// The daemon's default.
    #[default]
    Default,
    /// None but loopback.
    None,
    /// The daemon's host's.
    Host,
}

/// How much an attestation of provenance tells (SLSA, as BuildKit writes it).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// How and from what it was built, without build arguments.
    Minimal,
    /// All, the values of build arguments included.
    Maximal,
}

/// What to build, and what the daemon may ask this side for.
pub struct DockerfileBuild {
    /// What `COPY` and `ADD` see.
    pub context: Context,
    /// The Dockerfile; none is `Dockerfile` in the context.
    pub dockerfile: Option<DockerfileLocation>,
    /// The stage to build; none is the last one.
    pub target: Option<String>,
    /// Values of `ARG`s.
    pub build_arguments: Vec<(String, String)>,
    /// Labels of the image.
    pub labels: Vec<(String, String)>,
    /// Platforms such as `linux/arm64`; none is the daemon's own, several make an index.
    pub platforms: Vec<String>,
    /// The network of `RUN`.
    pub network: Network,
    /// Names and addresses that `RUN` sees in `/etc/hosts`.
    pub extra_hosts: Vec<(String, String)>,
    /// More sources for `FROM`, `COPY --from` and `RUN --mount`, by name.
    pub named_contexts: Vec<(String, NamedContext)>,
    /// Builds everything anew.
    pub no_cache: bool,
    /// Looks for newer base images even where one is at hand.
    pub pull: bool,
    /// Seconds since 1970 that stand in the image instead of the time of the build, so that the
    /// same input gives the same digest.
    pub source_date_epoch: Option<u64>,
    /// Caches to read. One that cannot be read is reported and the build goes on.
    pub cache_imports: Vec<CacheEntry>,
    /// Caches to write. Those that must not fail the build need `ignore-error=true`.
    pub cache_exports: Vec<CacheEntry>,
    /// Where the image goes.
    pub output: Output,
    /// How its layers are compressed; none is as they are, gzip for new ones.
    pub compression: Option<Compression>,
    /// Annotations of the manifest.
    pub annotations: Vec<(String, String)>,
    /// An attestation of how the image was made. It makes the image an index.
    pub provenance: Option<Provenance>,
    /// A list of the software in the image, by the scanner image that is named here, or by
    /// BuildKit's own for an empty name. It makes the image an index.
    pub software_bill_of_materials: Option<String>,
    /// Credentials for base images, caches and pushes.
    pub credentials: Arc<dyn CredentialSource>,
    /// Secrets for `RUN --mount=type=secret`.
    pub secrets: Arc<dyn SecretSource>,
    /// Which sources the build may read, whatever its Dockerfile names; none is all. The last rule
    /// that matches a source decides; a source that none matches may be read. Daemons before 0.11
    /// pass over them: see [`crate::DaemonInformation::is_recent`].
    pub source_rules: Vec<SourceRule>,
    /// Sockets of ssh agents for `RUN --mount=type=ssh`, by identifier (`default` for none).
    pub ssh_agents: BTreeMap<String, PathBuf>,
}

/// What is left to do when the daemon has finished.
pub(super) struct Finish {
    pub(super) session_name: String,
    pub(super) shared_key: String,
    /// What to say before the build.
    pub(super) warnings: Vec<Event>,
    exported_file: Option<ExportedFile>,
    exported_caches: ExportedCaches,
}

impl Finish {
    /// Puts what the daemon has written where it belongs.
    ///
    /// # Errors
    /// Where something is missing or cannot be written.
    pub(super) async fn complete(
        self,
        response: &SolveResponse,
        on_event: &mut (dyn FnMut(Event) + Send),
    ) -> Result<(), Error> {
        if let Some(file) = self.exported_file {
            file.finish().await?;
        }
        self.exported_caches
            .finish(&response.exporter_response, on_event)
    }
}

impl DockerfileBuild {
    /// A build of `Dockerfile` in the context for the daemon's own platform, without credentials
    /// and secrets.
    pub fn new(context: Context, output: Output) -> Self {
        Self {
            context,
            dockerfile: None,
            target: None,
            build_arguments: Vec::new(),
            labels: Vec::new(),
            platforms: Vec::new(),
            network: Network::Default,
            extra_hosts: Vec::new(),
            named_contexts: Vec::new(),
            no_cache: false,
            pull: false,
            source_date_epoch: None,
            cache_imports: Vec::new(),
            cache_exports: Vec::new(),
            output,
            compression: None,
            annotations: Vec::new(),
            provenance: None,
            software_bill_of_materials: None,
            credentials: Arc::new(()),
            secrets: Arc::new(()),
            source_rules: Vec::new(),
            ssh_agents: BTreeMap::new(),
        }
    }

    pub(super) fn into_parts(
        mut self,
        reference: &str,
        progress: &BuildProgress,
        fault: &LocalFault,
    ) -> Result<(SolveRequest, Services, Finish), Error> {
        let mut attributes = self.frontend_attributes();
        let mut caches = LocalCaches::open(&mut self.cache_imports, &mut self.cache_exports)?;
        let cache = cache::options(&self.cache_imports, &self.cache_exports, &mut attributes)?;
        let exporter = self.output.exporter(&ImageOptions {
            compression: self.compression,
            annotations: &self.annotations,
            source_date_epoch: self.source_date_epoch,
            attested: self.is_attested(),
        });
        let entitlements = match self.network {
            Network::Host => vec!["network.host".to_owned()],
            _ => Vec::new(),
        };

        let mut folders = Vec::new();
        let (dockerfile, file_name) = match self.dockerfile {
            Some(location) => (location.directory, location.file_name),
            None => (
                self.context.directory.try_clone().map_err(unreadable)?,
                "Dockerfile".to_owned(),
            ),
        };
        folders.push(SharedFolder {
            name: DOCKERFILE.to_owned(),
            directory: dockerfile,
            only: vec![file_name.clone(), format!("{file_name}.dockerignore")],
        });
        attributes.insert("filename".to_owned(), file_name);
        folders.push(SharedFolder {
            name: CONTEXT.to_owned(),
            directory: self.context.directory,
            only: Vec::new(),
        });
        for (index, (name, context)) in self.named_contexts.into_iter().enumerate() {
            let source = match context {
                NamedContext::Image(reference) => format!("docker-image://{reference}"),
                NamedContext::Directory(directory) => {
                    // A name of its own: the guest's could be that of another folder.
                    let local = format!("{CONTEXT}-{index}");
                    folders.push(SharedFolder {
                        name: local.clone(),
                        directory,
                        only: Vec::new(),
                    });
                    format!("local:{local}")
                }
            };
            attributes.insert(format!("context:{name}"), source);
        }
        let exported_file = match self.output {
            Output::OciArchive { path } => Some(ExportedFile::new(path, fault.clone())),
            _ => None,
        };
        let file_sync = FileSync::new(folders, progress.files.clone(), fault.clone());
        let services = Services::new(file_sync, self.credentials, self.secrets, fault)
            .with_ssh_agents(self.ssh_agents, fault)
            .with_exported_file(exported_file.clone())
            .with_local_caches(std::mem::take(&mut caches.folders));
        let request = SolveRequest {
            r#ref: reference.to_owned(),
            frontend: "dockerfile.v0".to_owned(),
            frontend_attrs: attributes,
            cache: Some(cache),
            entitlements,
            // Old daemons know only one exporter.
            exporter_deprecated: exporter
                .as_ref()
                .map(|exporter| exporter.r#type.clone())
                .unwrap_or_default(),
            exporter_attrs_deprecated: exporter
                .as_ref()
                .map(|exporter| exporter.attrs.clone())
                .unwrap_or_default(),
            exporters: exporter.into_iter().collect(),
            source_policy: source_rules::policy(&self.source_rules),
            // Saves the daemon the writing of a record that nobody reads.
            internal: true,
            ..SolveRequest::default()
        };
        let finish = Finish {
            session_name: CONTEXT.to_owned(),
            shared_key: self.context.shared_key,
            exported_file,
            exported_caches: caches.take_exports(),
            warnings: caches.warnings,
        };
        Ok((request, services, finish))
    }

    fn is_attested(&self) -> bool {
        self.provenance.is_some() || self.software_bill_of_materials.is_some()
    }

    fn frontend_attributes(&self) -> HashMap<String, String> {
        let mut attributes = HashMap::new();
        let mut set = |name: &str, value: String| attributes.insert(name.to_owned(), value);
        for (name, value) in &self.build_arguments {
            set(&format!("build-arg:{name}"), value.clone());
        }
        for (name, value) in &self.labels {
            set(&format!("label:{name}"), value.clone());
        }
        if let Some(target) = &self.target {
            set("target", target.clone());
        }
        if !self.platforms.is_empty() {
            set("platform", self.platforms.join(","));
        }
        match self.network {
            Network::Default => None,
            Network::None => set("force-network-mode", "none".to_owned()),
            Network::Host => set("force-network-mode", "host".to_owned()),
        };
        if !self.extra_hosts.is_empty() {
            let hosts: Vec<String> = self
                .extra_hosts
                .iter()
                .map(|(name, address)| format!("{name}={address}"))
                .collect();
            set("add-hosts", hosts.join(","));
        }
        if self.no_cache {
            // An empty list of stages means all.
            set("no-cache", String::new());
        }
        set(
            "image-resolve-mode",
            if self.pull { "pull" } else { "default" }.to_owned(),
        );
        if let Some(seconds) = self.source_date_epoch {
            set("build-arg:SOURCE_DATE_EPOCH", seconds.to_string());
        }
        match self.provenance {
            None => None,
            Some(Provenance::Minimal) => set("attest:provenance", "mode=min".to_owned()),
            Some(Provenance::Maximal) => set("attest:provenance", "mode=max".to_owned()),
        };
        if let Some(scanner) = &self.software_bill_of_materials {
            let generator = match scanner.as_str() {
                "" => String::new(),
                scanner => format!("generator={scanner}"),
            };
            set("attest:sbom", generator);
        }
        attributes
    }
}

fn unreadable(source: std::io::Error) -> Error {
    Error::LocalFile {
        what: "the folder of the Dockerfile cannot be opened".to_owned(),
        source,
    }
}
