//! What a step asks its host for and what it is answered, call by call: to look at, to keep, and to
//! answer another run with.
//!
//! An exchange is a call of the contract, as the component makes it: the function, its arguments, and
//! the answer. The calls that the host makes of its own accord for one (to look at a registry after a
//! push, say) are part of it.

mod answer;
pub(crate) mod as_text;
mod exchange;
mod file;
mod replay;
mod surroundings;
#[cfg(test)]
mod tests;

pub(crate) use answer::Answered;
pub(crate) use exchange::Exchanges;
pub use exchange::{Answer, Exchange, ExchangeSink};
pub use file::{
    RecordedEnd, RecordedRun, RecordedStep, RecordingError, RecordingFile, read_recording,
};
pub use replay::{Difference, Replay};
pub(crate) use surroundings::ReplayedTime;
pub use surroundings::{Seed, SeedError, Surroundings};
