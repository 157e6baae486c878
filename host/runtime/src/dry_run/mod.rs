//! A run in which nothing is changed: what reads acts, what writes answers as if it had been done,
//! and later reads of the same run agree with that. It knows no step.

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

/// The capabilities of a host for one dry run.
pub(crate) fn capabilities(capabilities: &Capabilities) -> Capabilities {
    let written = Written::default();
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
