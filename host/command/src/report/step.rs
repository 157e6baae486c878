//! The section of one step.

use std::time::Duration;

use maud::{Markup, html};
use stepyard::event::{LayerState, LogLevel, OutputSource, StepStatus};
use time::OffsetDateTime;
use time::macros::format_description;

use super::lane::{Axis, duration};
use super::model::{
    At, Call, CallAnswer, Context, Decision, Layer, Line, LineKind, Log, Phase, StepRun, Verdict,
    Vertex,
};
use crate::view::{count, rate, size};

/// The section of a step; `number` counts the sections from 1.
pub(super) fn section(run: &StepRun, number: usize) -> Markup {
    html! {
        section.step id={ "step-" (number) } {
            header {
                h2 {
                    (badge(run.status))
                    " " span { (run.step) }
                    @if run.attempt > 1 { " " span.attempt { "attempt " (run.attempt) } }
                }
                (facts(run))
            }
            (problem(run))
            @if !run.phases.is_empty() { (timeline(run)) }
            (images(run))
            (outputs(run))
            (log(&run.log))
        }
    }
}

/// How a step ended, in a word, a mark and a colour.
pub(super) fn badge(status: Option<StepStatus>) -> Markup {
    let (kind, mark, word) = status_words(status);
    html! { span.badge.(kind) { span aria-hidden="true" { (mark) } " " (word) } }
}

/// The class, mark and word of a status.
pub(super) fn status_words(
    status: Option<StepStatus>,
) -> (&'static str, &'static str, &'static str) {
    match status {
        Some(StepStatus::Succeeded) => ("ok", "✓", "succeeded"),
        Some(StepStatus::Failed) => ("failed", "✕", "failed"),
        Some(StepStatus::Denied) => ("denied", "⊘", "denied"),
        Some(StepStatus::TimedOut) => ("failed", "◷", "timed out"),
        Some(StepStatus::Interrupted) => ("observed", "■", "interrupted"),
        Some(StepStatus::Skipped) => ("quiet", "–", "skipped"),
        None => ("observed", "…", "not finished"),
    }
}

/// A time as people and programs read it.
pub(super) fn instant(time: OffsetDateTime) -> Markup {
    let shown = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let exact = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    let utc = time.to_offset(time::UtcOffset::UTC);
    html! {
        time datetime=(utc.format(exact).unwrap_or_default()) {
            (utc.format(shown).unwrap_or_default()) " UTC"
        }
    }
}

fn facts(run: &StepRun) -> Markup {
    let (calls, denied) = counts(run);
    html! {
        dl.facts {
            @if let Some(component) = &run.component { (fact("Component", html! { (component) })) }
            @if run.status != Some(StepStatus::Skipped) {
                (fact("Started", instant(run.begin)))
                (fact("Took", html! { (duration(run.took)) }))
                (fact("Calls", html! {
                    (calls)
                    @if denied > 0 { " " span.badge.denied { (denied) " denied" } }
                    @if run.would_be_denied > 0 {
                        " " span.badge.observed { (run.would_be_denied) " would be denied" }
                    }
                }))
            }
            @if let Some(engine) = &run.engine { (fact("Engine", html! { (engine) })) }
            @if let Some(digest) = &run.digest { (fact("Digest", html! { code { (digest) } })) }
            @if let Some(audit) = &run.audit { (fact("Audit head", html! { code { (audit) } })) }
        }
    }
}

fn counts(run: &StepRun) -> (u64, usize) {
    let calls = || run.phases.iter().flat_map(|phase| &phase.calls);
    let denied = calls().filter(|call| call.verdict() == Verdict::Denied);
    (calls().count() as u64 + run.calls_left_out, denied.count())
}

