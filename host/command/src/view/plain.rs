//! A run as lines of text, for logs and pipes.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use stepyard::event::{Event, EventKind, EventSink, LayerState, LogLevel, StepStatus};
use time::OffsetDateTime;

use super::text::{continued, one_line};
use super::transfer::Transfer;
use super::{RunSummary, View, measure, summary, text};

/// The time between two lines about something that is not complete.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

/// Writes one line an event. Progress leaves a line when it is complete, and now and then before.
pub(super) struct PlainView<W> {
    verbose: bool,
    state: Mutex<State<W>>,
}

struct State<W> {
    output: W,
    /// The step of the last line.
    step: Option<Arc<str>>,
    transfers: HashMap<Arc<str>, Transfer>,
    /// When a step's progress was last told, or began.
    progress: HashMap<Arc<str>, OffsetDateTime>,
}

impl<W: Write + Send> PlainView<W> {
    pub(super) fn new(output: W, verbose: bool) -> Self {
        Self {
            verbose,
            state: Mutex::new(State {
                output,
                step: None,
                transfers: HashMap::new(),
                progress: HashMap::new(),
            }),
        }
    }

    fn with_state<T>(&self, act: impl FnOnce(&mut State<W>) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    #[cfg(test)]
    pub(super) fn written(&self) -> W
    where
        W: Clone,
    {
        self.with_state(|state| state.output.clone())
    }
}

impl<W: Write> State<W> {
    /// Writes lines of `step`, below its name where the last line was of another step.
    fn write(&mut self, step: &Arc<str>, is_heading: bool, lines: &str) -> io::Result<()> {
        let continues = self.step.as_ref().is_some_and(|last| last != step);
        if continues && !is_heading {
            writeln!(self.output, "== Step {} continues", one_line(step))?;
        }
        self.step = Some(step.clone());
        writeln!(self.output, "{}", text::without_commands(lines))?;
        self.output.flush()
    }

    /// Whether it is time to say how far something is that takes long.
    fn is_progress_due(&mut self, event: &Event) -> bool {
        let last = self.progress.entry(event.step.clone());
        let last = last.or_insert(event.time);
        let is_due = measure::between(*last, event.time) >= PROGRESS_INTERVAL;
        if is_due {
            *last = event.time;
        }
        is_due
    }

    /// The line for `event`, if there is one.
    fn line(&mut self, event: &Event, verbose: bool) -> Option<String> {
        let line = match &event.kind {
            EventKind::StepStarted { component, .. } => {
                let step = one_line(&event.step);
                format!("== Step {step} ({})", one_line(component))
            }
            EventKind::PhaseStarted { name } => {
                self.transfers.remove(&event.step);
                self.progress.remove(&event.step);
                format!("== {}", one_line(name))
            }
            EventKind::Log { level, message } => {
                let prefix = match level {
                    LogLevel::Debug if !verbose => return None,
                    LogLevel::Debug => "debug: ",
                    LogLevel::Info => "",
                    LogLevel::Warn => "warning: ",
                    LogLevel::Error => "error: ",
                };
                format!("{prefix}{}", continued(message, "  "))
            }
            EventKind::Output { line, .. } => format!("  {}", continued(line, "  ")),
            // The engine's output says the same.
            EventKind::VertexStarted { .. } | EventKind::VertexFinished { .. } => return None,
            EventKind::ContextProgress {
                files,
                bytes,
                rate,
                complete,
            } => {
                if !complete && !self.is_progress_due(event) {
                    return None;
                }
                let mut line = format!("context: {}", text::context(*files, *bytes));
                if !complete {
                    line.push_str(" so far");
                }
                if let Some(rate) = rate {
                    line.push_str(&format!(", {}", measure::rate(*rate)));
                }
                line
            }
            EventKind::LayerProgress {
                layer,
                state,
                current,
                total,
                rate,
            } => {
                let is_due = self.is_progress_due(event);
                let transfer = self.transfers.entry(event.step.clone()).or_default();
                let ended = transfer.update(event.time, layer, *state, *current, *total, *rate);
                let Some(ended) = ended else {
                    return is_due.then(|| text::moving(transfer, event.time)).flatten();
                };
                let name = one_line(&ended.name);
                match (ended.state, ended.size()) {
                    (LayerState::Exists, _) => format!("layer {name}: already there"),
                    (_, 0) => format!("layer {name}: {}", text::moved(ended.direction)),
                    (_, size) => {
                        let size = measure::size(size);
                        format!("layer {name}: {} {size}", text::moved(ended.direction))
                    }
                }
            }
            EventKind::CallStarted {
                call,
                action,
                resource,
                permitted,
                rule,
                observed,
            } => {
                let resource = one_line(resource);
                let by = text::decided_by(rule.as_deref());
                match permitted {
                    true if !verbose => return None,
                    true => format!("call {call}: {action} {resource}, permitted by {by}"),
                    false if *observed => {
                        format!("would be denied: {action} {resource}, by {by}")
                    }
                    false => format!("denied: {action} {resource}, by {by}"),
                }
            }
            EventKind::CallFinished {
                call,
                milliseconds,
                error,
            } => {
                if !verbose {
                    return None;
                }
                let duration = measure::duration(Duration::from_millis(*milliseconds));
                match error {
                    Some(error) => {
                        let message = continued(&error.message, "  ");
                        format!("call {call}: failed after {duration}: {message}")
                    }
                    None => format!("call {call}: took {duration}"),
                }
            }
            EventKind::ImagePushed(image) => {
                let size = image.size.map(measure::size);
                let size = size.map_or_else(String::new, |size| format!(", {size}"));
                let digest = one_line(&image.digest);
                format!("pushed {} as {digest}{size}", summary::reference(image))
            }
            EventKind::StepFinished {
                status,
                milliseconds,
                ..
            } => {
                self.transfers.remove(&event.step);
                self.progress.remove(&event.step);
                let step = one_line(&event.step);
                let ended = text::status(*status);
                match status {
                    StepStatus::Skipped => format!("== Step {step} {ended}"),
                    _ => {
                        let duration = measure::duration(Duration::from_millis(*milliseconds));
                        format!("== Step {step} {ended} after {duration}")
                    }
                }
            }
        };
        Some(line)
    }
}

impl<W: Write + Send> EventSink for PlainView<W> {
    fn emit(&self, event: Event) {
        self.with_state(|state| {
            if let Some(line) = state.line(&event, self.verbose) {
                let is_heading = matches!(
                    event.kind,
                    EventKind::StepStarted { .. } | EventKind::StepFinished { .. }
                );
                // Who closes a pipe has seen enough, and the run goes on.
                let _ = state.write(&event.step, is_heading, &line);
            }
        });
    }
}

impl<W: Write + Send> View for PlainView<W> {
    fn finish(&self) {}

    fn summary(&self, summary: &RunSummary) {
        self.with_state(|state| {
            for line in summary::lines(summary, None, usize::MAX) {
                let _ = writeln!(state.output, "{}", text::without_commands(&line));
            }
            let _ = state.output.flush();
        });
    }
}
