//! Runs in which nothing is changed: what reads acts, what writes answers as if it had been done,
//! and later reads agree with that. It knows no step.

mod ecr;
mod engine;
mod registry;
mod written;

use std::sync::Arc;

use self::ecr::DryEcr;
use self::engine::DryEngine;
use self::registry::DryRegistry;
use self::written::Written;
use crate::component::state::Capabilities;
use crate::policy::PolicyMode;

/// Steps that are run without changing anything ([`crate::RunRequest::dry_run`]). Those that are
/// given clones of it see what the others would have written. Cheap to clone.
#[derive(Clone)]
pub struct DryRun {
    mode: PolicyMode,
    written: Written,
}

impl DryRun {
    /// One in which nothing has been written, and denials are treated as `mode` says: observed,
    /// all that a step asks for can be seen.
    pub fn new(mode: PolicyMode) -> Self {
        Self {
            mode,
            written: Written::default(),
        }
    }

    /// What becomes of denials.
    pub(crate) fn mode(&self) -> PolicyMode {
        self.mode
    }
}

/// The capabilities of a host for one step of a dry run.
pub(crate) fn capabilities(capabilities: &Capabilities, run: &DryRun) -> Capabilities {
    let written = run.written.clone();
    Capabilities {
        engine: capabilities.engine.clone().map(|engine| {
            Arc::new(DryEngine {
                engine,
                written: written.clone(),
            }) as _
        }),
        registry: capabilities.registry.clone().map(|registry| {
            Arc::new(DryRegistry {
                registry,
                written: written.clone(),
            }) as _
        }),
        ecr: capabilities
            .ecr
            .clone()
            .map(|ecr| Arc::new(DryEcr { ecr, written }) as _),
        // They would be written.
        push_records: None,
        ..capabilities.clone()
    }
}
