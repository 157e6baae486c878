//! One phase of a step, as a terminal shows it.

use std::time::Duration;

use stepyard::event::{LayerState, StepStatus};
use time::OffsetDateTime;

use super::output_tail::OutputTail;
use crate::view::theme::{Role, Theme};
use crate::view::transfer::{Layer, Rate, Transfer};
use crate::view::{measure, text};

/// How many lines of output the rolling window has.
const WINDOW_LINES: usize = 6;
/// How many layers have a bar of their own.
const LAYER_BARS: usize = 8;
/// The columns of a bar.
const BAR_COLUMNS: usize = 24;
/// The columns of a phase's name, so that the times stand below one another.
const NAME_COLUMNS: usize = 18;

/// One phase.
#[derive(Debug)]
pub(super) struct Phase {
    /// Its name; none before a step has named its first.
    pub(super) name: Option<String>,
    pub(super) began: OffsetDateTime,
    pub(super) context: Option<Context>,
    pub(super) transfer: Transfer,
    pub(super) output: OutputTail,
}

/// The build context on its way to the engine.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) rate: Rate,
    pub(super) complete: bool,
}

impl Phase {
    pub(super) fn new(name: Option<String>, began: OffsetDateTime) -> Self {
        Self {
            name,
            began,
            context: None,
            transfer: Transfer::default(),
            output: OutputTail::default(),
        }
    }

    /// The line that stays when the phase ended at `end` with `status`.
    pub(super) fn ended(
        &self,
        theme: Theme,
        label: &str,
        status: StepStatus,
        end: OffsetDateTime,
    ) -> Option<String> {
        let name = format!("{label}{}", self.name.as_ref()?);
        let mark = theme.mark(status);
        let elapsed = measure::duration(measure::between(self.began, end));
        let details = theme.paint(Role::Detail, &self.details().join(", "));
        let line = format!("  {mark} {name:<NAME_COLUMNS$} {elapsed:>8}  {details}");
        Some(line.trim_end().to_owned())
    }

    /// What the phase did, in short.
    fn details(&self) -> Vec<String> {
        let mut details = Vec::new();
        if let Some(context) = &self.context {
            let context = text::context(context.files, context.bytes);
            details.push(format!("context {context}"));
        }
        for direction in [LayerState::Downloading, LayerState::Uploading] {
            let done = self.transfer.in_state(LayerState::Done);
            let sizes: Vec<u64> = done
                .filter(|layer| layer.direction == Some(direction))
                .map(Layer::size)
                .collect();
            if !sizes.is_empty() {
                let count = measure::count(sizes.len() as u64, "layer");
                let size = measure::size(sizes.iter().sum());
                details.push(format!("{count} {} ({size})", text::moved(Some(direction))));
            }
        }
        let existing = self.transfer.in_state(LayerState::Exists).count();
        if existing > 0 {
            details.push(format!("{existing} already there"));
        }
        details
    }

    /// What moves: the phase with its spinner, and what it is about.
    pub(super) fn moving_lines(
        &self,
        theme: Theme,
        label: &str,
        now: OffsetDateTime,
    ) -> Vec<String> {
        let elapsed = measure::between(self.began, now);
        let tenths = elapsed.as_millis() as u64 / 100;
        let spinner = theme.spinner(tenths).to_string();
        let name = format!("{label}{}", self.name.as_deref().unwrap_or("Starting"));
        let mut lines = vec![format!(
            "  {} {} {:>8}",
            theme.paint(Role::Active, &spinner),
            theme.paint(Role::Heading, &format!("{name:<NAME_COLUMNS$}")),
            // In tenths, because single milliseconds only flicker.
            measure::duration(Duration::from_millis(tenths * 100)),
        )];
        if let Some(context) = self.context.as_ref().filter(|context| !context.complete) {
            let rate = context.rate.at(now).map(measure::rate);
            let parts = [Some(text::context(context.files, context.bytes)), rate];
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            lines.push(format!("    sending the context: {}", parts.join(", ")));
        }
        self.add_layers(theme, now, &mut lines);
        for line in self.output.last(WINDOW_LINES) {
            lines.push(theme.paint(Role::Detail, &format!("    {} {line}", theme.rule())));
        }
        lines
    }

    fn add_layers(&self, theme: Theme, now: OffsetDateTime, lines: &mut Vec<String>) {
        let moving: Vec<&Layer> = self.transfer.moving().collect();
        let (shown, rest) = moving.split_at(moving.len().min(LAYER_BARS));
        lines.extend(shown.iter().map(|layer| layer_line(theme, layer, now)));
        let mut parts = Vec::new();
        if !rest.is_empty() {
            let current = rest.iter().map(|layer| layer.current).sum();
            parts.push(format!(
                "{} more moving, {}",
                rest.len(),
                measure::size(current)
            ));
        }
        let waiting = self.transfer.in_state(LayerState::Waiting).count();
        if waiting > 0 {
            parts.push(format!("{waiting} waiting"));
        }
        let done = self.transfer.in_state(LayerState::Done);
        let (count, size) = done.fold((0_u64, 0), |(count, size), layer| {
            (count + 1, size + layer.size())
        });
        if count > 0 {
            parts.push(format!("{count} done ({})", measure::size(size)));
        }
        let existing = self.transfer.in_state(LayerState::Exists).count();
        if existing > 0 {
            parts.push(format!("{existing} already there"));
        }
        if !parts.is_empty() {
            let total = theme.paint(Role::Detail, &format!("layers: {}", parts.join(", ")));
            lines.push(format!("    {total}"));
        }
    }
}

fn layer_line(theme: Theme, layer: &Layer, now: OffsetDateTime) -> String {
    let current = measure::size(layer.current);
    let (bar, size) = match layer.total {
        Some(total) => (
            theme.bar(layer.current, total, BAR_COLUMNS),
            format!("{current} / {}", measure::size(total)),
        ),
        None => (theme.bar(0, 0, BAR_COLUMNS), current),
    };
    let rate = layer.rate.at(now).map(measure::rate);
    let rate = theme.paint(Role::Detail, &rate.unwrap_or_default());
    let name = text::one_line(&layer.name);
    format!("    {name:<12} {bar} {size:>17}  {rate}")
        .trim_end()
        .to_owned()
}