fn fact(name: &str, value: Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

fn problem(run: &StepRun) -> Markup {
    let is_skipped = run.status == Some(StepStatus::Skipped);
    html! {
        @if let Some(error) = &run.error {
            @if is_skipped {
                p.reason { (error) }
            } @else {
                div.problem role="note" {
                    pre { (error) }
                    @if let Some(hint) = &run.hint { pre.hint { (hint) } }
                }
            }
        }
        @if let Some(status) = run.counts_as {
            p.reason { "By its failure strategy the step counts as " (status_words(Some(status)).2) "." }
        }
        @if run.status.is_none() {
            p.reason { "Nothing was heard of its end." }
        }
    }
}

fn timeline(run: &StepRun) -> Markup {
    let axis = Axis::new(run.took);
    html! {
        h3 { "Timeline" }
        div.timeline data-span=(axis.milliseconds()) {
            div.row.axis {
                span.name { span.zoom {} }
                (axis.ticks())
                span.took {}
            }
            div.rows {
                (axis.grid())
                @for phase in &run.phases { (phase_rows(phase, axis)) }
                @if run.calls_left_out > 0 {
                    p.left-out { (run.calls_left_out) " further calls are left out" }
                }
            }
        }
    }
}

fn phase_rows(phase: &Phase, axis: Axis) -> Markup {
    let took = took(phase.begin, phase.end);
    let name = phase.name.as_deref();
    html! {
        @if let Some(name) = name {
            details.phase open {
                summary.row {
                    span.name { (name) }
                    (axis.bar(phase.begin, phase.end, "phase", &said(name, phase.begin, phase.end)))
                    span.took { (took) }
                }
                @for call in &phase.calls { (call_rows(call, axis)) }
            }
        } @else {
            @for call in &phase.calls { (call_rows(call, axis)) }
        }
    }
}

fn took(begin: At, end: Option<At>) -> String {
    end.map_or_else(|| "–".to_owned(), |end| duration(end.saturating_sub(begin)))
}

/// What the bar says when it is pointed at.
fn said(name: &str, begin: At, end: Option<At>) -> String {
    let from = duration(begin);
    match end {
        Some(end) => format!(
            "{name}: {}, from {from} to {}",
            took(begin, Some(end)),
            duration(end)
        ),
        None => format!("{name}: from {from}, did not end"),
    }
}

/// The class, mark and word for a call.
fn call_words(call: &Call) -> (&'static str, &'static str, &'static str) {
    match (call.verdict(), &call.answer) {
        (Verdict::Denied, _) => ("denied", "⊘", "denied"),
        (_, Some(CallAnswer::Error { .. })) => ("failed", "✕", "failed"),
        (_, None) => ("open", "■", "not answered"),
        (Verdict::Observed, _) => ("observed", "!", "would be denied"),
        (Verdict::Permitted, Some(CallAnswer::Value(_))) => ("ok", "✓", ""),
    }
}

fn call_rows(call: &Call, axis: Axis) -> Markup {
    let (kind, mark, word) = call_words(call);
    let main = call.decisions.first();
    let name = match (&call.function, main) {
        (Some(function), _) => function.as_str(),
        (None, Some(decision)) => decision.action,
        (None, None) => "call",
    };
    // The denial is what matters, where there is one.
    let subject = call
        .decisions
        .iter()
        .find(|decision| decision.verdict == Verdict::Denied)
        .or(main)
        .map(|decision| decision.resource.as_str());
    let is_retried = call
        .notes
        .iter()
        .any(|note| note.ends_with("; trying again"));
    html! {
        details.call.(kind) open[kind != "ok" || is_retried] {
            summary.row {
                span.name {
                    span.mark.(kind) aria-hidden="true" { (mark) }
                    code { (name) }
                    @if !word.is_empty() { span.badge.(kind) { (word) } }
                    @if is_retried { span.badge.observed { "tried again" } }
                    @if let Some(subject) = subject { span.subject title=(subject) { (in_short(subject)) } }
                }
                (axis.bar(call.begin, call.end, kind, &said(name, call.begin, call.end)))
                span.took { (took(call.begin, call.end)) }
            }
            div.body {
                dl {
                    @if !call.decisions.is_empty() {
                        dt { "Policy" }
                        dd { @for decision in &call.decisions { (decided(decision)) } }
                    }
                    @if !call.notes.is_empty() {
                        dt { "Meanwhile" }
                        dd { @for note in &call.notes { p { (note) } } }
                    }
                    @if let Some(arguments) = &call.arguments {
                        dt { "Arguments" }
                        dd { pre { (arguments) } }
                    }
                    (answer(call))
                    (time(call.begin, call.end))
                }
            }
        }
        @if let Some(context) = &call.context { (context_row(context, axis)) }
        @for vertex in &call.vertices { (vertex_row(vertex, call, axis)) }
        @for layer in &call.layers { (layer_row(layer, axis)) }
    }
}

/// A resource without its registry, which is the same in most rows.
fn in_short(resource: &str) -> &str {
    match resource.split_once('/') {
        Some((registry, rest)) if registry.contains('.') && !registry.contains(' ') => rest,
        _ => resource,
    }
}

fn decided(decision: &Decision) -> Markup {
    let (kind, word) = match decision.verdict {
        Verdict::Permitted => ("ok", "permitted"),
        Verdict::Observed => ("observed", "would be denied"),
        Verdict::Denied => ("denied", "denied"),
    };
    html! {
        p {
            span.badge.(kind) { (word) } " " b { (decision.action) } " " (decision.resource) " "
            span.rule {
                "by " @if let Some(rule) = &decision.rule { (rule) } @else { "no rule" }
            }
        }
    }
}

fn answer(call: &Call) -> Markup {
    html! {
        @match &call.answer {
            None => { dt { "Answer" } dd { "none: the step ended before" } },
            Some(CallAnswer::Value(None)) => { dt { "Answer" } dd { "done" } },
            Some(CallAnswer::Value(Some(value))) => { dt { "Answer" } dd { pre { (value) } } },
            Some(CallAnswer::Error { kind, message, hint }) => {
                dt { "Error" }
                dd.error {
                    p { b { (kind) } }
                    pre { (message) }
                    @if let Some(hint) = hint { pre.hint { (hint) } }
                }
            },
        }
    }
}

/// A row for a part of a call: its class, its name in short and in full, its time, and why it failed.
fn part_row(
    axis: Axis,
    kind: &str,
    (name, full): (Markup, &str),
    (begin, end): (At, Option<At>),
    error: Option<&str>,
) -> Markup {
    let is_instant = end == Some(begin);
    html! {
        details.part.(kind) open[error.is_some()] {
            summary.row {
                span.name { (name) }
                (axis.bar(begin, end, kind, &said(full, begin, end)))
                span.took { @if !is_instant { (took(begin, end)) } }
            }
            div.body {
                dl {
                    dt { "What" }
                    dd { pre { (full) } }
                    @if let Some(error) = error {
                        dt { "Error" }
                        dd.error { pre { (error) } }
                    }
                    (time(begin, end))
                }
            }
        }
    }
}

fn time(begin: At, end: Option<At>) -> Markup {
    html! {
        dt { "Time" }
        dd {
            "from " (duration(begin))
            @if let Some(end) = end { " to " (duration(end)) }
            " after the step began"
        }
    }
}

fn vertex_row(vertex: &Vertex, call: &Call, axis: Axis) -> Markup {
    let (kind, word) = match (&vertex.error, vertex.end) {
        (Some(_), _) => ("failed", "failed"),
        (None, None) if call.failed() => ("failed", "did not end"),
        (None, None) => ("open", "did not end"),
        _ if vertex.cached => ("cached", "cached"),
        _ => ("vertex", ""),
    };
    let name = html! {
        @if !word.is_empty() { span.badge.(kind) { (word) } }
        code.vertex { (vertex.name) }
    };
    // What has no end of its own ended with its call.
    let end = vertex.end.or(call.end);
    let error = vertex.error.as_deref();
    part_row(axis, kind, (name, &vertex.name), (vertex.begin, end), error)
}

fn context_row(context: &Context, axis: Axis) -> Markup {
    let files = count(context.files, "file");
    let amount = amount(context.bytes, context.begin, context.end);
    let full = format!("build context: {files}, {amount}");
    let name = html! {
        span { "build context" }
        span.amount { (files) ", " (amount) }
    };
    let time = (context.begin, context.end);
    part_row(axis, "context", (name, &full), time, None)
}

fn layer_row(layer: &Layer, axis: Axis) -> Markup {
    let (kind, word) = match (layer.state, layer.direction) {
        (LayerState::Exists, _) => ("cached", "already there"),
        (_, Some(LayerState::Uploading)) => ("pushed", "pushed"),
        (_, Some(_)) => ("pulled", "pulled"),
        (LayerState::Waiting, None) => ("open", "waited"),
        (_, None) => ("cached", "done"),
    };
    let mut told = word.to_owned();
    if layer.bytes > 0 && layer.direction.is_some() {
        told.push(' ');
        told.push_str(&amount(layer.bytes, layer.begin, layer.end));
    }
    if layer.end.is_none() {
        told.push_str(", did not end");
    }
    let name = html! {
        span { "layer " code { (layer.name) } }
        span.amount { (told) }
    };
    let full = format!("layer {}: {told}", layer.name);
    let time = (layer.begin, layer.end);
    part_row(axis, kind, (name, &full), time, None)
}

/// Bytes, and their mean rate where they took a time that says something.
fn amount(bytes: u64, begin: At, end: Option<At>) -> String {
    const TOO_SHORT: Duration = Duration::from_millis(5);
    let took = end.map(|end| end.saturating_sub(begin));
    match took {
        Some(took) if took >= TOO_SHORT && bytes > 0 => {
            let mean = bytes as f64 / took.as_secs_f64();
            format!("{}, {}", size(bytes), rate(mean as u64))
        }
        _ => size(bytes),
    }
}

fn images(run: &StepRun) -> Markup {
    html! {
        @if !run.images.is_empty() {
            h3 { "Pushed images" }
            div.scroll { table {
                thead { tr { th { "Image" } th { "Digest" } th.number { "Size" } } }
                tbody { @for image in &run.images {
                    tr {
                        td { code { (image.registry) "/" (image.repository) ":" (image.tag) } }
                        td { code { (image.digest) } }
                        td.number { @if let Some(bytes) = image.size { (size(bytes)) } }
                    }
                } }
            } }
        }
    }
}

fn outputs(run: &StepRun) -> Markup {
    html! {
        @if !run.outputs.is_empty() {
            h3 { "Outputs" }
            div.scroll { table {
                thead { tr { th { "Name" } th { "Value" } } }
                tbody { @for (name, value) in &run.outputs {
                    tr { td { code { (name) } } td { pre { (value) } } }
                } }
            } }
        }
    }
}

fn log(log: &Log) -> Markup {
    let lines = log.count();
    html! {
        @if lines > 0 {
            details.log {
                summary {
                    h3 { "Log" } " "
                    span.amount { (count(lines, "line")) ", with the seconds since the step began" }
                }
                ol {
                    @for entry in &log.first { (log_line(entry)) }
                    @if log.left_out > 0 {
                        li.left-out {
                            (log.left_out) " lines are left out"
                            @if log.warnings_left_out > 0 {
                                ", " (log.warnings_left_out) " of them warnings or errors"
                            }
                        }
                    }
                    @for entry in &log.last { (log_line(entry)) }
                }
            }
        }
    }
}

fn log_line(line: &Line) -> Markup {
    let kind = match line.kind {
        LineKind::Log(LogLevel::Debug) => "debug",
        LineKind::Log(LogLevel::Info) => "info",
        LineKind::Log(LogLevel::Warn) => "warn",
        LineKind::Log(LogLevel::Error) => "error",
        LineKind::Output(OutputSource::Stdout) => "stdout",
        LineKind::Output(OutputSource::Stderr) => "stderr",
        LineKind::Output(OutputSource::Build) => "build",
    };
    let at = format!("{:.3}", line.at.as_secs_f64());
    html! { li.(kind) { span.at { (at) } span.kind { (kind) } span.text { (line.text) } } }
}
