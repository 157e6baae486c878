//! Run CI steps as sandboxed WebAssembly components.
//!
//! A step is a component that can only compute, read its workspace and log. Whatever it does to
//! the world it asks the host for: to build an image ([`build`]), to read and write registries
//! ([`registry`], [`ecr`]), to log in ([`auth`]). One place, [`policy`], decides on each call.

pub mod audit;
pub mod auth;
pub mod build;
mod capability;
pub mod component;
pub mod configuration;
pub mod connector;
pub mod doctor;
pub mod document;
mod dry_run;
pub mod ecr;
pub mod event;
pub mod expression;
mod host;
mod log;
mod outcome;
mod own_stack;
mod patience;
pub mod pipeline;
pub mod policy;
mod private_folder;
pub mod recording;
pub mod registry;
mod run;
pub mod secret;
pub mod sharing;
#[cfg(test)]
mod testing;
mod workspace;

pub use capability::{CapabilityError, ErrorKind};
pub use component::{Component, ComponentSource, Limits, Origin};
pub use dry_run::DryRun;
pub use host::{Host, HostBuilder, HostError};
pub use outcome::{Outcome, PushedImage};
pub use private_folder::PrivateFolderError;
pub use run::{RunError, RunRequest, StepFailure};
pub use workspace::Workspace;
