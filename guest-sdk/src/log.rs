//! What a step tells the person who watches it.
//!
//! The macros `log::debug!`, `log::info!`, `log::warn!` and `log::error!` format like `println!`.
//! Standard output and standard error are shown too, as lines of level `info` and `warn`.

use crate::bindings::stepyard::step::log;

pub use log::Level;

pub use crate::{__debug as debug, __error as error, __info as info, __warn as warn};

/// Shows a line, or several that belong together.
pub fn write(level: Level, message: &str) {
    log::write(level, message);
}

/// Says that a new part of the work begins, such as `Push`. It ends where the next one begins or
/// the step returns.
pub fn begin_phase(name: &str) {
    log::begin_phase(name);
}

/// Logs what is shown only when asked for.
#[doc(hidden)]
#[macro_export]
macro_rules! __debug {
    ($($text:tt)+) => { $crate::log::write($crate::log::Level::Debug, &::std::format!($($text)+)) };
}

/// Logs what the person may want to know.
#[doc(hidden)]
#[macro_export]
macro_rules! __info {
    ($($text:tt)+) => { $crate::log::write($crate::log::Level::Info, &::std::format!($($text)+)) };
}

/// Logs what the person should look at, though the step goes on.
#[doc(hidden)]
#[macro_export]
macro_rules! __warn {
    ($($text:tt)+) => { $crate::log::write($crate::log::Level::Warn, &::std::format!($($text)+)) };
}

/// Logs what makes the step fail.
#[doc(hidden)]
#[macro_export]
macro_rules! __error {
    ($($text:tt)+) => { $crate::log::write($crate::log::Level::Error, &::std::format!($($text)+)) };
}
