//! Answering the calls of a run from a recording.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::Exchange;
use super::exchange::Answer;
use super::surroundings::{ReplayedTime, Surroundings};
use crate::capability::{CapabilityError, ErrorKind};

/// What a run asks for otherwise than the recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Counts the calls of the run from 1.
    pub call: usize,
    /// What the recording has there; none where it has ended.
    pub expected: Option<Exchange>,
    /// The function that the run calls; none where it ends earlier.
    pub function: Option<String>,
    /// Its arguments.
    pub arguments: Value,
}

/// The calls of a recording, which answer those of a run in their order.
///
/// The first call that is another one ends the run: what would have come of it, nobody knows. Calls
/// that only ask (`build.supports`, `build.engine`) are answered wherever they come, by what the
/// recording says of the same question.
#[derive(Debug, Default)]
pub struct Replay {
    state: Mutex<State>,
    time: Arc<ReplayedTime>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Exchange>,
    questions: Vec<Exchange>,
    /// The calls that were answered, as they were made.
    made: Vec<Exchange>,
    calls: usize,
    difference: Option<Difference>,
    is_tolerant: bool,
}

/// Whether the answer depends on nothing that was done before.
fn is_question(function: &str) -> bool {
    matches!(function, "build.engine" | "build.supports")
}

impl State {
    /// Takes the exchange that answers a call. A question stays.
    fn find(&mut self, function: &str, arguments: &Value) -> Option<Exchange> {
        let is_same =
            |exchange: &Exchange| exchange.function == function && exchange.arguments == *arguments;
        if is_question(function) {
            return self.questions.iter().find(|known| is_same(known)).cloned();
        }
        if self.waiting.front().is_some_and(is_same) {
            return self.waiting.pop_front();
        }
        if !self.is_tolerant {
            return None;
        }
        let of_function = |exchange: &Exchange| exchange.function == function;
        let place = self.waiting.iter().position(is_same);
        let place = place.or_else(|| self.waiting.iter().position(of_function))?;
        self.waiting.remove(place)
    }
}

impl Replay {
    /// One that answers with these exchanges.
    pub fn new(exchanges: impl IntoIterator<Item = Exchange>) -> Self {
        let (questions, waiting): (Vec<_>, Vec<_>) = exchanges
            .into_iter()
            .partition(|exchange| is_question(&exchange.function));
        Self {
            state: Mutex::new(State {
                waiting: waiting.into(),
                questions,
                ..State::default()
            }),
            time: Arc::default(),
        }
    }

    /// Lets the run have this time and these random numbers. Without it they are the same for each
    /// run.
    #[must_use]
    pub fn within(mut self, surroundings: Surroundings) -> Self {
        self.time = Arc::new(ReplayedTime::new(surroundings));
        self
    }

    pub(super) fn time(&self) -> &Arc<ReplayedTime> {
        &self.time
    }

    /// One that answers a call of the same function also where it has other arguments, or comes
    /// earlier: to see what a changed component does, and to write the exchanges anew.
    pub fn tolerant(exchanges: impl IntoIterator<Item = Exchange>) -> Self {
        let mut replay = Self::new(exchanges);
        let state = replay.state.get_mut();
        state.unwrap_or_else(PoisonError::into_inner).is_tolerant = true;
        replay
    }

    /// The calls that were answered, with the arguments that they were made with.
    pub fn made(&self) -> Vec<Exchange> {
        self.state().made.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the run has gone another way, or has ended before the recording. Asked once the run has
    /// ended.
    pub fn difference(&self) -> Option<Difference> {
        let state = self.state();
        if state.difference.is_some() || state.is_tolerant {
            return state.difference.clone();
        }
        state.waiting.front().map(|expected| Difference {
            call: state.calls + 1,
            expected: Some(expected.clone()),
            function: None,
            arguments: Value::Null,
        })
    }

    /// The answer to a call.
    pub(super) fn answer(
        &self,
        function: &str,
        arguments: Value,
    ) -> Result<Value, CapabilityError> {
        let mut state = self.state();
        state.calls += 1;
        let Some(found) = state.find(function, &arguments) else {
            let difference = Difference {
                call: state.calls,
                expected: state.waiting.front().cloned(),
                function: Some(function.to_owned()),
                arguments,
            };
            state.difference.get_or_insert(difference);
            return Err(different(function));
        };
        state.made.push(Exchange {
            arguments,
            ..found.clone()
        });
        match found.answer {
            Answer::Answer(value) => Ok(value),
            Answer::Error(error) => Err(error),
        }
    }

    /// The error of an answer that is none of the function's.
    pub(super) fn unfit(&self, function: &str, problem: &str) -> CapabilityError {
        CapabilityError::new(
            ErrorKind::Other("replay".to_owned()),
            format!("the recording's answer to {function} is none: {problem}"),
        )
    }
}

fn different(function: &str) -> CapabilityError {
    CapabilityError::new(
        ErrorKind::Other("replay".to_owned()),
        format!("the recording has no such call of {function} here"),
    )
}
