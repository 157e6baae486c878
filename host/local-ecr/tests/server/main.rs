//! The server as any HTTP client sees it; nothing but a free port is needed.

mod client;
mod ecr_api;
mod manifests;
mod restart;
mod sdk;
mod sts;
mod tokens;
mod uploads;
