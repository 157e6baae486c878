//! From the events and calls of a run to what a report tells of it.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;
use stepyard::event::{Event, EventKind, LayerState, StepStatus};
use stepyard::recording::{Answer, Exchange};
use time::OffsetDateTime;

use super::model::{
    At, Call, CallAnswer, Context, Decision, Layer, Line, LineKind, Log, Phase, StepRun, Verdict,
    Vertex, clean,
};

/// The most calls of a step that are shown. Further ones are counted.
const MOST_CALLS: usize = 2_000;
/// The most phases of a step. What comes later belongs to the last one.
const MOST_PHASES: usize = 200;
/// The most vertices of a call, the most of its layers, and the most of its notes.
const MOST_PARTS: usize = 1_000;

/// Takes note of what happens, one step after another.
#[derive(Debug, Default)]
pub(super) struct Collector {
    /// The step that runs, or has just ended.
    current: Option<Current>,
    attempts: HashMap<String, usize>,
}

#[derive(Debug)]
struct Current {
    run: StepRun,
    /// The call that the step waits for.
    open: Option<Call>,
    calls: usize,
}

impl Collector {
    /// Takes note of an event. Gives the step that was run before, where this is about another one
    /// or another attempt.
    pub(super) fn event(&mut self, event: &Event) -> Option<StepRun> {
        let goes_on = !matches!(event.kind, EventKind::StepStarted { .. })
            && self.current.as_ref().is_some_and(|current| {
                let has_ended = current.run.status.is_some();
                let is_end = matches!(event.kind, EventKind::StepFinished { .. });
                current.run.step == clean(&event.step) && !(has_ended && is_end)
            });
        let before = if goes_on { None } else { self.take() };
        self.current(&event.step, event.time).event(event);
        before
    }

    /// Takes note of a call that was answered at `time`.
    pub(super) fn exchange(&mut self, step: &str, exchange: &Exchange, time: OffsetDateTime) {
        self.current(step, time).exchange(exchange, time);
    }

    /// Lets the step that has just ended be changed.
    pub(super) fn last(&mut self) -> Option<&mut StepRun> {
        self.current.as_mut().map(|current| &mut current.run)
    }

    /// The step that runs or has just ended, of which nothing more is heard.
    pub(super) fn take(&mut self) -> Option<StepRun> {
        let mut current = self.current.take()?;
        current.close_call(None);
        Some(current.run)
    }

    fn current(&mut self, step: &str, time: OffsetDateTime) -> &mut Current {
        self.current.get_or_insert_with(|| {
            let step = clean(step);
            let attempt = self.attempts.entry(step.clone()).or_default();
            *attempt += 1;
            Current {
                run: StepRun {
                    step,
                    attempt: *attempt,
                    component: None,
                    digest: None,
                    engine: None,
                    begin: time,
                    took: Duration::ZERO,
                    status: None,
                    counts_as: None,
                    error: None,
                    hint: None,
                    would_be_denied: 0,
                    audit: None,
                    phases: Vec::new(),
                    calls_left_out: 0,
                    images: Vec::new(),
                    outputs: Vec::new(),
                    log: Log::default(),
                },
                open: None,
                calls: 0,
            }
        })
    }
}

impl Current {
    fn at(&self, time: OffsetDateTime) -> At {
        // A clock that was set back must not make a time negative.
        (time - self.run.begin).try_into().unwrap_or_default()
    }

    fn event(&mut self, event: &Event) {
        let at = self.at(event.time);
        if self.run.status.is_none() {
            self.run.took = self.run.took.max(at);
        }
        match &event.kind {
            EventKind::StepStarted { component, digest } => {
                self.run.component = Some(clean(component));
                self.run.digest = Some(clean(digest));
            }
            EventKind::PhaseStarted { name } => self.phase(clean(name), at),
            EventKind::Log { level, message } => self.log(LineKind::Log(*level), message, at),
            EventKind::Output { source, line } => self.log(LineKind::Output(*source), line, at),
            EventKind::VertexStarted { vertex, name } => self.vertex_started(*vertex, name, at),
            EventKind::VertexFinished {
                vertex,
                cached,
                milliseconds,
                error,
            } => {
                if let Some(call) = &mut self.open
                    && let Some(found) = call
                        .vertices
                        .iter_mut()
                        .rev()
                        .find(|known| known.number == *vertex)
                {
                    if let Some(milliseconds) = milliseconds {
                        // The engine knows better when it began than who is told of it.
                        let began = at.saturating_sub(Duration::from_millis(*milliseconds));
                        found.begin = began.max(call.begin);
                    }
                    found.end = Some(at);
                    found.cached = *cached;
                    found.error = error.as_deref().map(clean);
                }
            }
            EventKind::ContextProgress {
                files,
                bytes,
                rate: _,
                complete,
            } => {
                if let Some(call) = &mut self.open {
                    let context = call.context.get_or_insert(Context {
                        begin: at,
                        end: Some(at),
                        files: 0,
                        bytes: 0,
                    });
                    (context.files, context.bytes) = (*files, *bytes);
                    // A build that goes on by itself tells at its end only that this was all.
                    if !complete || call.vertices.is_empty() {
                        context.end = Some(at);
                    }
                }
            }
            EventKind::LayerProgress {
                layer,
                state,
                current,
                total,
                rate: _,
            } => self.layer(layer, *state, total.unwrap_or(0).max(*current), at),
            EventKind::CallStarted {
                call: _,
                action,
                resource,
                permitted,
                rule,
                observed,
            } => {
                let call = self.open.get_or_insert_with(|| Call::new(at));
                if call.decisions.len() < MOST_PARTS {
                    call.decisions.push(Decision {
                        action,
                        resource: clean(resource),
                        verdict: match (permitted, observed) {
                            (true, _) => Verdict::Permitted,
                            (false, true) => Verdict::Observed,
                            (false, false) => Verdict::Denied,
                        },
                        rule: rule.as_deref().map(clean),
                    });
                }
            }
            // The exchange says the same, and when all accesses of it are done.
            EventKind::CallFinished { .. } => {}
            EventKind::ImagePushed(image) => {
                if self.run.images.len() < MOST_PARTS {
                    let mut image = image.clone();
                    for text in [
                        &mut image.registry,
                        &mut image.repository,
                        &mut image.tag,
                        &mut image.digest,
                    ] {
                        *text = clean(text);
                    }
                    self.run.images.push(image);
                }
            }
            EventKind::StepFinished {
                status,
                milliseconds,
                error,
                would_be_denied,
                audit,
            } => {
                self.close_call(None);
                let run = &mut self.run;
                run.took = Duration::from_millis(*milliseconds).max(run.took);
                run.status = Some(*status);
                run.error = error.as_deref().map(clean);
                run.would_be_denied = *would_be_denied;
                run.audit = audit.as_deref().map(clean);
                if let Some(phase) = run.phases.last_mut()
                    && *status != StepStatus::Skipped
                {
                    phase.end = Some(run.took);
                }
            }
        }
    }

