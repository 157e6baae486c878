//! What one run holds. The bindings of the capabilities are implemented for it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use stepyard_grammar::{Digest, ImageReference, Tag};
use tokio::sync::{OnceCell, Semaphore};
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::bindings::stepyard::step::types;
use super::event_budget::EventBudget;
use super::limits::{CountLimitReached, Limits, MemoryLimiter};
use super::standard_output::StandardOutput;
use crate::auth::{Authenticator, Credential};
use crate::build::{BuildEngine, BuildRules, PendingRecords, PushRecords};
use crate::capability::{CapabilityError, ErrorKind};
use crate::ecr::Ecr;
use crate::event::{EventKind, OutputSource, Reporter, cut, printable};
use crate::outcome::PushedImage;
use crate::policy::Gate;
use crate::recording::{Answered, Exchanges, ReplayedTime};
use crate::registry::{GetManifest, Registry};
use crate::secret::{Placeholders, SecretStores};
use crate::workspace::Workspace;

/// What does the work behind the gate. A capability that is absent is reported as unsupported.
#[derive(Clone, Default)]
pub(crate) struct Capabilities {
    pub(crate) authenticator: Option<Arc<dyn Authenticator>>,
    pub(crate) engine: Option<Arc<dyn BuildEngine>>,
    pub(crate) registry: Option<Arc<dyn Registry>>,
    pub(crate) ecr: Option<Arc<dyn Ecr>>,
    /// Which image was pushed for which build.
    pub(crate) push_records: Option<PushRecords>,
    /// Where the caches of builds are that are folders.
    pub(crate) build_cache_folder: Option<PathBuf>,
    /// Where the values of build secrets are.
    pub(crate) secrets: SecretStores,
    /// What builds may read and reach.
    pub(crate) build_rules: Arc<BuildRules>,
    /// How many more builds may run; none is without a limit.
    pub(crate) build_slots: Option<Arc<Semaphore>>,
}

/// A capability that this host does not have.
pub(crate) fn absent(capability: &str) -> CapabilityError {
    CapabilityError::unsupported(format!("this host has no {capability}"))
        .with_hint("configure one in stepyard.toml, or give one to the host's builder")
}

/// What the capabilities know of the run that calls them.
pub(crate) struct RunContext {
    pub(crate) gate: Gate,
    pub(crate) capabilities: Capabilities,
    pub(crate) workspace: Option<Workspace>,
    pub(crate) placeholders: Placeholders,
    /// Builds that are recorded when their image is pushed.
    pub(crate) pending_records: PendingRecords,
    /// Set once the engine has answered, and the policy has permitted to ask it.
    pub(crate) engine_answers: OnceCell<()>,
    /// What becomes of the calls.
    exchanges: Exchanges,
    images: Mutex<Vec<PushedImage>>,
}

impl RunContext {
    pub(crate) fn new(
        gate: Gate,
        capabilities: Capabilities,
        workspace: Option<Workspace>,
        placeholders: Placeholders,
    ) -> Self {
        Self {
            gate,
            capabilities,
            workspace,
            placeholders,
            pending_records: PendingRecords::default(),
            engine_answers: OnceCell::new(),
            exchanges: Exchanges::default(),
            images: Mutex::default(),
        }
    }

    /// The same, whose calls pass here.
    pub(crate) fn exchanging(mut self, exchanges: Exchanges) -> Self {
        self.exchanges = exchanges;
        self
    }

    /// Lets a call of the contract pass: it is made by `act`, and told to whoever watches, or answered
    /// from a recording.
    pub(crate) async fn exchange<T: Answered>(
        &self,
        function: &str,
        arguments: impl FnOnce() -> Value,
        act: impl Future<Output = Result<T, CapabilityError>>,
    ) -> Result<T, CapabilityError> {
        let mask = self.reporter().mask();
        self.exchanges.pass(mask, function, arguments, act).await
    }

    /// The time of a run that is replayed.
    pub(crate) fn replayed_time(&self) -> Option<&ReplayedTime> {
        self.exchanges.replayed_time()
    }

