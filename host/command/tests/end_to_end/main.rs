//! The `stepyard` command against a real Docker Engine and registries: moto with the distribution
//! project's registry, which nobody here wrote, and `stepyard local-ecr`. `cargo xtask test` starts
//! the services.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a failed assumption fails the test"
)]

mod build_push;
mod cancel;
mod command;
mod errors;
mod identities;
mod nowhere;
mod secrets;
mod support;
mod unchanged;
