//! A client of BuildKit, inside a Docker Engine or as a daemon of its own.
//!
//! One build is one session: the daemon asks for files, credentials and secrets at the moment that
//! it needs them, and only files that changed since the last build travel. Dropping the future of a
//! build ends the daemon's work.

mod client;
mod connect;
mod content;
mod error;
mod export;
mod file_sync;
mod random;
mod session;
mod solve;
mod status;
mod transfer;

pub use client::{Client, DaemonInformation};
pub use connect::{Duplex, Endpoint, Stream, Transport};
pub use error::Error;
pub use session::{CredentialSource, RegistryCredential, SecretSource, Traffic};
pub use solve::{
    BuildProgress, BuildResult, CacheEntry, Compression, CompressionAlgorithm, Context,
    DockerfileBuild, DockerfileLocation, ImageDescriptor, NamedContext, Network, Output,
    Provenance, PushDestination, SourceRule,
};
pub use status::{Event, Failure, SourceExcerpt};
pub use transfer::{RateMeter, TransferProgress};

/// The examples of the README must compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