    fn phase(&mut self, name: String, at: At) {
        self.close_call(Some(at));
        if self.run.phases.len() == MOST_PHASES {
            return;
        }
        if let Some(last) = self.run.phases.last_mut() {
            last.end = Some(at);
        }
        self.run.phases.push(Phase {
            name: Some(name),
            begin: at,
            end: None,
            calls: Vec::new(),
        });
    }

    fn log(&mut self, kind: LineKind, text: &str, at: At) {
        let text = clean(text);
        // A step waits while a call is open, so what is logged meanwhile is the host's own word.
        if let (LineKind::Log(_), Some(call)) = (kind, &mut self.open) {
            if let Some(engine) = text.strip_prefix("the build engine is ") {
                self.run.engine = Some(engine.to_owned());
            } else if call.notes.len() < MOST_PARTS {
                call.notes.push(text.clone());
            }
        }
        self.run.log.add(Line { at, kind, text });
    }

    fn vertex_started(&mut self, number: u64, name: &str, at: At) {
        if let Some(call) = &mut self.open
            && call.vertices.len() < MOST_PARTS
        {
            call.vertices.push(Vertex {
                number,
                name: clean(name),
                begin: at,
                end: None,
                cached: false,
                error: None,
            });
        }
    }

    fn layer(&mut self, name: &str, state: LayerState, bytes: u64, at: At) {
        let Some(call) = &mut self.open else {
            return;
        };
        let name = clean(name);
        let moves = matches!(state, LayerState::Uploading | LayerState::Downloading);
        let has_ended = matches!(state, LayerState::Exists | LayerState::Done);
        // A layer that was pulled may be pushed by the same call.
        let known = call.layers.iter().rposition(|known| {
            known.name == name && !(moves && known.direction.is_some_and(|other| other != state))
        });
        let index = known.unwrap_or(call.layers.len());
        if known.is_none() && index < MOST_PARTS {
            call.layers.push(Layer {
                name,
                state,
                direction: None,
                begin: at,
                end: None,
                bytes: 0,
            });
        }
        let Some(layer) = call.layers.get_mut(index) else {
            return;
        };
        if moves && layer.direction.is_none() {
            layer.direction = Some(state);
            layer.begin = at;
        }
        layer.bytes = layer.bytes.max(bytes);
        if has_ended && layer.end.is_none() {
            layer.end = Some(at);
        }
        layer.state = state;
    }

    fn exchange(&mut self, exchange: &Exchange, time: OffsetDateTime) {
        let end = self.at(time);
        let begin = end.saturating_sub(Duration::from_micros(exchange.microseconds));
        let call = self.open.get_or_insert_with(|| Call::new(begin));
        call.begin = call.begin.min(begin);
        call.function = Some(clean(&exchange.function));
        call.arguments = pretty(&exchange.arguments);
        call.answer = Some(match &exchange.answer {
            Answer::Answer(value) => CallAnswer::Value(pretty(value)),
            Answer::Error(error) => CallAnswer::Error {
                kind: clean(&error.kind.to_string()),
                message: clean(&error.message),
                hint: error.hint.as_deref().map(clean),
            },
        });
        self.close_call(Some(end));
    }

    /// Puts the open call into its phase. Without an end it is one that was not answered.
    fn close_call(&mut self, end: Option<At>) {
        let Some(mut call) = self.open.take() else {
            return;
        };
        call.end = end;
        // What is denied or fails is shown however many calls there are.
        let matters = call.failed() || call.verdict() != Verdict::Permitted;
        let most = if matters { 2 * MOST_CALLS } else { MOST_CALLS };
        if self.calls >= most {
            self.run.calls_left_out += 1;
            return;
        }
        self.calls += 1;
        if self.run.phases.is_empty() {
            self.run.phases.push(Phase {
                name: None,
                begin: call.begin,
                end: None,
                calls: Vec::new(),
            });
        }
        if let Some(phase) = self.run.phases.last_mut() {
            phase.calls.push(call);
        }
    }
}

/// A value on several lines; none where it says nothing.
fn pretty(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Object(fields) if fields.is_empty() => None,
        value => Some(clean(
            &serde_json::to_string_pretty(value).unwrap_or_default(),
        )),
    }
}
