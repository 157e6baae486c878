//! Builds with real engines: Docker Engines of two versions, and what is reached as a BuildKit
//! daemon. `cargo xtask test` starts them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed assumption fails the test"
)]

mod archive;
mod cache;
mod cancel;
mod changing_files;
mod context;
mod credentials;
mod dockerfile;
mod failures;
mod image_formats;
mod secrets;
mod ssh_agent;
mod support;
mod transports;
