//! What a step has called and logged.

use std::fmt;

use serde_json::Value;

use crate::log::Level;

/// A call of the host, as a recording has it. It equals the text of its function.
///
/// ```
/// use stepyard_sdk::{auth, testing::Host};
///
/// let run = Host::new()
///     .on_login("aws", "ghcr.io", Ok(()))
///     .call(|| auth::login("aws", None));
/// assert_eq!(run.calls(), ["auth.login"]);
/// assert_eq!(run.calls()[0].argument("connector"), "aws");
/// ```
#[derive(Clone, PartialEq)]
pub struct Call {
    function: String,
    arguments: Value,
}

impl Call {
    pub(crate) fn new(function: &str, arguments: Value) -> Self {
        Self {
            function: function.to_owned(),
            arguments,
        }
    }

    /// The function, such as `registry.resolve`.
    pub fn function(&self) -> &str {
        &self.function
    }

    /// An argument by the name that the contract gives it, such as `reference`; JSON's null where
    /// there is none. A credential is the registry that it is for.
    pub fn argument(&self, name: &str) -> &Value {
        self.arguments.get(name).unwrap_or(&Value::Null)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.function, self.arguments)
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl PartialEq<&str> for Call {
    fn eq(&self, function: &&str) -> bool {
        self.function == *function
    }
}

/// A line that a step has logged. It equals its text.
///
/// ```
/// use stepyard_sdk::{log::{self, Level}, testing::Host};
///
/// let run = Host::new().call(|| {
///     log::warn!("it is late");
///     Ok(())
/// });
/// assert_eq!(run.log(), ["it is late"]);
/// assert_eq!(run.log()[0].level(), Level::Warn);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    level: Level,
    text: String,
}

impl Line {
    pub(crate) fn new(level: Level, text: &str) -> Self {
        Self {
            level,
            text: text.to_owned(),
        }
    }

    /// How important it is.
    pub fn level(&self) -> Level {
        self.level
    }

    /// What it says.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.text)
    }
}

impl PartialEq<&str> for Line {
    fn eq(&self, text: &&str) -> bool {
        self.text == *text
    }
}
