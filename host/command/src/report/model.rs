//! What a page shows of each step.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use stepyard::event::{Event, EventKind, LayerState, StepStatus};
use stepyard::recording::{Answer, Exchange};
use time::OffsetDateTime;

/// The longest arguments and answers, in bytes.
const LONGEST: usize = 8_000;
/// The most calls and layers of a step, each.
const MOST: usize = 5_000;

/// When something began and ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub(super) begin: OffsetDateTime,
    pub(super) end: OffsetDateTime,
}

impl Span {
    fn at(time: OffsetDateTime) -> Self {
        Self {
            begin: time,
            end: time,
        }
    }

    pub(super) fn duration(self) -> Duration {
        (self.end - self.begin).try_into().unwrap_or_default()
    }
}

/// One run of a step.
pub(super) struct Step {
    pub(super) identifier: Arc<str>,
    /// Its name and digest; none where it was skipped.
    pub(super) component: Option<(String, String)>,
    pub(super) span: Span,
    /// None while it runs, which it does no more where the command was interrupted.
    pub(super) status: Option<StepStatus>,
    pub(super) error: Option<String>,
    pub(super) audit: Option<String>,
    pub(super) would_be_denied: u64,
    pub(super) phases: Vec<(String, Span)>,
    pub(super) calls: Vec<Call>,
    pub(super) layers: Vec<Layer>,
    /// Files and bytes of the build context.
    pub(super) context: Option<(u64, u64, Span)>,
    /// How much is not kept.
    pub(super) left_out: usize,
}

/// A call of the contract.
pub(super) struct Call {
    pub(super) function: String,
    pub(super) arguments: String,
    /// What came of it; none where it did not end.
    pub(super) answer: Option<Result<String, String>>,
    pub(super) decisions: Vec<Decision>,
    pub(super) span: Span,
}

/// What the policy decided.
pub(super) struct Decision {
    pub(super) text: String,
    pub(super) is_denial: bool,
    time: OffsetDateTime,
}

/// A layer on its way.
pub(super) struct Layer {
    pub(super) name: String,
    pub(super) state: LayerState,
    pub(super) is_download: bool,
    pub(super) bytes: u64,
    pub(super) span: Span,
}

impl Step {
    pub(super) fn new(event: &Event, component: &str, digest: &str) -> Self {
        Self {
            component: Some((component.to_owned(), digest.to_owned())),
            ..Self::not_begun(event)
        }
    }

    fn not_begun(event: &Event) -> Self {
        Self {
            identifier: event.step.clone(),
            component: None,
            span: Span::at(event.time),
            status: None,
            error: None,
            audit: None,
            would_be_denied: 0,
            phases: Vec::new(),
            calls: Vec::new(),
            layers: Vec::new(),
            context: None,
            left_out: 0,
        }
    }

    /// The run of the step that an event is about. One that did not begin is skipped.
    pub(super) fn running<'a>(steps: &'a mut Vec<Self>, event: &Event) -> Option<&'a mut Self> {
        let is_meant = |step: &Self| step.identifier == event.step && step.status.is_none();
        if !steps.iter().any(is_meant) {
            steps.push(Self::not_begun(event));
        }
        steps.iter_mut().rfind(|step| is_meant(step))
    }

    /// Notes what happens while it runs.
    pub(super) fn note(&mut self, event: &Event) {
        match &event.kind {
            EventKind::PhaseStarted { name } => {
                self.end_phase(event.time);
                self.phases.push((name.clone(), Span::at(event.time)));
            }
            EventKind::ContextProgress { files, bytes, .. } => {
                let (known_files, known_bytes, span) =
                    self.context.get_or_insert((0, 0, Span::at(event.time)));
                (*known_files, *known_bytes) = (*files, *bytes);
                span.end = event.time;
            }
            EventKind::LayerProgress {
                layer,
                state,
                current,
                total,
                ..
            } => self.note_layer(layer, *state, total.unwrap_or(*current), event.time),
            _ => {}
        }
    }

    fn note_layer(&mut self, name: &str, state: LayerState, bytes: u64, time: OffsetDateTime) {
        let is_known = |layer: &Layer| layer.name == name;
        if !self.layers.iter().any(is_known) {
            if self.layers.len() >= MOST {
                self.left_out += 1;
                return;
            }
            self.layers.push(Layer {
                name: name.to_owned(),
                state,
                is_download: false,
                bytes: 0,
                span: Span::at(time),
            });
        }
        let Some(layer) = self.layers.iter_mut().rfind(|layer| is_known(layer)) else {
            return;
        };
        layer.state = state;
        layer.is_download |= state == LayerState::Downloading;
        layer.bytes = layer.bytes.max(bytes);
        layer.span.end = time;
    }

    pub(super) fn add(&mut self, call: Call) {
        if self.calls.len() < MOST {
            self.calls.push(call);
        } else {
            self.left_out += 1;
        }
    }

    /// Notes how it ended. `decisions` are those of a call that was not answered.
    pub(super) fn finish(&mut self, event: &Event, decisions: Vec<Decision>) {
        let EventKind::StepFinished {
            status,
            error,
            would_be_denied,
            audit,
            ..
        } = &event.kind
        else {
            return;
        };
        self.status = Some(*status);
        self.error.clone_from(error);
        self.audit.clone_from(audit);
        self.would_be_denied = *would_be_denied;
        self.span.end = event.time;
        self.end_phase(event.time);
        if let Some(first) = decisions.first() {
            let begin = first.time;
            self.add(Call {
                function: "a call that was not answered".to_owned(),
                arguments: String::new(),
                answer: None,
                decisions,
                span: Span {
                    begin,
                    end: event.time,
                },
            });
        }
    }

    fn end_phase(&mut self, time: OffsetDateTime) {
        if let Some((_, span)) = self.phases.last_mut() {
            span.end = time;
        }
    }
}

impl Call {
    pub(super) fn new(exchange: &Exchange, end: OffsetDateTime, decisions: Vec<Decision>) -> Self {
        Self {
            function: exchange.function.clone(),
            arguments: shown(&exchange.arguments),
            answer: Some(match &exchange.answer {
                Answer::Answer(answer) => Ok(shown(answer)),
                Answer::Error(error) => {
                    let hint = error.hint.as_deref().map(|hint| format!("\n{hint}"));
                    let hint = hint.unwrap_or_default();
                    Err(format!("{}: {}{hint}", error.kind, error.message))
                }
            }),
            decisions,
            span: Span {
                begin: end - Duration::from_micros(exchange.microseconds),
                end,
            },
        }
    }

    pub(super) fn is_denied(&self) -> bool {
        self.decisions.iter().any(|decision| decision.is_denial)
    }
}

impl Decision {
    pub(super) fn of(event: &Event) -> Option<Self> {
        let EventKind::CallStarted { permitted, .. } = event.kind else {
            return None;
        };
        Some(Self {
            text: crate::run::decision(&event.kind)?,
            is_denial: !permitted,
            time: event.time,
        })
    }
}

fn shown(value: &Value) -> String {
    if value.is_null() {
        return String::new();
    }
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
    text
}
