//! What a run did, after its last step.

use std::time::Duration;

use console::measure_text_width;
use stepyard::PushedImage;
use stepyard::event::StepStatus;

use super::theme::{Role, Theme};
use super::{measure, text};

/// What a run did.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunSummary {
    /// The steps, in the pipeline's order.
    pub(crate) steps: Vec<StepSummary>,
    /// How long all of it took.
    pub(crate) duration: Duration,
}

/// What one step did.
#[derive(Clone, Debug)]
pub(crate) struct StepSummary {
    /// The step's identifier.
    pub(crate) step: String,
    /// How it ended.
    pub(crate) status: StepStatus,
    /// How long it took.
    pub(crate) duration: Duration,
    /// The images that it left in registries, also where it failed afterwards.
    pub(crate) images: Vec<PushedImage>,
    /// Its outputs: names and values.
    pub(crate) outputs: Vec<(String, String)>,
    /// How many of its calls were made though the policy denies them, because it only observes.
    pub(crate) would_be_denied: u64,
    /// The head of the audit log after it, where there is one.
    pub(crate) audit: Option<String>,
}

/// The summary as lines: for a terminal of `theme`, or plain. A table that is wider than `width`
/// columns is shown one value a line instead.
pub(super) fn lines(summary: &RunSummary, theme: Option<Theme>, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut section = |title: &str, body: Vec<String>| {
        if body.is_empty() {
            return;
        }
        if let Some(theme) = theme {
            lines.push(String::new());
            lines.push(theme.paint(Role::Heading, title));
        } else {
            lines.push(format!("== {title}"));
        }
        lines.extend(body.into_iter().map(|line| format!("  {line}")));
    };
    section("Steps", step_lines(summary, theme));
    section("Pushed", image_lines(summary, width.saturating_sub(2)));
    section("Outputs", output_lines(summary));
    section("Policy", policy_lines(summary));
    section("Audit", audit_lines(summary));
    lines
}

fn step_lines(summary: &RunSummary, theme: Option<Theme>) -> Vec<String> {
    let mut rows: Vec<Vec<String>> = summary
        .steps
        .iter()
        .map(|step| {
            let name = text::one_line(&step.step);
            let status = text::status(step.status).to_owned();
            vec![
                theme.map_or_else(
                    || name.clone(),
                    |theme| format!("{} {name}", theme.mark(step.status)),
                ),
                status,
                match step.status {
                    StepStatus::Skipped => String::new(),
                    _ => measure::duration(step.duration),
                },
            ]
        })
        .collect();
    if summary.steps.len() > 1 {
        let indent = if theme.is_some() { "  " } else { "" };
        rows.push(vec![
            format!("{indent}in all"),
            String::new(),
            measure::duration(summary.duration),
        ]);
    }
    table(&rows)
}

fn policy_lines(summary: &RunSummary) -> Vec<String> {
    let steps = summary.steps.iter();
    let steps = steps.filter(|step| step.would_be_denied > 0);
    steps
        .map(|step| {
            let (name, count) = (text::one_line(&step.step), step.would_be_denied);
            let calls = if count == 1 { "call" } else { "calls" };
            format!("{name}: {count} {calls} would be denied; the policy only observes")
        })
        .collect()
}

/// The head after the last step, which stands for all before it.
fn audit_lines(summary: &RunSummary) -> Vec<String> {
    let mut heads = summary.steps.iter().rev();
    let head = heads.find_map(|step| step.audit.as_deref());
    head.map(|head| format!("head {}", text::one_line(head)))
        .into_iter()
        .collect()
}

fn image_lines(summary: &RunSummary, width: usize) -> Vec<String> {
    let rows: Vec<Vec<String>> = summary
        .steps
        .iter()
        .flat_map(|step| &step.images)
        .map(|image| {
            vec![
                reference(image),
                text::one_line(&image.digest),
                image.size.map(measure::size).unwrap_or_default(),
            ]
        })
        .collect();
    let lines = table(&rows);
    if lines.iter().all(|line| measure_text_width(line) <= width) {
        return lines;
    }
    let mut lines = Vec::new();
    for row in rows {
        for (column, cell) in row.into_iter().enumerate() {
            if !cell.is_empty() {
                lines.push(if column == 0 {
                    cell
                } else {
                    format!("  {cell}")
                });
            }
        }
    }
    lines
}

fn output_lines(summary: &RunSummary) -> Vec<String> {
    summary
        .steps
        .iter()
        .flat_map(|step| step.outputs.iter().map(move |output| (&step.step, output)))
        .map(|(step, (name, value))| text::one_line(&format!("{step}.{name} = {value}")))
        .collect()
}

/// The image's reference with its tag.
pub(super) fn reference(image: &PushedImage) -> String {
    text::one_line(&format!(
        "{}/{}:{}",
        image.registry, image.repository, image.tag
    ))
}

/// Rows with their columns below one another, two spaces apart.
fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| measure_text_width(cell))
                .max()
                .unwrap_or_default()
        })
        .collect();
    rows.iter()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| {
                    let padding = width.saturating_sub(measure_text_width(cell));
                    format!("{cell}{}", " ".repeat(padding))
                })
                .collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> RunSummary {
        let step = |step: &str, status, seconds| StepSummary {
            step: step.to_owned(),
            status,
            duration: Duration::from_secs(seconds),
            images: Vec::new(),
            outputs: Vec::new(),
            would_be_denied: 0,
            audit: None,
        };
        let image = |tag: &str, size| PushedImage {
            registry: "registry.test".to_owned(),
            repository: "app".to_owned(),
            tag: tag.to_owned(),
            digest: "sha256:0123".to_owned(),
            size,
        };
        let mut push = step("push", StepStatus::Succeeded, 12);
        push.images = vec![image("1.0", Some(3_400_000)), image("latest", None)];
        push.outputs = vec![("digest".to_owned(), "sha256:0123".to_owned())];
        RunSummary {
            steps: vec![
                push,
                step("promote", StepStatus::TimedOut, 90),
                step("notify", StepStatus::Skipped, 0),
            ],
            duration: Duration::from_secs(102),
        }
    }

    #[test]
    fn plain() {
        let expected = "\
== Steps
  push     succeeded  12.0s
  promote  timed out  1m 30s
  notify   skipped
  in all              1m 42s
== Pushed
  registry.test/app:1.0     sha256:0123  3.4 MB
  registry.test/app:latest  sha256:0123
== Outputs
  push.digest = sha256:0123";
        assert_eq!(lines(&summary(), None, usize::MAX).join("\n"), expected);
    }

    #[test]
    fn a_narrow_terminal_gets_one_value_a_line() {
        let mut summary = summary();
        summary.steps.truncate(1);
        let expected = "

Steps
  + push  succeeded  12.0s

Pushed
  registry.test/app:1.0
    sha256:0123
    3.4 MB
  registry.test/app:latest
    sha256:0123

Outputs
  push.digest = sha256:0123";
        let shown = lines(&summary, Some(Theme::new(false, false)), 40);
        assert_eq!(format!("\n{}", shown.join("\n")), expected);
    }

    #[test]
    fn a_run_without_steps_says_nothing() {
        assert!(lines(&RunSummary::default(), None, 80).is_empty());
    }
}