    /// Notes that a tag names a digest, as a recording says. What is not replayed has been noted
    /// where it was confirmed.
    pub(crate) fn note_replayed(&self, reference: &str, digest: &Digest) {
        if let (Exchanges::Replayed(_), Ok(reference)) =
            (&self.exchanges, ImageReference::parse(reference))
        {
            self.note_image(&reference, digest);
        }
    }

    /// Notes that a tag names a digest, which the registry has just confirmed.
    pub(crate) fn note_image(&self, reference: &ImageReference, digest: &Digest) {
        if let Some(tag) = reference.tag() {
            let mut images = self.images();
            let size = images
                .iter()
                .find(|image| image.digest == digest.as_str())
                .and_then(|image| image.size);
            images.retain(|image| !is_tag(image, reference, tag));
            images.push(PushedImage {
                registry: reference.registry().to_string(),
                repository: reference.repository().to_string(),
                tag: tag.to_string(),
                digest: digest.to_string(),
                size,
            });
        }
    }

    /// Notes an image that this run has put into a registry, and reports it with its size. The
    /// size is only for people to read, so not to get it is no failure.
    pub(crate) async fn note_pushed_image(
        &self,
        registry: &dyn Registry,
        reference: &ImageReference,
        credential: Credential,
        digest: &Digest,
    ) {
        self.note_image(reference, digest);
        if self
            .image(|image| image.digest == digest.as_str() && image.size.is_some())
            .is_none()
        {
            let call = GetManifest {
                reference: reference.clone().without_tag().with_digest(digest.clone()),
                credential,
            };
            let manifest = self
                .gate
                .pass(
                    call,
                    |call| async move { registry.get_manifest(call).await },
                )
                .await;
            let size = manifest.ok().and_then(|manifest| manifest.image_size());
            for image in self.images().iter_mut() {
                if image.digest == digest.as_str() {
                    image.size = size;
                }
            }
        }
        if let Some(tag) = reference.tag()
            && let Some(image) = self.image(|image| is_tag(image, reference, tag))
        {
            self.reporter().report(EventKind::ImagePushed(image));
        }
    }

    /// An image that a registry has confirmed during this run.
    pub(crate) fn image(&self, matches: impl Fn(&PushedImage) -> bool) -> Option<PushedImage> {
        self.images().iter().find(|image| matches(image)).cloned()
    }

    fn images(&self) -> MutexGuard<'_, Vec<PushedImage>> {
        self.images.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn reporter(&self) -> &Reporter {
        self.gate.reporter()
    }
}

fn is_tag(image: &PushedImage, reference: &ImageReference, tag: &Tag) -> bool {
    image.registry == reference.registry().as_str()
        && image.repository == reference.repository().as_str()
        && image.tag == tag.as_str()
}

/// What one run holds.
pub(crate) struct RunState {
    wasi: WasiCtx,
    pub(crate) table: ResourceTable,
    pub(crate) memory: MemoryLimiter,
    pub(crate) context: Arc<RunContext>,
    /// How many bytes the guest has noted by setters, and may note.
    noted: usize,
    most_noted: usize,
    /// How many bytes the guest may still log.
    pub(crate) loggable: usize,
    /// How many lines and phases the guest may still cause.
    pub(crate) events: EventBudget,
    pub(crate) stdout: StandardOutput,
    pub(crate) stderr: StandardOutput,
}

