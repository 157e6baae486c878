//! The targets, by what they read.

pub(crate) mod files;
pub(crate) mod text;
