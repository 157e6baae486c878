//! A client of BuildKit, inside a Docker Engine or as a daemon of its own.
//!
//! One build is one session: the daemon asks for files, credentials and secrets at the
//! moment that it needs them, and only files that changed since the last build travel. Dropping the
//! future of a build ends the daemon's work.

mod error;
mod file_sync;
mod transfer;

pub use error::Error;
