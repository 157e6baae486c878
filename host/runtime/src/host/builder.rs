//! How a host is put together.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker};

use super::{Host, Shared};
use crate::audit::AuditSink;
use crate::auth::Authenticator;
use crate::build::{BuildEngine, BuildRules, PushRecords};
use crate::component::bindings::Step;
use crate::component::engine::{self, Ticker};
use crate::component::state::Capabilities;
use crate::component::{CodeCache, Limits, open_files, waiting};
use crate::ecr::Ecr;
use crate::policy::{CedarPolicy, Entitlement, Policy, PolicyError, PolicyMode};
use crate::registry::Registry;
use crate::secret::SecretStores;
use crate::sharing::ComponentRegistry;

/// A host that cannot be built.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum HostError {
    /// The Wasm engine does not start.
    #[error("the WebAssembly engine does not start: {0}")]
    Engine(String),
    /// The policy does not hold.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Policy(#[from] PolicyError),
}

/// Builds a [`Host`]. What is not given is absent: a step that asks for it is told so.
#[derive(Default)]
pub struct HostBuilder {
    cache: Option<CodeCache>,
    component_registry: Option<ComponentRegistry>,
    capabilities: Capabilities,
    policy: Option<Arc<dyn Policy>>,
    mode: PolicyMode,
    allowed: Vec<Entitlement>,
    audit: Option<Arc<dyn AuditSink>>,
    limits: Limits,
    limits_of: HashMap<String, Limits>,
    refuses_unpinned: bool,
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

    /// Fetches components that are in registries from there
    /// ([`crate::ComponentSource::registry`]).
    #[must_use]
    pub fn component_registry(mut self, registry: ComponentRegistry) -> Self {
        self.component_registry = Some(registry);
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

    /// Holds every build to these rules.
    #[must_use]
    pub fn build_rules(mut self, rules: BuildRules) -> Self {
        self.capabilities.build_rules = rules.shared();
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

    /// Decides with this policy, such as a [`crate::policy::CedarPolicy`]. Without one, a built-in
    /// step may touch what its settings name, and any other component may only log.
    #[must_use]
    pub fn policy(mut self, policy: impl Policy + 'static) -> Self {
        self.policy = Some(Arc::new(policy));
        self
    }

    /// What becomes of a denial; without it, the call is refused.
    #[must_use]
    pub fn policy_mode(mut self, mode: PolicyMode) -> Self {
        self.mode = mode;
        self
    }

    /// Records each call here before it is made, and its outcome after it.
    #[must_use]
    pub fn audit(mut self, sink: impl AuditSink + 'static) -> Self {
        self.audit = Some(Arc::new(sink));
        self
    }

    /// Lets the settings of built-in steps name these rights over the machine.
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

    /// Limits the runs of the built-in or pinned component of this name, in place of the limits of
    /// every run.
    #[must_use]
    pub fn limits_of(mut self, component: impl Into<String>, limits: Limits) -> Self {
        self.limits_of.insert(component.into(), limits);
        self
    }

    /// Loads only components that are built in or pinned ([`crate::ComponentSource::pinned`]).
    #[must_use]
    pub fn refuse_unpinned(mut self) -> Self {
        self.refuses_unpinned = true;
        self
    }

    /// Makes at most so many builds at the same time; further ones wait, which is told. Without it
    /// the engine alone limits them.
    #[must_use]
    pub fn concurrent_builds(mut self, most: usize) -> Self {
        self.capabilities.build_slots = Some(Arc::new(Semaphore::new(most)));
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
        open_files::add_to_linker(&mut linker).map_err(failed)?;
        waiting::add_to_linker(&mut linker).map_err(failed)?;
        Step::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state).map_err(failed)?;
        let ticker =
            Ticker::start(&engine).map_err(|error| HostError::Engine(error.to_string()))?;
        let policy = match self.policy {
            Some(policy) => policy,
            None => Arc::new(CedarPolicy::built_in()?),
        };
        Ok(Host {
            shared: Arc::new(Shared {
                engine,
                linker,
                ticker,
                cache: self.cache,
                component_registry: self.component_registry,
                capabilities: self.capabilities,
                policy,
                mode: self.mode,
                allowed: self.allowed,
                audit: self.audit,
                limits: self.limits,
                limits_of: self.limits_of,
                allows_unpinned: !self.refuses_unpinned,
                rooms: Arc::new(Semaphore::new(engine::MOST_INSTANCES as usize)),
            }),
        })
    }
}
