//! The words for what an event says, shared by the views for people.

use std::io::{self, Write};

use stepyard::event::{LayerState, StepStatus, printable};
use time::OffsetDateTime;

use super::measure;
use super::transfer::{Layer, Transfer};

/// `text` on one line, without control characters.
pub(crate) fn one_line(text: &str) -> String {
    printable(text).replace('\n', " ").replace('\t', "    ")
}

/// `text` without control characters; each further line starts with `indent`, so that it cannot
/// be taken for a line of the view's own.
pub(super) fn continued(text: &str, indent: &str) -> String {
    printable(text)
        .trim_end()
        .replace('\n', &format!("\n{indent}"))
}

/// How a step ended.
pub(super) fn status(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Succeeded => "succeeded",
        StepStatus::Failed => "failed",
        StepStatus::Denied => "denied",
        StepStatus::TimedOut => "timed out",
        StepStatus::Interrupted => "interrupted",
        StepStatus::Skipped => "skipped",
    }
}

/// What has happened to layers that went from or to a registry.
pub(super) fn moved(direction: Option<LayerState>) -> &'static str {
    match direction {
        Some(LayerState::Uploading) => "pushed",
        Some(LayerState::Downloading) => "pulled",
        _ => "done",
    }
}

/// How much of the build context has been sent.
pub(super) fn context(files: u64, bytes: u64) -> String {
    format!(
        "{}, {}",
        measure::count(files, "file"),
        measure::size(bytes)
    )
}

/// What moves, together; nothing where nothing does.
pub(super) fn moving(transfer: &Transfer, now: OffsetDateTime) -> Option<String> {
    let layers: Vec<&Layer> = transfer.moving().collect();
    let current = layers.iter().map(|layer| layer.current).sum();
    let total: Option<u64> = layers.iter().map(|layer| layer.total).sum();
    let rates: Vec<u64> = layers
        .iter()
        .filter_map(|layer| layer.rate.at(now))
        .collect();
    let mut text = format!(
        "{} moving: {}",
        measure::count(layers.len() as u64, "layer"),
        measure::size(current)
    );
    if let Some(total) = total {
        text.push_str(&format!(" of {}", measure::size(total)));
    }
    if !rates.is_empty() {
        text.push_str(&format!(", {}", measure::rate(rates.iter().sum())));
    }
    (!layers.is_empty()).then_some(text)
}

/// Writes `text` on standard error. Where that fails, nobody can be told.
pub(super) fn write_error(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", text.trim_end());
}

/// What decided on a call.
pub(super) fn decided_by(rule: Option<&str>) -> String {
    rule.map_or_else(|| "no rule".to_owned(), one_line)
}
