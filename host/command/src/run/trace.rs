//! `--trace`: each call of the contract with its arguments, what the policy decided, how long it
//! took, and what it answered.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;
use stepyard::event::{EventKind, LogLevel, Reporter};
use stepyard::recording::{Answer, Exchange, ExchangeSink, RecordingFile, Surroundings};

use super::Events;
use crate::report::Report;
use crate::view::{duration, one_line};

/// The longest arguments and answers that are shown, in bytes.
const LONGEST: usize = 2_000;

/// Tells the calls of a step to all who want to know them.
pub(super) struct Calls {
    /// Shows them among the step's lines.
    pub(super) trace: Option<Trace>,
    pub(super) recording: Option<RecordingFile>,
    /// With the step's identifier.
    pub(super) report: Option<(Report, String)>,
}

/// Shows calls among the step's lines.
pub(super) struct Trace {
    pub(super) reporter: Reporter,
    /// What the policy has decided since the last call.
    pub(super) events: Events,
}

impl ExchangeSink for Calls {
    fn exchanged(&self, exchange: Exchange) {
        if let Some(trace) = &self.trace {
            let decisions = std::mem::take(&mut trace.events.noted().decisions);
            let shown = shown(&exchange, &decisions);
            trace.reporter.log(LogLevel::Info, shown);
        }
        if let Some((report, step)) = &self.report {
            report.exchanged(step, &exchange);
        }
        if let Some(recording) = &self.recording {
            recording.exchanged(exchange);
        }
    }

    fn observed(&self, surroundings: Surroundings) {
        if let Some(recording) = &self.recording {
            recording.observed(surroundings);
        }
    }
}

/// What the policy decided on a call, where the event is about that.
pub(super) fn decision(event: &EventKind) -> Option<String> {
    let EventKind::CallStarted {
        action,
        resource,
        permitted,
        rule,
        observed,
        ..
    } = event
    else {
        return None;
    };
    let decided = match (permitted, observed) {
        (true, _) => "permitted",
        (false, true) => "would be denied",
        (false, false) => "denied",
    };
    let by = rule.as_deref().unwrap_or("no rule");
    Some(format!("{decided}: {action} {resource}, by {by}"))
}

fn shown(exchange: &Exchange, decisions: &[String]) -> String {
    let mut text = format!("{} {}", exchange.function, cut(&exchange.arguments));
    for decision in decisions {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n├ {}", one_line(decision));
    }
    let took = match exchange.microseconds {
        microseconds @ 0..10_000 => format!(
            "{:.1}ms",
            Duration::from_micros(microseconds).as_secs_f64() * 1e3
        ),
        microseconds => duration(Duration::from_micros(microseconds)),
    };
    let answer = match &exchange.answer {
        Answer::Answer(Value::Null) => "done".to_owned(),
        Answer::Answer(answer) => cut(answer),
        Answer::Error(error) => one_line(&format!("failed ({}): {}", error.kind, error.message)),
    };
    // Writing to a string cannot fail.
    let _ = write!(text, "\n└ {took}: {answer}");
    text
}

fn cut(value: &Value) -> String {
    let mut text = one_line(&value.to_string());
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_is_a_small_tree() {
        let event = EventKind::CallStarted {
            call: 1,
            action: "login",
            resource: "connector aws".to_owned(),
            permitted: true,
            rule: Some("logins (rules.cedar:2)".to_owned()),
            observed: false,
        };
        let mut exchange = Exchange {
            function: "auth.login".to_owned(),
            arguments: json!({"connector": "aws"}),
            answer: Answer::Answer(json!({"registry": "ghcr.io"})),
            microseconds: 1_500,
        };
        let decisions = [decision(&event).unwrap()];
        assert_eq!(
            shown(&exchange, &decisions),
            "auth.login {\"connector\":\"aws\"}\n\
             ├ permitted: login connector aws, by logins (rules.cedar:2)\n\
             └ 1.5ms: {\"registry\":\"ghcr.io\"}"
        );
        exchange.answer = Answer::Error(stepyard::CapabilityError::not_found("there is\nnone"));
        exchange.arguments = json!({"text": "ä".repeat(LONGEST)});
        exchange.microseconds = 2_000_000;
        let shown = shown(&exchange, &[]);
        assert!(shown.contains("ä…\n"), "{shown}");
        assert!(
            shown.ends_with("└ 2.0s: failed (not-found): there is none"),
            "{shown}"
        );
    }
}
