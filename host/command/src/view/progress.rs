//! How far a component has come from or to a registry, on a terminal.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use stepyard::event::{Event, EventKind, EventSink, LayerState, LogLevel};

/// A bar for the component that moves, which appears where it takes longer than a moment and goes
/// when it has arrived. Where standard error is no terminal it shows nothing.
#[derive(Debug, Default)]
pub(crate) struct TransferProgress {
    bar: Mutex<Option<ProgressBar>>,
}

impl TransferProgress {
    /// The size from which a transfer takes more than a moment, in bytes.
    const SHOWN: u64 = 1 << 20;

    fn update(&self, state: LayerState, current: u64, total: u64) {
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        match state {
            LayerState::Uploading | LayerState::Downloading if total >= Self::SHOWN => {
                let word = match state {
                    LayerState::Uploading => "sending",
                    _ => "fetching",
                };
                let bar = bar.get_or_insert_with(|| new_bar(total, word));
                bar.set_position(current);
            }
            _ => {
                if let Some(bar) = bar.take() {
                    bar.finish_and_clear();
                }
            }
        }
    }
}

fn new_bar(total: u64, word: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let form = "{msg} the component {bar:24} {decimal_bytes}/{decimal_total_bytes}, \
                {decimal_bytes_per_sec}";
    if let Ok(style) = ProgressStyle::with_template(form) {
        bar.set_style(style);
    }
    bar.set_message(word);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

impl EventSink for TransferProgress {
    fn emit(&self, event: Event) {
        match event.kind {
            EventKind::LayerProgress {
                state,
                current,
                total,
                ..
            } => self.update(state, current, total.unwrap_or_default()),
            EventKind::Log {
                level: LogLevel::Info,
                message,
            } => {
                let bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(bar) = bar.as_ref() {
                    bar.println(message);
                }
            }
            _ => {}
        }
    }
}
