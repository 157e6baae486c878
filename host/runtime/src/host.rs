//! The host: what an embedder builds once and runs steps with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker};

use crate::auth::Authenticator;
use crate::build::{BuildEngine, PushRecords};
use crate::capability::ErrorKind;
use crate::component::bindings::Step;
use crate::component::engine::{self, Ticker};
use crate::component::invoke;
use crate::component::state::{Capabilities, RunContext, RunState};
use crate::component::{CodeCache, Component, ComponentSource, Description, Limits, LoadError};
use crate::ecr::Ecr;
use crate::event::{EventKind, EventSink, NoEvents, Reporter, StepStatus};
use crate::outcome::Outcome;
use crate::policy::{BuiltInPolicy, Entitlement, Gate, NamedResources, Policy, Principal};
use crate::registry::Registry;
use crate::run::{RunError, RunRequest};
use crate::secret::{Mask, Placeholders, SecretStores};

/// A host that cannot be built.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum HostError {
    /// The Wasm engine does not start.
    #[error("the WebAssembly engine does not start: {0}")]
    Engine(String),
}

/// Runs steps. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Engine,
    linker: Linker<RunState>,
    ticker: Ticker,
    cache: Option<CodeCache>,
    capabilities: Capabilities,
    policy: Option<Arc<dyn Policy>>,
    allowed: Vec<Entitlement>,
    limits: Limits,
}

/// Builds a [`Host`]. What is not given is absent: a step that asks for it is told so.
#[derive(Default)]
pub struct HostBuilder {
    cache: Option<CodeCache>,
    capabilities: Capabilities,
    policy: Option<Arc<dyn Policy>>,
    allowed: Vec<Entitlement>,
    limits: Limits,
    configure_engine: Option<ConfigureEngine>,
}

type ConfigureEngine = Box<dyn FnOnce(&mut wasmtime::Config)>;

impl HostBuilder {
    /// Keeps compiled code in this cache.
    #[must_use]
    pub fn code_cache(mut self, cache: CodeCache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Logs in with this.
    #[must_use]
    pub fn authenticator(mut self, authenticator: impl Authenticator + 'static) -> Self {
        self.capabilities.authenticator = Some(Arc::new(authenticator));
        self
    }

    /// Builds with this engine.
    #[must_use]
    pub fn engine(mut self, engine: impl BuildEngine + 'static) -> Self {
        self.capabilities.engine = Some(Arc::new(engine));
        self
    }

    /// Reads and writes registries with this.
    #[must_use]
    pub fn registry(mut self, registry: impl Registry + 'static) -> Self {
        self.capabilities.registry = Some(Arc::new(registry));
        self
    }

    /// Talks to Amazon ECR with this.
    #[must_use]
    pub fn ecr(mut self, ecr: impl Ecr + 'static) -> Self {
        self.capabilities.ecr = Some(Arc::new(ecr));
        self
    }

    /// Records what was pushed, so that a build can be skipped where nothing has changed since.
    /// Without it none is.
    #[must_use]
    pub fn push_records(mut self, records: PushRecords) -> Self {
        self.capabilities.push_records = Some(records);
        self
    }

    /// Decides with this policy. Without one, a built-in step may touch what its settings name,
    /// and a component from elsewhere may only log.
    #[must_use]
    pub fn policy(mut self, policy: impl Policy + 'static) -> Self {
        self.policy = Some(Arc::new(policy));
        self
    }

    /// Lets the settings of built-in steps name these rights over the machine, where no policy is
    /// given.
    #[must_use]
    pub fn allow(mut self, entitlements: impl IntoIterator<Item = Entitlement>) -> Self {
        self.allowed.extend(entitlements);
        self
    }

    /// Takes the values of build secrets from these stores, in this order. Every secret that they
    /// supply, to this host or to others who hold a clone of them, is left out of whatever this
    /// host shows: give the authenticator the same.
    #[must_use]
    pub fn secret_stores(mut self, stores: SecretStores) -> Self {
        self.capabilities.secrets = stores;
        self
    }

    /// Keeps the caches of builds that are folders (`type=local`) within this one. Without it a
    /// build that asks for one is refused. Nobody but this host and its engines may write there:
    /// builds take layers from it.
    #[must_use]
    pub fn build_cache_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.capabilities.build_cache_folder = Some(folder.into());
        self
    }

    /// Limits every run. A run can tighten them.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Changes the Wasm engine's settings before it starts, such as how it gets its memory.
    #[must_use]
    pub fn configure_engine(
        mut self,
        configure: impl FnOnce(&mut wasmtime::Config) + 'static,
    ) -> Self {
        self.configure_engine = Some(Box::new(configure));
        self
    }

