//! Secrets stay in the host: no guest memory, event, error or trace holds one.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed assumption fails the test"
)]

mod guest_memory;
mod leaks;
mod placeholders;
mod traces;
mod world;
