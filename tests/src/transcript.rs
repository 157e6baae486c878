//! A run as the text that its user would read.

use std::fmt::Write;
use std::sync::{Arc, Mutex};

use stepyard::document::render_plain;
use stepyard::event::{Event, EventKind, EventSink};
use stepyard::{Outcome, RunError};

/// The longest line that is shown whole.
const LONGEST_LINE: usize = 200;

/// Notes the events of one run. Clones share it.
#[derive(Clone, Default)]
pub struct Transcript(Arc<Mutex<String>>);

impl EventSink for Transcript {
    fn emit(&self, event: Event) {
        let line = match event.kind {
            EventKind::PhaseStarted { name } => format!("# {name}"),
            EventKind::Log { level, message } => format!("{level:?}: {message}"),
            EventKind::Output { source, line } => format!("{source:?}: {}", shortened(&line)),
            EventKind::CallStarted {
                action,
                resource,
                permitted,
                rule,
                ..
            } => {
                let decision = if permitted { "permitted" } else { "denied" };
                let rule = rule.unwrap_or_else(|| "no rule".to_owned());
                format!("{action} on {resource} is {decision} by {rule}")
            }
            EventKind::StepFinished { status, .. } => format!("{status:?}"),
            _ => return,
        };
        writeln!(self.0.lock().unwrap(), "{line}").unwrap();
    }
}

impl Transcript {
    /// The events.
    pub fn events(&self) -> String {
        self.0.lock().unwrap().clone()
    }

    /// The events, then the outputs or the error.
    pub fn with_result(&self, result: &Result<Outcome, RunError>) -> String {
        let mut text = self.events();
        match result {
            Ok(outcome) => {
                for (name, value) in &outcome.outputs {
                    writeln!(text, "{name}={value}").unwrap();
                }
            }
            Err(error) => text.push_str(&render_plain(error)),
        }
        text
    }
}

fn shortened(line: &str) -> String {
    let count = line.chars().count();
    if count <= LONGEST_LINE {
        return line.to_owned();
    }
    let beginning: String = line.chars().take(20).collect();
    format!("{beginning}… ({count} characters)")
}
