//! What the integration tests share.

pub mod expectation;
pub mod guests;
pub mod transcript;
