//! How a run is shown: on a terminal, as plain lines, or as JSON.
//!
//! | kind | where | what |
//! | --- | --- | --- |
//! | terminal | standard error | finished phases stay, the current one moves |
//! | plain | standard output | one line an event, no control characters |
//! | ndjson | standard output | one JSON object an event (`docs/events.md`) |

#[cfg(test)]
mod event_page_tests;
mod findings;
mod measure;
mod ndjson;
mod plain;
#[cfg(test)]
mod plain_tests;
mod progress;
mod summary;
mod terminal;
mod text;
mod theme;
mod transfer;

use std::io;
use std::sync::Arc;

use stepyard::event::EventSink;

pub(crate) use findings::{FindingView, findings};
pub(crate) use measure::{count, duration, rate, size};
pub(crate) use progress::TransferProgress;
pub(crate) use summary::{RunSummary, StepSummary};
pub(crate) use text::{json_without_commands, one_line, without_commands};

/// The form in which a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ViewKind {
    /// A display that moves, on standard error.
    Terminal,
    /// Lines on standard output, for logs and pipes.
    Plain,
    /// One JSON object a line on standard output, for programs.
    Ndjson,
}

/// What a person chose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ViewOptions {
    /// The form.
    pub(crate) kind: ViewKind,
    /// Whether debug lines and capability calls are shown.
    pub(crate) verbose: bool,
    /// Whether a terminal may show colours: the answer of `NO_COLOR`, `CLICOLOR_FORCE` and the
    /// like. [`ViewKind::Plain`] and [`ViewKind::Ndjson`] never do.
    pub(crate) color: bool,
}

/// Shows a run. Its `emit` does no more than take note of an event and print what it adds.
pub(crate) trait View: EventSink {
    /// Takes away what moves, so that others may write to the terminal; what still runs counts as
    /// interrupted. Events that come later leave their lasting lines. May be called again.
    fn finish(&self);

    /// Prints what the run did, after [`View::finish`]; nothing for [`ViewKind::Ndjson`].
    fn summary(&self, summary: &RunSummary);
}

/// The view for `options`. A terminal that cannot move its cursor (`TERM=dumb`, or standard error
/// is none) is served with plain lines.
pub(crate) fn view(options: ViewOptions) -> Arc<dyn View> {
    match options.kind {
        ViewKind::Terminal if terminal::is_capable() => Arc::new(terminal::TerminalView::new(
            theme::Theme::new(options.color, theme::unicode_locale()),
            options.verbose,
        )),
        ViewKind::Terminal | ViewKind::Plain => {
            Arc::new(plain::PlainView::new(io::stdout(), options.verbose))
        }
        ViewKind::Ndjson => Arc::new(ndjson::NdjsonView::new(io::stdout())),
    }
}
