//! `stepyard audit show`: the calls of a log as a table.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write};
use std::time::Duration;

use serde_json::Value;
use stepyard::audit::AuditLine;

use crate::arguments::{AuditShowArguments, FindingForm};
use crate::exit::{Code, Failure};
use crate::view::{duration, json_without_commands, one_line, without_commands};

/// The longest line that is read, in bytes.
const LONGEST_LINE: u64 = 1 << 20;
/// The most calls whose outcomes are waited for.
const MOST_OPEN: usize = 100_000;

pub(super) fn run(arguments: &AuditShowArguments) -> Result<Code, Failure> {
    let file = super::file(&arguments.input)?;
    let opened = File::open(&file).map_err(|error| super::unreadable(&file, &error))?;
    let mut reader = BufReader::new(opened);
    let mut shown = Shown {
        output: BufWriter::new(io::stdout().lock()),
        open: HashMap::new(),
        arguments,
    };
    let mut line = Vec::new();
    let mut number = 0_u64;
    loop {
        line.clear();
        let read = (&mut reader)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line);
        if read.map_err(|error| super::unreadable(&file, &error))? == 0 {
            break;
        }
        number += 1;
        let content = line.strip_suffix(b"\n").unwrap_or(&line);
        let result = match AuditLine::parse(content) {
            Ok(record) => shown.take(&record),
            Err(error) => shown.say(&format!("line {number}: {error}")),
        };
        if stopped(result)? {
            return Ok(Code::Done);
        }
    }
    stopped(shown.finish())?;
    Ok(Code::Done)
}

/// Whether the reader has seen enough.
fn stopped(result: io::Result<()>) -> Result<bool, Failure> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(true),
        result => Ok(result.map(|()| false)?),
    }
}

struct Shown<'a, W: Write> {
    output: W,
    /// Calls without an outcome so far, by their run and number.
    open: HashMap<(String, u64), AuditLine>,
    arguments: &'a AuditShowArguments,
}

impl<W: Write> Shown<'_, W> {
    fn take(&mut self, record: &AuditLine) -> io::Result<()> {
        let run = record.text("run");
        if self
            .arguments
            .run
            .as_deref()
            .is_some_and(|wanted| !run.starts_with(wanted))
        {
            return Ok(());
        }
        let key = (run.to_owned(), record.number("call"));
        match record.text("record") {
            "run-started" => self.run_started(record),
            "intent" => {
                if self.open.len() < MOST_OPEN {
                    self.open.insert(key, record.clone());
                }
                Ok(())
            }
            "outcome" => match self.open.remove(&key) {
                Some(intent) => self.call(&intent, Some(record)),
                None => Ok(()),
            },
            "run-finished" => self.run_finished(record),
            _ => Ok(()),
        }
    }

    fn run_started(&mut self, record: &AuditLine) -> io::Result<()> {
        if self.arguments.denied || self.arguments.format == FindingForm::Json {
            return Ok(());
        }
        let component = record.record.get("component");
        let of = |name| {
            component
                .and_then(|component| component.get(name))
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        self.say(&format!(
            "{} run {} of {} ({} {}, {}, {})",
            time(record),
            record.text("run"),
            record.text("step"),
            of("name"),
            of("version"),
            of("origin"),
            of("digest"),
        ))
    }

    fn run_finished(&mut self, record: &AuditLine) -> io::Result<()> {
        if self.arguments.denied || self.arguments.format == FindingForm::Json {
            return Ok(());
        }
        self.say(&format!(
            "{} run {} {}, {} calls, head {}",
            time(record),
            record.text("run"),
            record.text("status"),
            record.number("calls"),
            record.head,
        ))
    }

    fn call(&mut self, intent: &AuditLine, outcome: Option<&AuditLine>) -> io::Result<()> {
        let decision = intent.text("decision");
        if self.arguments.denied && decision == "permitted" {
            return Ok(());
        }
        if self.arguments.format == FindingForm::Json {
            let mut call = intent.record.clone();
            if let (Some(call), Some(outcome)) = (call.as_object_mut(), outcome) {
                for field in ["result", "kind", "message", "microseconds", "bytes"] {
                    if let Some(value) = outcome.record.get(field) {
                        call.insert(field.to_owned(), value.clone());
                    }
                }
            }
            return writeln!(self.output, "{}", json_without_commands(&call.to_string()));
        }
        let accesses = intent.record.get("accesses").and_then(Value::as_array);
        let deciding = |access: &&Value| {
            decision == "permitted" || access.get("permitted") == Some(&Value::Bool(false))
        };
        let mut of_call = accesses.into_iter().flatten();
        let access = of_call.find(deciding).unwrap_or(&Value::Null);
        let of = |name| access.get(name).and_then(Value::as_str).unwrap_or_default();
        let rules = access.get("rules").and_then(Value::as_array);
        let rules: Vec<&str> = rules
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let rules = if rules.is_empty() {
            "no rule".to_owned()
        } else {
            rules.join(", ")
        };
        let (ended, took) = match outcome {
            Some(outcome) => {
                let took = duration(Duration::from_micros(outcome.number("microseconds")));
                let kind = outcome.text("kind");
                let result = outcome.text("result");
                let ended = if kind.is_empty() {
                    result.to_owned()
                } else {
                    format!("{result}: {kind}")
                };
                (ended, took)
            }
            None => ("no outcome".to_owned(), "-".to_owned()),
        };
        self.say(&format!(
            "{}  {:<16} {:<9} {:<22} {}  by {rules}  {took}  {ended}",
            time(intent),
            intent.text("step"),
            decision,
            of("action"),
            of("resource"),
        ))
    }

    fn say(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.output, "{}", without_commands(&one_line(line)))
    }

    /// Calls of a run that ended before they did, as when the process is killed.
    fn finish(&mut self) -> io::Result<()> {
        let mut open: Vec<AuditLine> = std::mem::take(&mut self.open).into_values().collect();
        open.sort_by_key(|line| line.head.sequence);
        for intent in open {
            self.call(&intent, None)?;
        }
        self.output.flush()
    }
}

/// The time of a record, to the second.
fn time(record: &AuditLine) -> String {
    let time = record.text("time");
    match time.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => time.to_owned(),
    }
}
