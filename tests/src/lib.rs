//! What the integration tests share.

#![allow(clippy::panic, reason = "a failed assumption fails the test")]

pub mod expectation;
pub mod guests;
