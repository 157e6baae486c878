//! The host: what an embedder builds once and runs steps with.

mod builder;
mod ending;
mod loading;
mod returned;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::audit::{AuditSink, RunAudit};
use crate::capability::ErrorKind;
use crate::component::engine::Ticker;
use crate::component::invoke;
use crate::component::state::{Capabilities, RunContext, RunState};
use crate::component::{CodeCache, Component, Description, Limits, Origin};
use crate::dry_run::{self, DryRun};
use crate::event::{EventKind, EventSink, LogLevel, NoEvents, Reporter, StepStatus};
use crate::outcome::Outcome;
use crate::policy::{
    AllowImports, Entitlement, Gate, NamedResources, Policy, PolicyMode, Principal, RunFacts,
    imported_calls, never_permitted,
};
use crate::run::{RunError, RunRequest};
use crate::secret::{Mask, Placeholders};
use crate::sharing::ComponentRegistry;

use self::ending::Ending;
use self::returned::valid_outcome;
pub use builder::{HostBuilder, HostError};

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
    component_registry: Option<ComponentRegistry>,
    capabilities: Capabilities,
    policy: Arc<dyn Policy>,
    mode: PolicyMode,
    allowed: Vec<Entitlement>,
    audit: Option<Arc<dyn AuditSink>>,
    limits: Limits,
    /// Of single components, by the names that the host vouches for.
    limits_of: HashMap<String, Limits>,
    allows_unpinned: bool,
    /// How many more components can be in memory.
    rooms: Arc<Semaphore>,
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
                    self.shared.policy.clone(),
                    principal(component, ""),
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
        let would_be_denied = request.would_be_denied.clone();
        let mut ending = Ending {
            reporter: &reporter,
            begin,
            would_be_denied: &would_be_denied,
            audit: None,
            reported: false,
        };
        let limits = request.tightened(self.limits_of(component));
        let wall_clock = limits.wall_clock;
        let capabilities = match &request.dry_run {
            Some(run) => dry_run::capabilities(&self.shared.capabilities, run),
            None => self.shared.capabilities.clone(),
        };
        let audit = self.shared.audit.clone();
        ending.audit = audit.map(|sink| RunAudit::new(sink, reporter.clone()));
        let audit = ending.audit.clone();
        let run = self.run_within(component, request, &reporter, capabilities, &limits, audit);
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
                outcome.would_be_denied = would_be_denied.load(Ordering::Relaxed);
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
        let error = result.as_ref().err().map(ToString::to_string);
        let head = ending.report(status, error)?;
        result.map(|outcome| Outcome {
            audit: head,
            ..outcome
        })
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
        let limits = Limits::for_validation(&request.tightened(self.limits_of(component)));
        let run = self.run_within(component, request, &reporter, capabilities, &limits, None);
        match tokio::time::timeout(limits.cpu_time, run).await {
            Ok(result) => result.map(drop),
            Err(_) => Ok(()),
        }
    }

    /// The limits of a component's runs. The names of components from elsewhere mean nothing.
    fn limits_of(&self, component: &Component) -> &Limits {
        let own = match component.origin() {
            Origin::BuiltIn | Origin::Pinned => self.shared.limits_of.get(component.name()),
            Origin::Elsewhere => None,
        };
        own.unwrap_or(&self.shared.limits)
    }

    /// What policies call the build engine, where the host has one.
    pub fn engine_name(&self) -> Option<String> {
        let engine = self.shared.capabilities.engine.as_ref();
        engine.map(|engine| engine.name().to_owned())
    }

    /// What policies are told of a component.
    ///
    /// # Errors
    /// As [`Host::describe`].
    pub async fn principal(&self, component: &Component) -> Result<Principal, RunError> {
        let description = self.describe(component).await?;
        Ok(principal(component, &description.version))
    }

    /// What the host can do.
    pub(crate) fn capabilities(&self) -> &Capabilities {
        &self.shared.capabilities
    }

    /// Where the calls of one run are decided.
    async fn gate(
        &self,
        component: &Component,
        request: &RunRequest,
        reporter: &Reporter,
        capabilities: &Capabilities,
        limits: &Limits,
        audit: Option<RunAudit>,
    ) -> Result<Gate, RunError> {
        let shared = &self.shared;
        let description = self.describe(component).await?;
        let schema = &description.settings_schema;
        let named = match component.origin() {
            Origin::BuiltIn | Origin::Pinned => {
                NamedResources::from_settings(schema, &request.settings)?
            }
            Origin::Elsewhere => NamedResources::without_defaults(schema, &request.settings)?,
        };
        let facts = RunFacts {
            step: reporter.step().clone(),
            pipeline: request.pipeline.clone(),
            branch: request.branch.clone(),
            engine: self.engine_name(),
            named,
            allowed: shared.allowed.iter().copied().collect(),
            ..RunFacts::default()
        };
        let principal = principal(component, &description.version);
        let mut policy = shared.policy.clone();
        if request.allows_imports {
            let calls = imported_calls(component.imports());
            let actions = calls
                .iter()
                .flat_map(|call| call.actions)
                .copied()
                .collect();
            policy = Arc::new(AllowImports::new(policy, actions));
        }
        // No policy is asked where nothing is done.
        if !request.exchanges.are_replayed() {
            tell_what_no_rule_permits(&*policy, &principal, component, reporter);
        }
        let mode = request.dry_run.as_ref().map_or(shared.mode, DryRun::mode);
        if let Some(audit) = &audit {
            audit.begin(&principal, mode, policy.digest())?;
        }
        Ok(Gate::new(policy, principal, reporter.clone())
            .of_run(facts.limited(limits))
            .limited(limits.calls)
            .in_mode(mode)
            .audited(audit)
            .dry(request.dry_run.is_some())
            .asking(capabilities.registry.clone())
            .recording(request.records.clone())
            .counting(request.would_be_denied.clone()))
    }

    async fn run_within(
        &self,
        component: &Component,
        request: RunRequest,
        reporter: &Reporter,
        capabilities: Capabilities,
        limits: &Limits,
        audit: Option<RunAudit>,
    ) -> Result<Outcome, RunError> {
        let shared = &self.shared;
        let settings = request.settings.to_string();
        if settings.len() > limits.settings {
            return Err(RunError::SettingsTooLarge {
                size: settings.len(),
                limit: limits.settings,
            });
        }
        let gate = self
            .gate(component, &request, reporter, &capabilities, limits, audit)
            .await?;
        // Making one on disk takes longer than all else that starts a run.
        let scratch = component.opens_folders().then(scratch_folder);
        let scratch = scratch.transpose().map_err(RunError::Sandbox)?;
        let context = RunContext::new(gate, capabilities, request.workspace, request.placeholders);
        let context = Arc::new(context.exchanging(request.exchanges));
        let folder = scratch.as_ref().map(tempfile::TempDir::path);
        let state = RunState::new(context.clone(), folder, limits).map_err(RunError::Sandbox)?;
        let _room = shared.rooms.acquire().await;
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

fn principal(component: &Component, version: &str) -> Principal {
    Principal {
        name: component.name().to_owned(),
        version: version.to_owned(),
        digest: component.digest().to_string(),
        origin: component.origin(),
    }
}

/// Says before the step begins what it could ask for in vain.
fn tell_what_no_rule_permits(
    policy: &dyn Policy,
    principal: &Principal,
    component: &Component,
    reporter: &Reporter,
) {
    let in_vain: Vec<String> = never_permitted(policy, principal, component.imports())
        .into_iter()
        .map(|call| call.function)
        .collect();
    if !in_vain.is_empty() {
        reporter.log(
            LogLevel::Warn,
            format!(
                "no rule permits the component {} what it imports; these calls will be denied: {}",
                principal.name,
                in_vain.join(", ")
            ),
        );
    }
}
