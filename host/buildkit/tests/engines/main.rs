//! Builds with real engines: Docker Engines of two versions, and what is reached as a BuildKit
//! daemon. `cargo xtask test` starts them.
#![allow(missing_docs, reason = "tests")]

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
