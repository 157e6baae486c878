//! Secrets stay in the host: no guest memory, event, error or trace holds one.

mod guest_memory;
mod leaks;
mod placeholders;
mod traces;
mod world;
