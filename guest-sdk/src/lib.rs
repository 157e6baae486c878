//! Write Stepyard steps in Rust.
//!
//! A step is a type: its fields are the settings, [`Step::run`] is what it does, and [`step!`]
//! makes a component of it.
//!
//! ```
//! use stepyard_sdk::prelude::*;
//!
//! /// Greets.
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(rename_all = "camelCase", deny_unknown_fields)]
//! struct Hello {
//!     /// Whom to greet.
//!     name: String,
//! }
//!
//! impl Step for Hello {
//!     const NAME: &str = "hello";
//!     const VERSION: &str = env!("CARGO_PKG_VERSION");
//!     const SUMMARY: &str = "Greets";
//!
//!     fn run(self) -> Result<Outcome, Error> {
//!         log::info!("Hello, {}!", self.name);
//!         Ok(Outcome::new().output("greeted", self.name))
//!     }
//! }
//!
//! stepyard_sdk::step!(Hello);
//! # fn main() {}
//! ```
//!
//! The crate is a `cdylib`, built with `cargo build --release --target wasm32-wasip2`. The
//! component imports the capabilities that the step calls and no others: `hello` imports `log`.
//!
//! | module | what it reaches |
//! | --- | --- |
//! | [`log`] | the person who watches the run |
//! | [`auth`] | credentials, by connector |
//! | [`build`] | the engine that builds images |
//! | [`registry`] | registries of images |
//! | [`ecr`] | what only Amazon ECR has |
//! | [`workspace`] | the files of the workspace |
//! | [`clock`] | time, and waiting |
//! | [`setting`] | no one: the forms that settings take in YAML, and their problems |
//! | [`grammar`] | the texts that host and step agree on: references, tags, quantities |
//!
//! `cargo test` runs a step natively: [`testing`] answers its calls.

pub mod auth;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../wit",
        world: "step",
        pub_export_macro: true,
        default_bindings_module: "stepyard_sdk::bindings",
        additional_derives: [PartialEq, Eq],
    });
}
#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
#[allow(missing_docs)]
#[path = "native/mod.rs"]
pub mod bindings;
pub mod build;
pub mod clock;
mod context;
pub mod ecr;
mod error;
pub mod log;
mod outcome;
pub mod prelude;
pub mod registry;
pub mod setting;
mod settings;
mod step;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
pub mod workspace;

pub use bindings::stepyard::step::types::{Credential, Descriptor};
pub use context::Context;
pub use error::{Error, ErrorKind};
pub use outcome::Outcome;
pub use step::Step;
#[doc(hidden)]
pub use step::{describe, run};

pub use schemars;
pub use serde;
pub use stepyard_grammar as grammar;
