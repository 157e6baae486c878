//! An Amazon ECR in one process, for developing and testing against ECR without AWS.
//!
//! One port serves the ECR API (AWS JSON 1.1), the calls of STS that lead to it, and the OCI
//! distribution API under `/v2/` with ECR's own behaviour: authorization tokens that expire,
//! immutable tags, repositories that must exist, throttling, and its quirks in uploads. The
//! state is kept in a folder and survives a restart.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use stepyard_local_ecr::LocalEcr;
//!
//! let server = LocalEcr::builder("/tmp/ecr").bind("127.0.0.1:5000".parse()?).await?;
//! for (name, value) in server.environment() {
//!     println!("export {name}={value}");
//! }
//! # server.shutdown().await;
//! # Ok(())
//! # }
//! ```
//! With these variables set, `aws ecr create-repository --repository-name app` works, and
//! `aws ecr get-login-password | docker login --username AWS --password-stdin 127.0.0.1:5000`
//! lets Docker push to `127.0.0.1:5000/app`.
//!
//! Where it differs from AWS:
//! - Without configured access keys every signed request is accepted and no signature is
//!   verified. With them (see [`Builder::access_key`]) Signature Version 4 is verified in full.
//! - Policies are stored and given back, but not evaluated; use [`Builder::deny`].
//! - Lifecycle policies delete nothing, scans find what they are told ([`Builder::findings`]) and end
//!   at once, and replicas are only said to be there ([`Builder::replicate`]).
//! - A blob is answered directly, not by a redirect to S3.
//! - It speaks plain HTTP: bind it to a loopback address.

mod authentication;
mod builder;
mod ecr_api;
mod findings;
mod names;
mod registry_api;
mod replication;
mod restrictions;
mod server;
mod service;
mod storage;
mod sts;

pub use authentication::AccessKey;
pub use builder::{Builder, LocalEcr, StartError};
pub use findings::{Findings, FindingsError};
pub use replication::Replica;
pub use server::Server;
