//! What a step tells the person who watches it.
//!
//! The macros `log::debug!`, `log::info!`, `log::warn!` and `log::error!` format like `println!`.
//! Standard output and standard error are shown too, as lines of level `info` and `warn`.
//!
//! ```
//! use stepyard_sdk::{log, testing::Host};
//!
//! let run = Host::new().call(|| {
//!     log::begin_phase("Push");
//!     log::info!("pushed {} layers", 3);
//!     log::debug!("in {} requests", 7);
//!     log::warn!("the registry was slow");
//!     log::error!("and lost a layer");
//!     Ok(())
//! });
//! assert_eq!(run.phases(), ["Push"]);
//! assert_eq!(run.log()[0], "pushed 3 layers");
//! ```

mod progress;
mod table;

use crate::bindings::stepyard::step::log;

pub use log::Level;
pub use progress::Progress;
pub use table::table;

pub use crate::{__debug as debug, __error as error, __info as info, __warn as warn};

/// Shows a line, or several that belong together.
///
/// ```
/// use stepyard_sdk::{log::{self, Level}, testing::Host};
///
/// let run = Host::new().call(|| {
///     log::write(Level::Info, "two\nlines");
///     Ok(())
/// });
/// assert_eq!(run.log(), ["two", "lines"]);
/// ```
pub fn write(level: Level, message: &str) {
    log::write(level, message);
}

/// Says that a new part of the work begins, such as `Push`. It ends where the next one begins or
/// the step returns.
///
/// ```
/// use stepyard_sdk::{log, testing::Host};
///
/// let run = Host::new().call(|| {
///     log::begin_phase("Push");
///     Ok(())
/// });
/// assert_eq!(run.phases(), ["Push"]);
/// ```
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
