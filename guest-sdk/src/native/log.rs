//! What a step tells. In a test it is kept, and printed for whoever reads why the test failed.

use super::script;

/// How important a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Shown when asked for.
    Debug,
    /// What the person may want to know.
    Info,
    /// Something that the person should look at, though the step goes on.
    Warn,
    /// Something that makes the step fail.
    Error,
}

#[expect(
    clippy::print_stdout,
    reason = "the harness of a test shows it where the test fails"
)]
pub fn write(level: Level, message: &str) {
    println!("{level:?}: {message}");
    script::with(|script| script.note_lines(level, message));
}

#[expect(
    clippy::print_stdout,
    reason = "the harness of a test shows it where the test fails"
)]
pub fn begin_phase(name: &str) {
    println!("== {name}");
    script::with(|script| script.note_phase(name));
}