    /// Builds the host.
    ///
    /// # Errors
    /// Where the Wasm engine does not start.
    pub fn build(self) -> Result<Host, HostError> {
        let failed = |error: wasmtime::Error| HostError::Engine(format!("{error:#}"));
        let mut config = engine::config();
        if let Some(configure) = self.configure_engine {
            configure(&mut config);
        }
        let engine = Engine::new(&config).map_err(failed)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).map_err(failed)?;
        Step::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state).map_err(failed)?;
        let ticker =
            Ticker::start(&engine).map_err(|error| HostError::Engine(error.to_string()))?;
        Ok(Host {
            shared: Arc::new(Shared {
                engine,
                linker,
                ticker,
                cache: self.cache,
                capabilities: self.capabilities,
                policy: self.policy,
                allowed: self.allowed,
                limits: self.limits,
            }),
        })
    }
}

impl Host {
    /// Begins a host.
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }

    /// The names of the steps that are part of this program.
    pub fn built_in_steps() -> impl Iterator<Item = &'static str> {
        crate::component::built_in_names()
    }

    /// The secrets that are left out of whatever the runs of this host show. An embedder notes here
    /// what it keeps secret itself.
    pub fn mask(&self) -> &Mask {
        self.shared.capabilities.secrets.mask()
    }

    /// A reporter of this host's, for what happens to a step outside of its run.
    pub fn reporter(&self, sink: Arc<dyn EventSink>, step: impl Into<Arc<str>>) -> Reporter {
        Reporter::new(sink, step).masking(self.mask().clone())
    }

    /// Loads a component. Compiling one that is not in the code cache takes from 0.1 s to some
    /// seconds of CPU time and is done on a thread of its own.
    ///
    /// # Errors
    /// As [`LoadError`] lists.
    pub async fn load(&self, source: ComponentSource) -> Result<Component, LoadError> {
        let host = self.clone();
        let loaded = tokio::task::spawn_blocking(move || {
            let shared = &host.shared;
            crate::component::load(
                &shared.engine,
                &shared.linker,
                shared.cache.as_ref(),
                source,
            )
        });
        loaded.await.unwrap_or_else(|error| {
            Err(LoadError::NotAComponent {
                name: "the component".to_owned(),
                problem: format!("compiling it failed: {error}"),
                help: "report this as a fault of Stepyard".to_owned(),
            })
        })
    }

    /// What a component says that it is. It is asked once, in a sandbox without capabilities.
    ///
    /// # Errors
    /// Where the component fails to say it.
    pub async fn describe<'a>(
        &self,
        component: &'a Component,
    ) -> Result<&'a Description, RunError> {
        component
            .description_cell()
            .get_or_try_init(async || {
                let limits = Limits::for_description();
                let reporter = Reporter::new(Arc::new(NoEvents), component.name());
                let gate = Gate::new(
                    Arc::new(BuiltInPolicy::new(NamedResources::default())),
                    principal(component),
                    reporter,
                );
                let context = Arc::new(RunContext::new(
                    gate,
                    Capabilities::default(),
                    None,
                    Placeholders::default(),
                ));
                let state = RunState::new(context, None, &limits).map_err(RunError::Sandbox)?;
                let shared = &self.shared;
                invoke::describe(&shared.engine, &shared.ticker, component, state, &limits)
                    .await
                    .map_err(RunError::Guest)
            })
            .await
    }

    /// Runs a step to its end. Dropping the future stops the step and the work behind it.
    ///
    /// # Errors
    /// As [`RunError`] lists. The same is in the last event.
    pub async fn run(
        &self,
        component: &Component,
        request: RunRequest,
    ) -> Result<Outcome, RunError> {
        let begin = Instant::now();
        let reporter = self.reporter(request.sink.clone(), request.step.clone());
        reporter.report(EventKind::StepStarted {
            component: component.name().to_owned(),
            digest: component.digest().to_string(),
        });
        let mut ending = Ending {
            reporter: &reporter,
            begin,
            reported: false,
        };
        let wall_clock = request.wall_clock(self.shared.limits.wall_clock);
        let limits = request.tightened(&self.shared.limits);
        let capabilities = self.shared.capabilities.clone();
        let run = self.run_within(component, request, &reporter, capabilities, &limits);
        let result = match wall_clock {
            Some(limit) => tokio::time::timeout(limit, run)
                .await
                .unwrap_or(Err(RunError::TimedOut { limit })),
            None => run.await,
        };
        let result = match result {
            Ok(mut outcome) => {
                outcome.apply(self.mask());
                outcome.duration = begin.elapsed();
                Ok(outcome)
            }
            Err(mut error) => {
                error.apply(self.mask());
                Err(error)
            }
        };
        let status = match &result {
            Ok(_) => StepStatus::Succeeded,
            Err(error) => error.status(),
        };
        ending.report(status, result.as_ref().err().map(ToString::to_string));
        result
    }

    /// Lets a step look at its settings without being able to act: it has no capability and
    /// little CPU time, and its events go nowhere.
    ///
    /// # Errors
    /// As [`Host::run`] where the step refuses its settings
    /// ([`ErrorKind::InvalidSettings`]) or does not return; what it reports once it finds that it
    /// cannot act is no error.
    pub async fn validate(
        &self,
        component: &Component,
        request: RunRequest,
    ) -> Result<(), RunError> {
        match self
            .try_out(component, request, Capabilities::default())
            .await
        {
            Err(RunError::Step(failure)) if failure.0.kind != ErrorKind::InvalidSettings => Ok(()),
            result => result,
        }
    }

    /// Runs a step for a short time with capabilities that do nothing. A step that then still
    /// waits or computes is no failure.
    ///
    /// # Errors
    /// As [`Host::run`].
    pub(crate) async fn try_out(
        &self,
        component: &Component,
        request: RunRequest,
        capabilities: Capabilities,
    ) -> Result<(), RunError> {
        let reporter = Reporter::new(Arc::new(NoEvents), request.step.clone());
        let limits = Limits::for_validation(&request.tightened(&self.shared.limits));
        let run = self.run_within(component, request, &reporter, capabilities, &limits);
        match tokio::time::timeout(limits.cpu_time, run).await {
            Ok(result) => result.map(drop),
            Err(_) => Ok(()),
        }
    }

    /// What the host can do.
    pub(crate) fn capabilities(&self) -> &Capabilities {
        &self.shared.capabilities
    }

    async fn run_within(
        &self,
        component: &Component,
        request: RunRequest,
        reporter: &Reporter,
        capabilities: Capabilities,
        limits: &Limits,
    ) -> Result<Outcome, RunError> {
        let shared = &self.shared;
        let settings = request.settings.to_string();
        if settings.len() > limits.settings {
            return Err(RunError::SettingsTooLarge {
                size: settings.len(),
                limit: limits.settings,
            });
        }
        let policy = match &shared.policy {
            Some(policy) => policy.clone(),
            None => {
                let schema = &self.describe(component).await?.settings_schema;
                let named = NamedResources::from_settings(schema, &request.settings)?;
                let allowed = shared.allowed.iter().copied();
                Arc::new(BuiltInPolicy::new(named).allowing(allowed))
            }
        };
        let gate = Gate::new(policy, principal(component), reporter.clone());
        // Making one on disk takes longer than all else that starts a run.
        let scratch = component.opens_folders().then(scratch_folder);
        let scratch = scratch.transpose().map_err(RunError::Sandbox)?;
        let context = Arc::new(RunContext::new(
            gate,
            capabilities,
            request.workspace,
            request.placeholders,
        ));
        let folder = scratch.as_ref().map(tempfile::TempDir::path);
        let state = RunState::new(context.clone(), folder, limits).map_err(RunError::Sandbox)?;
        let returned = invoke::run(
            &shared.engine,
            &shared.ticker,
            component,
            state,
            limits,
            &settings,
        )
        .await??;
        let outcome = valid_outcome(returned, &context)?;
        Ok(outcome)
    }
}

