//! The `stepyard` command against real build engines and registries: moto with the distribution
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

mod audit;
mod base_images;
mod build_push;
mod build_rules;
mod build_secrets;
mod caches;
mod cancel;
mod command;
mod components;
mod doctor;
mod errors;
mod faults;
mod first_step;
mod identities;
mod nowhere;
mod policies;
mod projects;
mod replays;
mod reports;
mod repository;
mod scan_gate;
mod secrets;
mod sharing;
mod step_cases;
mod support;
mod tags;
mod unchanged;
