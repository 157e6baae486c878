//! What a report tells of one attempt at one step. All texts have gone through [`clean`].

use std::collections::VecDeque;
use std::time::Duration;

use stepyard::PushedImage;
use stepyard::event::{LayerState, LogLevel, OutputSource, StepStatus, printable};
use time::OffsetDateTime;

/// The longest text that is shown whole, in bytes.
const LONGEST_TEXT: usize = 16 << 10;

/// Text from steps, engines and registries as a page may show it: without control characters, without
/// what reorders text or breaks lines unseen, and not longer than a page bears.
pub(super) fn clean(text: &str) -> String {
    let mut text = printable(text).replace(['\u{2028}', '\u{2029}'], " ");
    if text.len() > LONGEST_TEXT {
        text.truncate(text.floor_char_boundary(LONGEST_TEXT));
        text.push('…');
    }
    text
}

/// A time of the run, counted from the beginning of the step.
pub(super) type At = Duration;

/// One attempt at one step.
#[derive(Clone, Debug)]
pub(super) struct StepRun {
    pub(super) step: String,
    /// Counts the attempts at this step from 1.
    pub(super) attempt: usize,
    pub(super) component: Option<String>,
    pub(super) digest: Option<String>,
    /// What builds, where the step has asked for it.
    pub(super) engine: Option<String>,
    pub(super) begin: OffsetDateTime,
    pub(super) took: Duration,
    /// None as long as it has not ended.
    pub(super) status: Option<StepStatus>,
    /// What the failure strategies make of the status.
    pub(super) counts_as: Option<StepStatus>,
    pub(super) error: Option<String>,
    pub(super) hint: Option<String>,
    pub(super) would_be_denied: u64,
    pub(super) audit: Option<String>,
    pub(super) phases: Vec<Phase>,
    /// How many calls are not among `phases`.
    pub(super) calls_left_out: u64,
    pub(super) images: Vec<PushedImage>,
    pub(super) outputs: Vec<(String, String)>,
    pub(super) log: Log,
}

/// A part of a step's work.
#[derive(Clone, Debug)]
pub(super) struct Phase {
    /// None for what is done before the first phase.
    pub(super) name: Option<String>,
    pub(super) begin: At,
    pub(super) end: Option<At>,
    pub(super) calls: Vec<Call>,
}

/// A call of the contract.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// Such as `registry.tag`; not known before the call has ended.
    pub(super) function: Option<String>,
    pub(super) arguments: Option<String>,
    pub(super) decisions: Vec<Decision>,
    pub(super) begin: At,
    pub(super) end: Option<At>,
    pub(super) answer: Option<CallAnswer>,
    /// What the host logged meanwhile: above all what it tries again, and why.
    pub(super) notes: Vec<String>,
    pub(super) vertices: Vec<Vertex>,
    pub(super) context: Option<Context>,
    pub(super) layers: Vec<Layer>,
}

/// What a call came to.
#[derive(Clone, Debug)]
pub(super) enum CallAnswer {
    /// It returned this, or nothing.
    Value(Option<String>),
    Error {
        kind: String,
        message: String,
        hint: Option<String>,
    },
}

/// What the policy said of one access of a call.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    pub(super) action: &'static str,
    pub(super) resource: String,
    pub(super) verdict: Verdict,
    pub(super) rule: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Permitted,
    /// It was denied, and made all the same, because the policy only observes.
    Observed,
    Denied,
}

/// A vertex of a build.
#[derive(Clone, Debug)]
pub(super) struct Vertex {
    pub(super) number: u64,
    pub(super) name: String,
    pub(super) begin: At,
    pub(super) end: Option<At>,
    pub(super) cached: bool,
    pub(super) error: Option<String>,
}

/// The build context on its way to the engine.
#[derive(Clone, Debug)]
pub(super) struct Context {
    pub(super) begin: At,
    pub(super) end: Option<At>,
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// A layer on its way from or to a registry.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) name: String,
    pub(super) state: LayerState,
    /// The last state in which it moved.
    pub(super) direction: Option<LayerState>,
    pub(super) begin: At,
    pub(super) end: Option<At>,
    pub(super) bytes: u64,
}

