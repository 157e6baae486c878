//! The contract in a native program: what `wit-bindgen` makes for WebAssembly, with the same names
//! and types, where a script answers each call instead of a host.

pub mod auth;
pub mod build;
pub mod ecr;
pub mod log;
pub mod registry;
pub(crate) mod script;
pub mod types;

/// The contract's interfaces, by the names that they have in the bindings.
pub mod stepyard {
    /// The package.
    pub mod step {
        pub use super::super::{auth, build, ecr, log, registry, types};
    }
}

/// What a step is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    pub name: String,
    pub version: String,
    pub summary: String,
    pub settings_schema: String,
}

/// A value for later steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    pub name: String,
    pub value: String,
}

/// An image that the step has put into a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedImage {
    pub registry: String,
    pub repository: String,
    pub tag: String,
    pub digest: String,
}

/// What a run that succeeded leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub outputs: Vec<Output>,
    pub images: Vec<PushedImage>,
}