impl RunState {
    pub(crate) fn new(
        context: Arc<RunContext>,
        scratch: Option<&Path>,
        limits: &Limits,
    ) -> std::io::Result<Self> {
        let reporter = context.reporter().clone();
        let events = EventBudget::new(limits.events);
        let printed =
            |source| StandardOutput::new(reporter.clone(), source, limits.output, events.clone());
        let (stdout, stderr) = (printed(OutputSource::Stdout), printed(OutputSource::Stderr));
        let mut builder = WasiCtxBuilder::new();
        builder
            .stdout(stdout.clone())
            .stderr(stderr.clone())
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .max_random_size(1 << 20);
        context.exchanges.surround(&mut builder)?;
        if let Some(workspace) = &context.workspace {
            builder
                .preopened_dir(workspace.path(), "/workspace", FsPerms::ReadOnly)
                .map_err(std::io::Error::other)?;
        }
        if let Some(scratch) = scratch {
            builder
                .preopened_dir(scratch, "/scratch", FsPerms::ReadWrite)
                .map_err(std::io::Error::other)?;
        }
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.resources);
        Ok(Self {
            wasi: builder.build(),
            table,
            memory: MemoryLimiter::new(limits.memory),
            context,
            noted: 0,
            most_noted: limits.noted,
            events,
            loggable: limits.output,
            stdout,
            stderr,
        })
    }

    pub(crate) fn reporter(&self) -> &Reporter {
        self.context.reporter()
    }

    /// Counts `bytes` that a guest notes by a setter.
    pub(crate) fn note(&mut self, bytes: usize) -> wasmtime::Result<()> {
        // Each entry costs its own bookkeeping, however short its text is.
        self.noted = self.noted.saturating_add(bytes).saturating_add(64);
        if self.noted > self.most_noted {
            // Setters have no way to report an error, so the guest is stopped.
            return Err(wasmtime::Error::new(CountLimitReached {
                what: "notes too many bytes in its build requests and repository settings",
                limit: self.most_noted,
                key: "noted-bytes",
            }));
        }
        Ok(())
    }

    /// The credential behind a guest's handle.
    pub(crate) fn credential(&self, handle: &Resource<Credential>) -> wasmtime::Result<Credential> {
        Ok(self.table.get(handle)?.clone())
    }
}

impl WasiView for RunState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl types::Host for RunState {}

impl types::HostCredential for RunState {
    fn drop(&mut self, credential: Resource<Credential>) -> wasmtime::Result<()> {
        self.table.delete(credential)?;
        Ok(())
    }
}

/// What a guest reads of a failed call.
impl From<CapabilityError> for types::Error {
    fn from(error: CapabilityError) -> Self {
        Self {
            kind: match error.kind {
                ErrorKind::Denied => types::ErrorKind::Denied,
                ErrorKind::InvalidSettings => types::ErrorKind::InvalidSettings,
                ErrorKind::NotFound => types::ErrorKind::NotFound,
                ErrorKind::Unauthenticated => types::ErrorKind::Unauthenticated,
                ErrorKind::Forbidden => types::ErrorKind::Forbidden,
                ErrorKind::Conflict => types::ErrorKind::Conflict,
                ErrorKind::Throttled => types::ErrorKind::Throttled,
                ErrorKind::TimedOut => types::ErrorKind::TimedOut,
                ErrorKind::Cancelled => types::ErrorKind::Cancelled,
                ErrorKind::Unavailable => types::ErrorKind::Unavailable,
                ErrorKind::EngineFailure => types::ErrorKind::EngineFailure,
                ErrorKind::Unsupported => types::ErrorKind::Unsupported,
                ErrorKind::Other(kind) => types::ErrorKind::Other(kind),
            },
            message: error.message,
            hint: error.hint,
            retryable: error.retryable,
        }
    }
}

/// What a guest returns when its run fails.
impl From<types::Error> for CapabilityError {
    fn from(error: types::Error) -> Self {
        Self {
            kind: match error.kind {
                types::ErrorKind::Denied => ErrorKind::Denied,
                types::ErrorKind::InvalidSettings => ErrorKind::InvalidSettings,
                types::ErrorKind::NotFound => ErrorKind::NotFound,
                types::ErrorKind::Unauthenticated => ErrorKind::Unauthenticated,
                types::ErrorKind::Forbidden => ErrorKind::Forbidden,
                types::ErrorKind::Conflict => ErrorKind::Conflict,
                types::ErrorKind::Throttled => ErrorKind::Throttled,
                types::ErrorKind::TimedOut => ErrorKind::TimedOut,
                types::ErrorKind::Cancelled => ErrorKind::Cancelled,
                types::ErrorKind::Unavailable => ErrorKind::Unavailable,
                types::ErrorKind::EngineFailure => ErrorKind::EngineFailure,
                types::ErrorKind::Unsupported => ErrorKind::Unsupported,
                types::ErrorKind::Other(kind) => ErrorKind::Other(printable(&cut(kind))),
            },
            message: printable(&cut(error.message)),
            hint: error.hint.map(|hint| printable(&cut(hint))),
            retryable: error.retryable,
        }
    }
}
