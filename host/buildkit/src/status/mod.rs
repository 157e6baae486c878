//! What a build tells while it runs.

mod failure;
mod tracker;

use std::time::Duration;

pub use failure::{Failure, SourceExcerpt};
pub(crate) use tracker::Tracker;

/// One event of a build. A *vertex* is a node of its graph: an instruction of the Dockerfile, the
/// transfer of a folder, a push.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Work on a vertex begins, or its result is found in the cache.
    VertexStarted {
        /// Counts the vertices of the build from 1, in the order in which they begin.
        vertex: usize,
        /// What a person knows it by, such as `[builder 2/4] RUN make`.
        name: String,
    },
    /// The vertex has ended.
    VertexFinished {
        /// The number of the [`Event::VertexStarted`].
        vertex: usize,
        /// Its name.
        name: String,
        /// Whether nothing had to be done.
        cached: bool,
        /// How long it took, where the daemon says so.
        duration: Option<Duration>,
        /// Why it failed, where it did.
        error: Option<String>,
    },
    /// Output of a vertex, not necessarily whole lines.
    Output {
        /// The vertex.
        vertex: usize,
        /// Whether it was written to standard error.
        is_error: bool,
        /// What was written.
        data: Vec<u8>,
    },
    /// Progress of something that a vertex does, such as the transfer of one layer.
    Progress {
        /// The vertex.
        vertex: usize,
        /// What it is, unique within the vertex: for layers their digest.
        id: String,
        /// What happens to it, such as `downloading`; empty where `id` says it.
        action: String,
        /// How far it is, in bytes or in the unit of its own.
        current: u64,
        /// All of it, where known.
        total: Option<u64>,
        /// How much more it becomes a second lately, where it grows and is not done.
        rate: Option<u64>,
        /// Whether it is done.
        complete: bool,
    },
    /// Advice on the Dockerfile or the build.
    Warning {
        /// What is wrong, in a sentence.
        message: String,
        /// More about it.
        detail: Vec<String>,
        /// Where more is said.
        url: Option<String>,
        /// The place in the Dockerfile, where it is one.
        source: Option<SourceExcerpt>,
    },
}
