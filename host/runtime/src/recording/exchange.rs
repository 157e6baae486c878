//! Where the calls of the contract pass: they are made, and told to whoever watches, or answered from
//! a recording.

use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wasmtime_wasi::WasiCtxBuilder;

use super::surroundings::{self, Observer, ReplayedTime, Surroundings};
use super::{Answered, Replay};
use crate::capability::CapabilityError;
use crate::secret::Mask;

/// A call, and its answer. Secrets are masked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// The function, such as `registry.resolve`.
    pub function: String,
    /// Its arguments by their names. A credential is written as the registry that it is for.
    pub arguments: Value,
    /// The answer.
    #[serde(flatten)]
    pub answer: Answer,
    /// How long it took.
    #[serde(default)]
    pub microseconds: u64,
}

/// The answer to a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// What it returned.
    Answer(Value),
    /// Why it failed.
    Error(CapabilityError),
}

/// Is told of the calls of a run, each when it has been answered. It is called from within the run
/// and must not block.
pub trait ExchangeSink: Send + Sync {
    /// A call has been answered.
    fn exchanged(&self, exchange: Exchange);

    /// The run has read clocks, or begins with this seed of its random numbers; told before the next
    /// call, and when the run ends.
    fn observed(&self, _surroundings: Surroundings) {}
}

/// What becomes of the calls of a run.
#[derive(Clone, Default)]
pub(crate) enum Exchanges {
    /// They are made.
    #[default]
    Made,
    /// They are made and told.
    Told(Arc<dyn ExchangeSink>, Arc<Observer>),
    /// They are answered from a recording, and not made.
    Replayed(Arc<Replay>),
}

impl Exchanges {
    /// They are made, and this is told of them.
    pub(crate) fn told(sink: Arc<dyn ExchangeSink>) -> Self {
        let observer = Observer::new(sink.clone());
        Self::Told(sink, Arc::new(observer))
    }

    /// Gives a run its clocks and random numbers.
    pub(crate) fn surround(&self, wasi: &mut WasiCtxBuilder) -> std::io::Result<()> {
        match self {
            Self::Made => Ok(()),
            Self::Told(_, observer) => surroundings::observe(observer, wasi),
            Self::Replayed(replay) => {
                surroundings::repeat(replay.time(), wasi);
                Ok(())
            }
        }
    }

    /// The time of a replay.
    pub(crate) fn replayed_time(&self) -> Option<&ReplayedTime> {
        match self {
            Self::Replayed(replay) => Some(replay.time()),
            Self::Made | Self::Told(..) => None,
        }
    }

    /// Whether a recording answers.
    pub(crate) fn are_replayed(&self) -> bool {
        matches!(self, Self::Replayed(_))
    }

    /// Lets a call pass. `arguments` are made where somebody wants to know them.
    pub(crate) async fn pass<T: Answered>(
        &self,
        mask: &Mask,
        function: &str,
        arguments: impl FnOnce() -> Value,
        act: impl Future<Output = Result<T, CapabilityError>>,
    ) -> Result<T, CapabilityError> {
        let sink = match self {
            Self::Made => return act.await,
            Self::Replayed(replay) => {
                let answer = replay.answer(function, masked(mask, arguments()))?;
                return T::from_answer(answer).map_err(|problem| replay.unfit(function, &problem));
            }
            Self::Told(sink, observer) => {
                observer.tell();
                sink
            }
        };
        let arguments = masked(mask, arguments());
        let begin = Instant::now();
        let result = act.await;
        let answer = match &result {
            Ok(value) => Answer::Answer(masked(mask, value.to_answer())),
            Err(error) => {
                let mut error = error.clone();
                mask.apply_to_error(&mut error);
                Answer::Error(error)
            }
        };
        sink.exchanged(Exchange {
            function: function.to_owned(),
            arguments,
            answer,
            microseconds: u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX),
        });
        result
    }
}

/// The value with every secret in its texts replaced.
fn masked(mask: &Mask, mut value: Value) -> Value {
    mask_texts(mask, &mut value);
    value
}

fn mask_texts(mask: &Mask, value: &mut Value) {
    match value {
        Value::String(text) => mask.apply(text),
        Value::Array(items) => items.iter_mut().for_each(|item| mask_texts(mask, item)),
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|field| mask_texts(mask, field)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
