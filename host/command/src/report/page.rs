//! The page.

use std::io::{self, Write};
use std::time::Duration;

use stepyard::event::{LayerState, StepStatus};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::escape::Escaped;
use super::log::Log;
use super::model::{Call, Layer, Span, Step};
use super::timeline::{Axis, took};
use crate::view::{RunSummary, StepSummary, count, size};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// A run, to be shown.
pub(super) struct Run<'a> {
    pub(super) title: &'a str,
    pub(super) begin: OffsetDateTime,
    pub(super) end: OffsetDateTime,
    pub(super) steps: &'a [Step],
    pub(super) summary: &'a RunSummary,
}

impl Run<'_> {
    pub(super) fn write(&self, output: &mut impl Write, log: &mut Log) -> io::Result<()> {
        let title = Escaped(self.title);
        write!(
            output,
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             style-src '{}'; script-src '{}'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title} – Stepyard</title>\n<style>{STYLE}</style>\n",
            hash(STYLE),
            hash(SCRIPT)
        )?;
        let begin = self.begin.replace_nanosecond(0).unwrap_or(self.begin);
        let begin = begin.format(&Rfc3339).unwrap_or_default();
        let whole = Span {
            begin: self.begin,
            end: self.end,
        };
        let (class, word) = self.status();
        writeln!(
            output,
            "<header><h1>{title} <b class=\"status {class}\">{word}</b></h1>\n\
             <p>{begin} · {} · stepyard {}</p></header>\n<main>",
            took(whole.duration()),
            env!("CARGO_PKG_VERSION")
        )?;
        if self.steps.len() > 1 {
            self.overview(output, whole)?;
        }
        for (place, step) in self.steps.iter().enumerate() {
            let summary = self.summary.steps.iter();
            let summary = summary
                .rev()
                .find(|summary| *summary.step == *step.identifier);
            section(output, (place, step), summary, self.end)?;
        }
        write_log(output, log)?;
        writeln!(output, "</main>\n<script>{SCRIPT}</script>")
    }

    /// How it ended: as the first step that did not succeed.
    fn status(&self) -> (&'static str, &'static str) {
        // Of a step that was tried again, the last time counts.
        let is_last = |step: &&Step| {
            let same = |other: &&Step| other.identifier == step.identifier;
            self.steps
                .iter()
                .rfind(same)
                .is_some_and(|last| std::ptr::eq(last, *step))
        };
        let mut last = self.steps.iter().filter(is_last).map(|step| step.status);
        let is_bad = |status: &Option<StepStatus>| {
            !matches!(status, Some(StepStatus::Succeeded | StepStatus::Skipped))
        };
        match last.find(is_bad) {
            Some(status) => word(status),
            None if self.steps.is_empty() => ("skipped", "nothing ran"),
            None => word(Some(StepStatus::Succeeded)),
        }
    }

    fn overview(&self, output: &mut impl Write, whole: Span) -> io::Result<()> {
        let axis = Axis::over(whole);
        writeln!(
            output,
            "<section><h2>Steps</h2><div class=\"timeline overview\">"
        )?;
        for (place, step) in self.steps.iter().enumerate() {
            let (class, word) = word(step.status);
            let span = ended(step, self.end);
            writeln!(
                output,
                "<a class=\"row\" href=\"#step-{place}\"><span class=\"name\">{}</span>{}\
                 <span class=\"took\">{} <small>{word}</small></span></a>",
                Escaped(&step.identifier),
                axis.bar(span, class),
                took(span.duration())
            )?;
        }
        writeln!(output, "{}</div></section>", scale(axis))
    }
}

fn scale(axis: Axis) -> String {
    format!(
        "<div class=\"row\"><span class=\"name\"></span>{}<span class=\"took\"></span></div>",
        axis.scale()
    )
}

/// A step that has not ended ran until the end.
fn ended(step: &Step, end: OffsetDateTime) -> Span {
    match step.status {
        Some(_) => step.span,
        None => Span { end, ..step.span },
    }
}

const fn word(status: Option<StepStatus>) -> (&'static str, &'static str) {
    match status {
        Some(StepStatus::Succeeded) => ("succeeded", "succeeded"),
        Some(StepStatus::Failed) => ("failed", "failed"),
        Some(StepStatus::Denied) => ("denied", "denied"),
        Some(StepStatus::TimedOut) => ("failed", "timed out"),
        Some(StepStatus::Interrupted) | None => ("failed", "interrupted"),
        Some(StepStatus::Skipped) => ("skipped", "skipped"),
    }
}

fn section(
    output: &mut impl Write,
    (place, step): (usize, &Step),
    summary: Option<&StepSummary>,
    end: OffsetDateTime,
) -> io::Result<()> {
    let (class, word) = word(step.status);
    let span = ended(step, end);
    writeln!(
        output,
        "<section id=\"step-{place}\"><h2>{} <b class=\"status {class}\">{word}</b> <small>{}</small></h2>",
        Escaped(&step.identifier),
        took(span.duration())
    )?;
    if let Some((name, digest)) = &step.component {
        let (name, digest) = (Escaped(name), Escaped(digest));
        writeln!(
            output,
            "<p class=\"component\">{name} <code>{digest}</code></p>"
        )?;
    }
    if let Some(error) = &step.error {
        writeln!(output, "<pre class=\"problem\">{}</pre>", Escaped(error))?;
    }
    if step.would_be_denied > 0 {
        let count = step.would_be_denied;
        writeln!(
            output,
            "<p class=\"denials\">would be denied under enforcement: {count}</p>"
        )?;
    }
    timeline(output, step, Axis::over(span))?;
    if let Some(summary) = summary {
        left(output, summary)?;
    }
    if let Some(head) = &step.audit {
        writeln!(
            output,
            "<p>audit log up to <code>{}</code></p>",
            Escaped(head)
        )?;
    }
    writeln!(output, "</section>")
}

