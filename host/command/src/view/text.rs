//! The words for what an event says, shared by the views for people.

use std::borrow::Cow;
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

/// Lines that the log of a CI system takes for no command of its own: GitHub's runner obeys a line
/// that begins with `::`, and it and Azure's agent `##[` and `##vso[` anywhere, as TeamCity's
/// `##teamcity[`. A space goes between the characters, of which no two are left side by side.
pub(crate) fn without_commands(lines: &str) -> Cow<'_, str> {
    const ANYWHERE: [&str; 3] = ["##[", "##vso[", "##teamcity["];
    let begins_one = |line: &str| line.trim_start().starts_with("::");
    let lower = lines.to_ascii_lowercase();
    let has_one = ANYWHERE.iter().any(|command| lower.contains(command));
    if !has_one && !lines.split('\n').any(begins_one) {
        return Cow::Borrowed(lines);
    }
    let lines = lines.split('\n').map(|line| {
        let line = match begins_one(line) {
            true => line.replacen("::", ": :", 1),
            false => line.to_owned(),
        };
        // Twice, because of three the last two would be left.
        line.replace("##", "# #").replace("##", "# #")
    });
    Cow::Owned(lines.collect::<Vec<_>>().join("\n"))
}

/// JSON with the same meaning, in which a CI system finds no command of its own: it looks for
/// `##vso[` within a line too. The second of two `#`, which only texts have, is escaped.
pub(crate) fn json_without_commands(json: &str) -> String {
    json.replace("##", "#\\u0023")
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
    let text = without_commands(text.trim_end());
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// What decided on a call.
pub(super) fn decided_by(rule: Option<&str>) -> String {
    rule.map_or_else(|| "no rule".to_owned(), one_line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_a_command_of_a_ci_system() {
        for (line, expected) in [
            ("::set-output name=a::b", ": :set-output name=a::b"),
            ("one\n  ::add-mask::x", "one\n  : :add-mask::x"),
            ("a ##vso[task.setvariable]x", "a # #vso[task.setvariable]x"),
            ("##[group]x", "# #[group]x"),
            ("###[group]x", "# # #[group]x"),
            ("#####vso[x]y", "# # # # #vso[x]y"),
            (":::set-output name=a::b", ": ::set-output name=a::b"),
            ("##TeamCity[message]", "# #TeamCity[message]"),
            ("std::fmt ## 3 ##", "std::fmt ## 3 ##"),
        ] {
            assert_eq!(without_commands(line), expected);
        }
    }
}