impl Call {
    pub(super) fn new(begin: At) -> Self {
        Self {
            function: None,
            arguments: None,
            decisions: Vec::new(),
            begin,
            end: None,
            answer: None,
            notes: Vec::new(),
            vertices: Vec::new(),
            context: None,
            layers: Vec::new(),
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        let verdicts = || self.decisions.iter().map(|decision| decision.verdict);
        if verdicts().any(|verdict| verdict == Verdict::Denied) {
            Verdict::Denied
        } else if verdicts().any(|verdict| verdict == Verdict::Observed) {
            Verdict::Observed
        } else {
            Verdict::Permitted
        }
    }

    pub(super) fn failed(&self) -> bool {
        matches!(self.answer, Some(CallAnswer::Error { .. }))
    }
}

/// Whose line it is, and how important.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineKind {
    Log(LogLevel),
    Output(OutputSource),
}

/// A line that was logged or printed.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) at: At,
    pub(super) kind: LineKind,
    pub(super) text: String,
}

/// The lines of a step: the first and the last ones, where there are too many for a page.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    pub(super) first: Vec<Line>,
    pub(super) last: VecDeque<Line>,
    first_bytes: usize,
    last_bytes: usize,
    /// How many lines between them are missing, and how many of those are warnings or errors.
    pub(super) left_out: u64,
    pub(super) warnings_left_out: u64,
}

impl Log {
    const MOST_FIRST: usize = 2_000;
    const MOST_FIRST_BYTES: usize = 1 << 20;
    const MOST_LAST: usize = 8_000;
    const MOST_LAST_BYTES: usize = 3 << 20;

    pub(super) fn add(&mut self, line: Line) {
        let has_room = self.first.len() < Self::MOST_FIRST
            && self.first_bytes + line.text.len() <= Self::MOST_FIRST_BYTES;
        if self.last.is_empty() && has_room {
            self.first_bytes += line.text.len();
            self.first.push(line);
            return;
        }
        self.last_bytes += line.text.len();
        self.last.push_back(line);
        while self.last.len() > Self::MOST_LAST || self.last_bytes > Self::MOST_LAST_BYTES {
            let Some(line) = self.last.pop_front() else {
                break;
            };
            self.last_bytes -= line.text.len();
            self.left_out += 1;
            let is_warning = matches!(line.kind, LineKind::Log(LogLevel::Warn | LogLevel::Error));
            self.warnings_left_out += u64::from(is_warning);
        }
    }

    pub(super) fn count(&self) -> u64 {
        (self.first.len() + self.last.len()) as u64 + self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_unseen_is_left_in_a_text() {
        let text = "a\u{1b}[31mb\u{1b}]0;t\u{7}c\u{2028}d\u{202e}e\u{0}f\u{85}g";
        assert_eq!(clean(text), "abc defg");
        let long = clean(&"ä".repeat(LONGEST_TEXT));
        assert!(long.len() <= LONGEST_TEXT + "…".len() && long.ends_with("ä…"));
    }

    #[test]
    fn of_too_many_lines_the_first_and_the_last_are_kept() {
        let mut log = Log::default();
        let kept = Log::MOST_FIRST + Log::MOST_LAST;
        for number in 0..kept + 10 {
            log.add(Line {
                at: Duration::ZERO,
                kind: LineKind::Log(match number {
                    2_003 => LogLevel::Warn,
                    _ => LogLevel::Info,
                }),
                text: number.to_string(),
            });
        }
        assert_eq!((log.left_out, log.warnings_left_out), (10, 1));
        assert_eq!(log.count() as usize, kept + 10);
        assert_eq!(log.first.last().unwrap().text, "1999");
        assert_eq!(log.last.front().unwrap().text, "2010");
        let line = Line {
            at: Duration::ZERO,
            kind: LineKind::Output(OutputSource::Build),
            text: "x".repeat(LONGEST_TEXT),
        };
        for _ in 0..10_000 {
            log.add(line.clone());
        }
        let bytes: usize = log.last.iter().map(|line| line.text.len()).sum();
        assert!(bytes <= Log::MOST_LAST_BYTES);
    }
}
