//! BuildKit: as a daemon of its own, which is the engine `buildkit`, and inside a Docker Engine.
//!
//! | | |
//! | --- | --- |
//! | `daemon` | the engine `buildkit` |
//! | `builder`, `request` | a build, from the contract's request to the image |
//! | `sources` | credentials and secrets, at the moment that BuildKit asks for them |
//! | `output`, `failure` | what it tells, for a person |

mod builder;
mod daemon;
mod failure;
mod output;
mod request;
mod sources;

pub(in crate::build) use builder::Builder;
pub use daemon::{BuildKitDaemon, BuildKitEngine};
