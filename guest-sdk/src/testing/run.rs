//! What came of a run.

use std::fmt;
use std::time::Duration;

use super::{Call, Line};
use crate::bindings::script::Script;
use crate::{Error, Outcome};

/// What came of a run, and what was called and logged on the way.
///
/// ```
/// use stepyard_sdk::{Error, auth, log, testing::Host};
///
/// let run = Host::new().on_login("aws", "ghcr.io", Ok(())).call(|| {
///     log::begin_phase("Log in");
///     auth::login("aws", None)?;
///     log::info!("logged in to {}", "ghcr.io");
///     Err::<(), _>(Error::conflict("taken"))
/// });
/// assert_eq!(run.error().message(), "taken");
/// assert_eq!(run.calls(), ["auth.login"]);
/// assert_eq!(run.call("auth.login").argument("connector"), "aws");
/// assert_eq!(run.phases(), ["Log in"]);
/// assert!(run.has_logged("ghcr.io"));
/// ```
#[derive(Debug)]
pub struct Run<T> {
    result: Result<T, Error>,
    calls: Vec<Call>,
    log: Vec<Line>,
    phases: Vec<String>,
    elapsed: Duration,
}

impl<T> Run<T> {
    pub(super) fn new(result: Result<T, Error>, script: Script) -> Self {
        Self {
            result,
            calls: script.calls,
            log: script.log,
            phases: script.phases,
            elapsed: script.elapsed,
        }
    }

    /// What it gave, or failed with.
    ///
    /// # Errors
    /// The run's own.
    pub fn result(&self) -> Result<&T, &Error> {
        self.result.as_ref()
    }

    /// What it gave.
    ///
    /// # Panics
    /// Where it failed.
    #[track_caller]
    #[expect(clippy::panic, reason = "the test has not met what it says")]
    pub fn value(&self) -> &T {
        match &self.result {
            Ok(value) => value,
            Err(error) => panic!(
                "it failed, {:?}: {error}{}",
                error.kind(),
                error
                    .hint()
                    .map(|hint| format!("\n  {hint}"))
                    .unwrap_or_default()
            ),
        }
    }

    /// What it failed with.
    ///
    /// # Panics
    /// Where it succeeded.
    #[track_caller]
    #[expect(clippy::panic, reason = "the test has not met what it says")]
    pub fn error(&self) -> &Error
    where
        T: fmt::Debug,
    {
        match &self.result {
            Ok(value) => panic!("it succeeded: {value:?}"),
            Err(error) => error,
        }
    }

    /// The calls that it made, in order. Each equals the text of its function.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// The first call of a function, such as `build.build`.
    ///
    /// # Panics
    /// Where it has not called that.
    #[track_caller]
    #[expect(clippy::panic, reason = "the test has not met what it says")]
    pub fn call(&self, function: &str) -> &Call {
        let found = self.calls.iter().find(|call| **call == function);
        found.unwrap_or_else(|| panic!("{function} was not called, but {:?}", self.calls))
    }

    /// The lines that it logged, in order. Each equals its text.
    pub fn log(&self) -> &[Line] {
        &self.log
    }

    /// Whether it logged a line with this text in it.
    pub fn has_logged(&self, text: &str) -> bool {
        self.log.iter().any(|line| line.text().contains(text))
    }

    /// The phases that it began, in order.
    pub fn phases(&self) -> &[String] {
        &self.phases
    }

    /// How long it waited by [`crate::clock`].
    pub fn waited(&self) -> Duration {
        self.elapsed
    }
}

impl Run<Outcome> {
    /// An output of the step.
    ///
    /// # Panics
    /// Where the run failed, or has no such output.
    #[track_caller]
    #[expect(clippy::panic, reason = "the test has not met what it says")]
    pub fn output(&self, name: &str) -> &str {
        let outcome = self.value();
        outcome
            .get(name)
            .unwrap_or_else(|| panic!("there is no output {name} in {outcome:?}"))
    }

    /// Looks whether a host would take the outputs.
    #[track_caller]
    #[expect(clippy::panic, reason = "a host ends such a run")]
    pub(super) fn check_outputs(&self) {
        for (name, value) in self.result.iter().flat_map(Outcome::outputs) {
            let begins = |character: char| character.is_ascii_alphabetic() || character == '_';
            let goes_on = |character: char| character.is_ascii_alphanumeric() || character == '_';
            if !name.starts_with(begins) || !name.chars().all(goes_on) {
                panic!(
                    "a host does not take an output called {name:?}: expected letters, digits and \
                     _, with no digit first"
                );
            }
            if value.contains(['\n', '\r']) {
                panic!("a host does not take {value:?} as output {name}: expected one line");
            }
        }
    }
}
