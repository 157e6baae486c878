//! What a terminal shows of a run: lines that stay, and lines that move.

use std::sync::Arc;
use std::time::Duration;

use console::truncate_str;
use stepyard::event::{Event, EventKind, LogLevel, OutputSource, StepStatus};
use time::OffsetDateTime;

use super::output_tail::KEPT_LINES;
use super::phase::{Context, Phase};
use crate::view::theme::{Role, Theme};
use crate::view::transfer::Rate;
use crate::view::{measure, summary, text};

/// What a terminal shows.
#[derive(Debug)]
pub(super) struct Screen {
    theme: Theme,
    verbose: bool,
    /// The steps that run.
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    id: Arc<str>,
    phase: Phase,
}

impl Screen {
    pub(super) fn new(theme: Theme, verbose: bool) -> Self {
        Self {
            theme,
            verbose,
            steps: Vec::new(),
        }
    }

    /// What moves, in lines of at most `width` columns.
    pub(super) fn moving_lines(&self, now: OffsetDateTime, width: usize) -> Vec<String> {
        self.steps
            .iter()
            .flat_map(|step| {
                step.phase
                    .moving_lines(self.theme, &self.label(&step.id), now)
            })
            .map(|line| truncate_str(&line, width, self.theme.ellipsis()).into_owned())
            .collect()
    }

    /// What stands before the name of a phase: the step, where several run.
    fn label(&self, step: &str) -> String {
        if self.steps.len() < 2 {
            return String::new();
        }
        format!("{} {} ", text::one_line(step), self.theme.separator())
    }

    /// The phase in which `event` happens.
    fn phase(&mut self, event: &Event) -> Option<&mut Phase> {
        let position = self.steps.iter().position(|step| step.id == event.step);
        let index = position.unwrap_or(self.steps.len());
        if position.is_none() {
            self.steps.push(Step {
                id: event.step.clone(),
                phase: Phase::new(None, event.time),
            });
        }
        self.steps.get_mut(index).map(|step| &mut step.phase)
    }

    /// Takes note of `event` and gives the lines that stay because of it.
    pub(super) fn apply(&mut self, event: &Event) -> Vec<String> {
        match &event.kind {
            EventKind::StepStarted { component, .. } => {
                self.phase(event);
                let step = self
                    .theme
                    .paint(Role::Heading, &text::one_line(&event.step));
                let component = format!("({})", text::one_line(component));
                vec![format!(
                    "{step} {}",
                    self.theme.paint(Role::Detail, &component)
                )]
            }
            EventKind::PhaseStarted { name } => {
                let label = self.label(&event.step);
                let theme = self.theme;
                let next = Phase::new(Some(text::one_line(name)), event.time);
                let ended = self
                    .phase(event)
                    .map(|phase| std::mem::replace(phase, next));
                let line = ended.and_then(|ended| {
                    ended.ended(theme, &label, StepStatus::Succeeded, event.time)
                });
                line.into_iter().collect()
            }
            EventKind::Log { level, message } => self.log_line(*level, message),
            EventKind::Output { source, line } => self.output(event, *source, line),
            // The engine's output says the same.
            EventKind::VertexStarted { .. } | EventKind::VertexFinished { .. } => Vec::new(),
            EventKind::ContextProgress {
                files,
                bytes,
                rate,
                complete,
            } => {
                if let Some(phase) = self.phase(event) {
                    phase.context = Some(Context {
                        files: *files,
                        bytes: *bytes,
                        rate: Rate::new(event.time, *rate),
                        complete: *complete,
                    });
                }
                Vec::new()
            }
            EventKind::LayerProgress {
                layer,
                state,
                current,
                total,
                rate,
            } => {
                if let Some(phase) = self.phase(event) {
                    let transfer = &mut phase.transfer;
                    transfer.update(event.time, layer, *state, *current, *total, *rate);
                }
                Vec::new()
            }
            EventKind::CallStarted {
                call,
                action,
                resource,
                permitted,
                rule,
                observed,
            } => {
                let what = text::one_line(&format!("{action} {resource}"));
                let by = text::decided_by(rule.as_deref());
                if *permitted {
                    self.detail(|| format!("call {call}: {what}, permitted by {by}"))
                } else if *observed {
                    let line = format!("would be denied: {what}, by {by}");
                    vec![self.theme.paint(Role::Warning, &format!("  {line}"))]
                } else {
                    let line = format!("denied: {what}, by {by}");
                    vec![self.theme.paint(Role::Failure, &format!("  {line}"))]
                }
            }
            EventKind::CallFinished {
                call,
                milliseconds,
                error,
            } => self.detail(|| {
                let duration = measure::duration(Duration::from_millis(*milliseconds));
                match error {
                    Some(error) => {
                        let message = text::one_line(&error.message);
                        format!("call {call}: failed after {duration}: {message}")
                    }
                    None => format!("call {call}: took {duration}"),
                }
            }),
            EventKind::ImagePushed(image) => {
                let line = format!("    pushed {}", summary::reference(image));
                vec![self.theme.paint(Role::Detail, &line)]
            }
            EventKind::StepFinished {
                status,
                milliseconds,
                ..
            } => self.finish_step(event, *status, Duration::from_millis(*milliseconds)),
        }
    }

