//! BuildKit: as a daemon of its own, which is the engine `buildkit`, and inside a Docker Engine.
//!
//! | | |
//! | --- | --- |
//! | `daemon` | the engine `buildkit` |
//! | `builder`, `request` | a build, from the contract's request to the image |
//! | `source_rules` | what a build may read |
//! | `sources` | credentials and secrets, at the moment that BuildKit asks for them |
//! | `output`, `failure` | what it tells, for a person |

mod builder;
mod daemon;
mod failure;
mod output;
mod request;
mod source_rules;
mod sources;

pub(in crate::build) use builder::Builder;
pub use daemon::{BuildKitDaemon, BuildKitEngine};
