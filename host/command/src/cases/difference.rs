//! Differences of values, for a person.

use std::fmt::{self, Write as _};

use serde_json::Value;
use stepyard::recording::Difference;

use crate::view::one_line;

/// Places where two values differ, each with what was expected and what there is.
#[derive(Debug, Default)]
pub(crate) struct Differences(Vec<String>);

impl Differences {
    /// Those of two values.
    pub(crate) fn between(expected: &Value, actual: &Value) -> Self {
        let mut differences = Self::default();
        differences.add("", Some(expected), Some(actual));
        differences
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, path: &str, expected: Option<&Value>, actual: Option<&Value>) {
        match (expected, actual) {
            (Some(Value::Object(expected)), Some(Value::Object(actual))) => {
                let further = actual.keys().filter(|key| !expected.contains_key(*key));
                for key in expected.keys().chain(further) {
                    let path = match path {
                        "" => key.clone(),
                        path => format!("{path}.{key}"),
                    };
                    self.add(&path, expected.get(key), actual.get(key));
                }
            }
            (Some(Value::Array(expected)), Some(Value::Array(actual))) => {
                for place in 0..expected.len().max(actual.len()) {
                    let path = format!("{path}[{place}]");
                    self.add(&path, expected.get(place), actual.get(place));
                }
            }
            (expected, actual) if expected == actual => {}
            (expected, actual) => {
                let mut text = path.to_owned();
                for (sign, value) in [('-', expected), ('+', actual)] {
                    if let Some(value) = value {
                        // Writing to a string cannot fail.
                        let _ = write!(text, "\n  {sign} {}", one_line(&value.to_string()));
                    }
                }
                self.0.push(text);
            }
        }
    }

    /// A line that was not logged where it was expected.
    pub(super) fn missing_line(&mut self, expected: &str, logged: &[String]) {
        let mut text = format!("log\n  - {}", one_line(expected));
        for line in logged {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n    {}", one_line(line));
        }
        self.0.push(text);
    }
}

/// Each place on lines of its own: what was expected behind `-`, what there is behind `+`.
impl fmt::Display for Differences {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("\n"))
    }
}

/// The first call that is another one than `source` has.
pub(crate) fn shown_call(difference: &Difference, source: &str) -> String {
    let number = difference.call;
    let arguments = |arguments: &Value| one_line(&arguments.to_string());
    match (&difference.expected, &difference.function) {
        (Some(expected), Some(function)) if expected.function == *function => {
            let differences = Differences::between(&expected.arguments, &difference.arguments);
            format!(
                "call {number}, {function}, has other arguments than {source} says\n{differences}"
            )
        }
        (Some(expected), Some(function)) => format!(
            "call {number} is another one than {source} says\n  - {} {}\n  + {function} {}",
            expected.function,
            arguments(&expected.arguments),
            arguments(&difference.arguments)
        ),
        (Some(expected), None) => format!(
            "call {number} is not made\n  - {} {}",
            expected.function,
            arguments(&expected.arguments)
        ),
        (None, Some(function)) => format!(
            "call {number} is one more than {source} has\n  + {function} {}",
            arguments(&difference.arguments)
        ),
        // A difference has a call on one side at least.
        (None, None) => format!("call {number} is another one than {source} says"),
    }
}
