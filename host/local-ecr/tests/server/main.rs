//! The server as any HTTP client sees it; nothing but a free port is needed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed assumption fails the test"
)]

mod client;
mod ecr_api;
mod manifests;
mod restart;
mod scans;
mod sdk;
mod sts;
mod tokens;
mod uploads;
