//! The built-in steps against capabilities in memory: what they call, in which order, and what
//! they make of the answers. The policy is the one for runs without one of the operator's.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed assumption fails the test"
)]

mod build_push_ecr;
mod capabilities;
mod promote_image;
