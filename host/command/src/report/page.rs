//! The page around the sections of the steps.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};
use stepyard::event::StepStatus;
use time::OffsetDateTime;

use super::lane::{Axis, duration};
use super::model::{At, StepRun};
use super::step::{badge, instant, status_words};

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// What the page says of the whole run.
#[derive(Clone, Debug)]
pub(super) struct RunHead {
    pub(super) begin: OffsetDateTime,
    pub(super) took: Duration,
    /// How it ended; none where it did not begin.
    pub(super) status: Option<StepStatus>,
    /// Why the run ended, where no step says so.
    pub(super) problem: Option<(String, Option<String>)>,
    /// Whether nothing was changed.
    pub(super) is_dry: bool,
    pub(super) steps: Vec<StepHead>,
}

/// What the page says of a step before the section of it.
#[derive(Clone, Debug)]
pub(super) struct StepHead {
    step: String,
    attempt: usize,
    begin: OffsetDateTime,
    took: Duration,
    status: Option<StepStatus>,
}

impl StepHead {
    pub(super) fn of(run: &StepRun) -> Self {
        Self {
            step: run.step.clone(),
            attempt: run.attempt,
            begin: run.begin,
            took: run.took,
            status: run.status,
        }
    }
}

/// The page up to the sections.
pub(super) fn beginning(head: &RunHead) -> String {
    let names: Vec<&str> = head.steps.iter().map(|step| step.step.as_str()).collect();
    let title = match names.as_slice() {
        [] => "Stepyard run".to_owned(),
        names => format!("{} · Stepyard run", names.join(", ")),
    };
    let markup = html! {
        (DOCTYPE)
        (PreEscaped("<html lang=\"en\">"))
        head {
            meta charset="utf-8";
            meta http-equiv="Content-Security-Policy" content=(content_policy());
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="referrer" content="no-referrer";
            title { (title) }
            style { (PreEscaped(STYLE)) }
        }
        (PreEscaped("<body>"))
        (run_header(head))
        (PreEscaped("<main>"))
    };
    markup.into_string()
}

/// The page after the sections.
pub(super) fn end() -> String {
    html! {
        (PreEscaped("</main>"))
        footer {
            "Written by stepyard " (env!("CARGO_PKG_VERSION"))
            ". Secrets are masked as ***. It may be confidential all the same: it holds what the steps printed."
        }
        script { (PreEscaped(SCRIPT)) }
        (PreEscaped("</body></html>\n"))
    }
    .into_string()
}

/// Nothing is loaded, and nothing runs but the script of the page.
fn content_policy() -> String {
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; \
         form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

fn run_header(head: &RunHead) -> Markup {
    html! {
        header.run {
            h1 {
                @if head.status.is_some() { (badge(head.status)) } @else { span.badge.failed { "✕ not begun" } }
                " Stepyard run"
                @if head.is_dry { " " span.badge.quiet { "dry run" } }
            }
            p.when { (instant(head.begin)) ", took " (duration(head.took)) }
            @if let Some((problem, help)) = &head.problem {
                div.problem role="note" {
                    pre { (problem) }
                    @if let Some(help) = help { pre.hint { (help) } }
                }
            }
            @if !head.steps.is_empty() { (overview(head)) }
            div.search hidden {
                input type="search" id="search" placeholder="Search calls and log lines" aria-label="Search calls and log lines";
                span.levels role="group" aria-label="Lines that are shown" {
                    @for (kind, word) in LEVELS {
                        label { input type="checkbox" value=(kind) checked; (word) }
                    }
                }
                output id="found" aria-live="polite" {}
            }
        }
    }
}

/// The classes of log lines that can be hidden.
const LEVELS: [(&str, &str); 5] = [
    ("debug", "debug"),
    ("info", "info"),
    ("warn", "warnings"),
    ("error", "errors"),
    ("output", "output"),
];

/// The steps on the axis of the run.
fn overview(head: &RunHead) -> Markup {
    let axis = Axis::new(head.took);
    let at = |time: OffsetDateTime| -> At { (time - head.begin).try_into().unwrap_or_default() };
    html! {
        nav.timeline.overview aria-label="Steps" {
            div.row.axis { span.name {} (axis.ticks()) span.took {} }
            div.rows {
                (axis.grid())
                @for (index, step) in head.steps.iter().enumerate() {
                    @let begin = at(step.begin);
                    @let (kind, mark, word) = status_words(step.status);
                    @let said = format!("{}: {word}, {}", step.step, duration(step.took));
                    a.row href={ "#step-" (index + 1) } {
                        span.name {
                            span.mark.(kind) aria-hidden="true" { (mark) }
                            span { (step.step) @if step.attempt > 1 { " (attempt " (step.attempt) ")" } }
                            span.subject { (word) }
                        }
                        (axis.bar(begin, Some(begin + step.took), kind, &said))
                        span.took { @if kind != "quiet" { (duration(step.took)) } }
                    }
                }
            }
        }
    }
}
