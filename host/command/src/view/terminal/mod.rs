//! A run on a terminal.
//!
//! [`screen`] knows what is to be seen; here it is drawn, on standard error. One progress bar of
//! `indicatif` holds everything that moves, so that a redraw replaces all of it at once.

mod output_tail;
mod phase;
mod screen;
#[cfg(test)]
mod screen_tests;

use std::env;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use console::Term;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use stepyard::event::{Event, EventSink};
use time::OffsetDateTime;

use self::screen::Screen;
use super::text::write_error;
use super::theme::Theme;
use super::{RunSummary, View, summary};

/// How often the terminal is redrawn.
const REDRAW_INTERVAL: Duration = Duration::from_millis(100);

/// Whether standard error is a terminal that can move its cursor.
pub(super) fn is_capable() -> bool {
    Term::stderr().is_term() && env::var_os("TERM").is_none_or(|name| name != "dumb")
}

/// Draws a run on standard error.
///
/// Locks are taken in the order `printing`, the bar's own, `screen`: the bar asks for what is on
/// the screen while it draws.
pub(super) struct TerminalView {
    /// Keeps lasting lines in the order of their events.
    printing: Mutex<()>,
    screen: Arc<Mutex<Screen>>,
    bar: ProgressBar,
    theme: Theme,
}

impl TerminalView {
    pub(super) fn new(theme: Theme, verbose: bool) -> Self {
        let screen = Arc::new(Mutex::new(Screen::new(theme, verbose)));
        let drawn = screen.clone();
        let draw = move |_: &ProgressState, output: &mut dyn Write| {
            let screen = drawn.lock().unwrap_or_else(PoisonError::into_inner);
            let lines = screen.moving_lines(OffsetDateTime::now_utc(), columns());
            // The output is a string of the bar's, to which writing cannot fail.
            let _ = output.write_str(&lines.join("\n"));
        };
        // The template is valid, and any other style would only look different.
        let style = ProgressStyle::with_template("{screen}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner())
            .with_key("screen", draw);
        let bar = ProgressBar::no_length().with_style(style);
        bar.enable_steady_tick(REDRAW_INTERVAL);
        Self {
            printing: Mutex::new(()),
            screen,
            bar,
            theme,
        }
    }

    /// Writes lines that stay above what moves. Not with the bar's own `println`: that fills
    /// lines with blanks in place of a line end, which terminals take for one long wrapped line
    /// when they are resized or copied from.
    fn print(&self, lines: &[String]) {
        if !lines.is_empty() {
            self.bar.suspend(|| write_error(&lines.join("\n")));
        }
    }
}

/// The columns that a moving line may fill; the last one stays free, because some terminals wrap
/// as soon as it is filled.
fn columns() -> usize {
    usize::from(Term::stderr().size().1).saturating_sub(1)
}

impl EventSink for TerminalView {
    fn emit(&self, event: Event) {
        let _printing = self.printing.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = {
            let mut screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
            screen.apply(&event)
        };
        self.print(&lines);
    }
}

impl View for TerminalView {
    fn finish(&self) {
        self.bar.disable_steady_tick();
        let lines = {
            let mut screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
            screen.interrupt(OffsetDateTime::now_utc())
        };
        self.bar.finish_and_clear();
        self.print(&lines);
    }

    fn summary(&self, summary: &RunSummary) {
        self.finish();
        self.print(&summary::lines(summary, Some(self.theme), columns()));
    }
}

impl Drop for TerminalView {
    fn drop(&mut self) {
        self.finish();
    }
}
