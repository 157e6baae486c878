//! What the tests share: the services, a project folder to run the command in, and what a run left.

pub(crate) mod aws;
pub(crate) mod backend;
pub(crate) mod engine;
pub(crate) mod http;
pub(crate) mod process;
pub(crate) mod project;
pub(crate) mod run;

/// The variable by which a service is found.
pub(crate) fn service(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run the tests with `cargo xtask test`"))
}

/// The account of both backends.
pub(crate) const ACCOUNT: &str = "123456789012";
/// The region of both backends.
pub(crate) const REGION: &str = "us-east-1";
/// The registry's name in settings and outputs.
pub(crate) const REGISTRY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
