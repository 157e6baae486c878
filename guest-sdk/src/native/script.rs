//! The script of a test: how each call is answered, and what was called and logged.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::log::Level;
use super::types::Error;
use crate::testing::{Call, Line, advice};

thread_local! {
    /// That of the test that runs on this thread.
    static SCRIPT: RefCell<Option<Script>> = const { RefCell::new(None) };
}

/// The answer to a call.
#[derive(Clone, Debug)]
pub(crate) struct Scripted {
    pub(crate) function: &'static str,
    /// Those arguments that the call must have.
    pub(crate) arguments: Map<String, Value>,
    pub(crate) answer: Result<Value, Error>,
    /// Whether it serves any number of calls.
    pub(crate) repeats: bool,
    /// Whether it has served.
    pub(crate) used: bool,
}

impl Scripted {
    fn is_for(&self, function: &str, arguments: &Value) -> bool {
        let mut expected = self.arguments.iter();
        self.function == function
            && expected.all(|(name, value)| arguments.get(name) == Some(value))
    }

    /// The call that it is for.
    pub(crate) fn call(&self) -> Call {
        Call::new(self.function, Value::Object(self.arguments.clone()))
    }
}

/// What the engine says of itself, in any order and however often.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    pub(crate) name: String,
    pub(crate) features: BTreeSet<String>,
}

/// How the calls of a run are answered, and what came of it so far.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) answers: Vec<Scripted>,
    pub(crate) engine: Option<Engine>,
    pub(crate) workspace: Option<PathBuf>,
    pub(crate) scratch: Option<PathBuf>,
    pub(crate) begin: SystemTime,
    pub(crate) elapsed: Duration,
    pub(crate) calls: Vec<Call>,
    pub(crate) log: Vec<Line>,
    pub(crate) phases: Vec<String>,
}

impl Script {
    pub(crate) fn note_lines(&mut self, level: Level, message: &str) {
        let lines = message.lines().map(|line| Line::new(level, line));
        self.log.extend(lines);
    }

    pub(crate) fn note_phase(&mut self, name: &str) {
        self.phases.push(name.to_owned());
    }

    pub(crate) fn note_call(&mut self, function: &str, arguments: Value) {
        self.calls.push(Call::new(function, arguments));
    }

    /// The answer to a call; the error says that there is none.
    fn answer(&mut self, function: &str, arguments: Value) -> Result<Result<Value, Error>, String> {
        let call = Call::new(function, arguments.clone());
        self.calls.push(call.clone());
        let found = self
            .answers
            .iter_mut()
            .find(|answer| answer.is_for(function, &arguments) && (answer.repeats || !answer.used));
        if let Some(found) = found {
            found.used = true;
            return Ok(found.answer.clone());
        }
        match (&self.engine, function) {
            (Some(engine), "build.engine") => Ok(Ok(json!(engine.name))),
            (Some(engine), "build.supports") => {
                let feature = arguments.get("feature").and_then(Value::as_str);
                let feature = feature.unwrap_or_default();
                Ok(Ok(json!(engine.features.contains(feature))))
            }
            _ => Err(advice::no_answer(&call, &self.left())),
        }
    }

    /// The answers that nothing has asked for.
    pub(crate) fn left(&self) -> Vec<Call> {
        let left = self.answers.iter();
        left.filter(|answer| !answer.used && !answer.repeats)
            .map(Scripted::call)
            .collect()
    }
}

/// Does something with the script, where a test runs.
pub(crate) fn with<T>(act: impl FnOnce(&mut Script) -> T) -> Option<T> {
    SCRIPT.with_borrow_mut(|script| script.as_mut().map(act))
}

/// Calls the host.
pub(super) fn ask<T: DeserializeOwned>(
    function: &'static str,
    arguments: Value,
) -> Result<T, Error> {
    let call = Call::new(function, arguments.clone());
    match with(|script| script.answer(function, arguments)) {
        Some(Ok(answer)) => {
            let answer = serde_json::from_value(answer?);
            Ok(answer.unwrap_or_else(|error| {
                fail(&format!("the answer to {call} has another form: {error}"))
            }))
        }
        Some(Err(problem)) => fail(&problem),
        None => fail(&advice::no_host(&call)),
    }
}

/// Ends the test: nobody knows what would have come of the call.
#[expect(clippy::panic, reason = "a call that nobody answers fails its test")]
fn fail(problem: &str) -> ! {
    panic!("{problem}")
}

/// Lets a script answer while `act` runs.
pub(crate) fn within<T>(script: Script, act: impl FnOnce() -> T) -> (T, Script) {
    /// Puts back what was there before, also when a test fails.
    struct Previous(Option<Script>);

    impl Drop for Previous {
        fn drop(&mut self) {
            SCRIPT.replace(self.0.take());
        }
    }

    let mut previous = Previous(SCRIPT.replace(Some(script)));
    let value = act();
    let mut used = SCRIPT.replace(previous.0.take());
    std::mem::forget(previous);
    match used.take() {
        Some(script) => (value, script),
        None => fail("the script of the test was taken away while it ran"),
    }
}