/// An empty folder for one run, which other users of the machine cannot look into.
fn scratch_folder() -> std::io::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("stepyard-scratch-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir()
}

fn principal(component: &Component) -> Principal {
    Principal {
        name: component.name().to_owned(),
        digest: component.digest().to_string(),
        origin: component.origin(),
    }
}

/// Checks what a guest returned: it ends in files that other programs read line by line.
fn valid_outcome(
    returned: crate::component::bindings::Outcome,
    context: &RunContext,
) -> Result<Outcome, RunError> {
    let fault = |what: &str, text: &str| RunError::FaultyOutcome {
        problem: format!("{what} {text:?}"),
    };
    let mut outcome = Outcome::default();
    for output in returned.outputs {
        let mut characters = output.name.chars();
        let begins_well = characters
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
        if !begins_well || !characters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(fault("an output is called", &output.name));
        }
        if output.value.contains(['\n', '\r', '\0']) {
            return Err(fault(
                "an output has a value of several lines:",
                &output.name,
            ));
        }
        outcome.outputs.push((output.name, output.value));
    }
    for image in returned.images {
        let text = format!(
            "{}/{}:{}@{}",
            image.registry, image.repository, image.tag, image.digest
        );
        let confirmed = context.image(|confirmed| {
            confirmed.registry == image.registry
                && confirmed.repository == image.repository
                && confirmed.tag == image.tag
                && confirmed.digest == image.digest
        });
        // Others trust what ends in the artifact file, so a claim is not enough.
        let Some(confirmed) = confirmed else {
            return Err(fault(
                "no registry confirmed during this run the image",
                &text,
            ));
        };
        outcome.images.push(confirmed);
    }
    Ok(outcome)
}

/// Reports the end of a step, also where its future is dropped before.
struct Ending<'a> {
    reporter: &'a Reporter,
    begin: Instant,
    reported: bool,
}

impl Ending<'_> {
    fn report(&mut self, status: StepStatus, error: Option<String>) {
        self.reported = true;
        self.reporter.report(EventKind::StepFinished {
            status,
            milliseconds: u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX),
            error,
        });
    }
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if !self.reported {
            self.report(StepStatus::Interrupted, Some("interrupted".to_owned()));
        }
    }
}