    /// Forgets the steps that run, because nobody waits for them any more, and gives the lines
    /// that say how far they were.
    pub(super) fn interrupt(&mut self, now: OffsetDateTime) -> Vec<String> {
        let lines = self.steps.iter().filter_map(|step| {
            let label = self.label(&step.id);
            let interrupted = StepStatus::Interrupted;
            step.phase.ended(self.theme, &label, interrupted, now)
        });
        let lines = lines.collect();
        self.steps.clear();
        lines
    }

    /// A line for those who want to know everything.
    fn detail(&self, line: impl FnOnce() -> String) -> Vec<String> {
        if !self.verbose {
            return Vec::new();
        }
        vec![self.theme.paint(Role::Detail, &format!("    {}", line()))]
    }

    fn log_line(&self, level: LogLevel, message: &str) -> Vec<String> {
        let message = text::continued(message, "    ");
        let (role, prefix) = match level {
            LogLevel::Debug => return self.detail(|| message),
            LogLevel::Info => return vec![format!("    {message}")],
            LogLevel::Warn => (Role::Warning, "warning:"),
            LogLevel::Error => (Role::Failure, "error:"),
        };
        vec![format!("  {} {message}", self.theme.paint(role, prefix))]
    }

    /// The engine's output rolls through a window; what the component itself prints stays.
    fn output(&mut self, event: &Event, source: OutputSource, line: &str) -> Vec<String> {
        let line = text::one_line(line);
        if source != OutputSource::Build {
            let line = format!("    {} {line}", self.theme.rule());
            return vec![self.theme.paint(Role::Detail, &line)];
        }
        if let Some(phase) = self.phase(event) {
            phase.output.push(line);
        }
        Vec::new()
    }

    fn finish_step(
        &mut self,
        event: &Event,
        status: StepStatus,
        duration: Duration,
    ) -> Vec<String> {
        let label = self.label(&event.step);
        let position = self.steps.iter().position(|step| step.id == event.step);
        let step = position.map(|position| self.steps.remove(position));
        let line = step
            .as_ref()
            .and_then(|step| step.phase.ended(self.theme, &label, status, event.time));
        let mut lines: Vec<String> = line.into_iter().collect();
        if status == StepStatus::Succeeded {
            return lines;
        }
        let showing_output = status != StepStatus::Interrupted;
        if let Some(step) = step.filter(|_| showing_output) {
            let output = &step.phase.output;
            let rule = self.theme.rule();
            if output.dropped() > 0 {
                let left_out = measure::count(output.dropped() as u64, "earlier line");
                let line = format!("    {rule} ({left_out} left out)");
                lines.push(self.theme.paint(Role::Detail, &line));
            }
            let kept = output.last(KEPT_LINES);
            lines.extend(kept.map(|line| format!("    {rule} {line}")));
        }
        let mut line = format!(
            "{} {} {}",
            self.theme.mark(status),
            text::one_line(&event.step),
            text::status(status)
        );
        if status != StepStatus::Skipped {
            line.push_str(&format!(" after {}", measure::duration(duration)));
        }
        lines.push(line);
        lines
    }
}