fn timeline(output: &mut impl Write, step: &Step, axis: Axis) -> io::Result<()> {
    // In the order in which they began, each phase before what is done in it.
    let mut lines: Vec<(OffsetDateTime, String)> = Vec::new();
    for (name, span) in &step.phases {
        let name = Escaped(name).to_string();
        lines.push((span.begin, row(axis, "phase", &name, *span, "")));
    }
    for call in &step.calls {
        lines.push((call.span.begin, call_row(axis, call)));
    }
    if let Some((files, bytes, span)) = &step.context {
        let files = count(*files, "file");
        let name = format!("build context <small>{files}, {}</small>", size(*bytes));
        lines.push((span.begin, row(axis, "transfer", &name, *span, "")));
    }
    for layer in &step.layers {
        lines.push((layer.span.begin, layer_row(axis, layer)));
    }
    if lines.is_empty() {
        return Ok(());
    }
    lines.sort_by_key(|(begin, _)| *begin);
    writeln!(output, "<div class=\"timeline\">{}", scale(axis))?;
    for (_, line) in lines {
        writeln!(output, "{line}")?;
    }
    writeln!(output, "</div>")?;
    if step.left_out > 0 {
        writeln!(output, "<p>{} more are left out</p>", step.left_out)?;
    }
    Ok(())
}

/// A line of the timeline; with details, one that can be opened.
fn row(axis: Axis, class: &'static str, name: &str, span: Span, details: &str) -> String {
    let line = format!(
        "<span class=\"name\">{name}</span>{}<span class=\"took\">{}</span>",
        axis.bar(span, class),
        took(span.duration())
    );
    match details.is_empty() {
        true => format!("<div class=\"row {class}\">{line}</div>"),
        false => format!(
            "<details class=\"{class}\"><summary class=\"row\">{line}</summary>{details}</details>"
        ),
    }
}

fn call_row(axis: Axis, call: &Call) -> String {
    let class = match (&call.answer, call.is_denied()) {
        (_, true) => "denied",
        (Some(Ok(_)), false) => "call",
        (Some(Err(_)) | None, false) => "failed",
    };
    let mut details = String::new();
    for decision in &call.decisions {
        let class = if decision.is_denial {
            "denial"
        } else {
            "permission"
        };
        details += &format!("<p class=\"{class}\">{}</p>", Escaped(&decision.text));
    }
    let (title, answer) = match &call.answer {
        Some(Ok(answer)) => ("answer", answer.as_str()),
        Some(Err(error)) => ("error", error.as_str()),
        None => ("answer", "none: the step ended before"),
    };
    for (title, text) in [("arguments", call.arguments.as_str()), (title, answer)] {
        if !text.is_empty() {
            details += &format!("<h3>{title}</h3><pre>{}</pre>", Escaped(text));
        }
    }
    let name = Escaped(&call.function).to_string();
    row(axis, class, &name, call.span, &details)
}

fn layer_row(axis: Axis, layer: &Layer) -> String {
    let seconds = layer.span.duration().as_secs_f64();
    let rate = match layer.state {
        LayerState::Exists => ", was there".to_owned(),
        _ if layer.span.duration() > Duration::from_millis(1) => {
            format!(", {}/s", size((layer.bytes as f64 / seconds) as u64))
        }
        _ => String::new(),
    };
    let way = if layer.is_download { "from" } else { "to" };
    let name = format!(
        "layer {} <small>{way} the registry, {}{rate}</small>",
        Escaped(&layer.name),
        size(layer.bytes)
    );
    row(axis, "transfer", &name, layer.span, "")
}

/// What a step left for others.
fn left(output: &mut impl Write, summary: &StepSummary) -> io::Result<()> {
    if summary.images.is_empty() && summary.outputs.is_empty() {
        return Ok(());
    }
    writeln!(output, "<table class=\"left\">")?;
    for image in &summary.images {
        let name = format!("{}/{}:{}", image.registry, image.repository, image.tag);
        let size = image.size.map(size).unwrap_or_default();
        writeln!(
            output,
            "<tr><th>image<td>{}<br><code>{}</code> {size}",
            Escaped(name),
            Escaped(&image.digest)
        )?;
    }
    for (name, value) in &summary.outputs {
        writeln!(
            output,
            "<tr><th>output<td>{} = {}",
            Escaped(name),
            Escaped(value)
        )?;
    }
    writeln!(output, "</table>")
}

fn write_log(output: &mut impl Write, log: &mut Log) -> io::Result<()> {
    if log.lines == 0 {
        return Ok(());
    }
    writeln!(
        output,
        "<section><h2>Log <small>{}</small></h2>\n<p id=\"filter\" hidden><input type=\"search\" \
         placeholder=\"Show only lines with …\" aria-label=\"Show only lines with\"></p>\n\
         <table class=\"log\">",
        count(log.lines as u64, "line")
    )?;
    log.copy(output)?;
    writeln!(output, "</table>")?;
    if log.left_out > 0 {
        writeln!(output, "<p>{} more lines are left out</p>", log.left_out)?;
    }
    writeln!(output, "</section>")
}

/// The hash of a style or script as Content Security Policy writes it (W3C CSP 3, "hash-source").
fn hash(text: &str) -> String {
    use base64::Engine as _;
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(text.as_bytes());
    format!(
        "sha256-{}",
        base64::engine::general_purpose::STANDARD.encode(hash)
    )
}
