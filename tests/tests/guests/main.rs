//! What a user sees of steps that fail, misbehave or are no steps, and of compiled code on disk.
//! The fixtures are the packages of `tests/guests`.

mod code_cache;
mod fixtures;
mod loading;
mod validating;
