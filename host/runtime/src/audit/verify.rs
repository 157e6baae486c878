//! Whether a log is as it was written.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

use super::chain::{AuditHead, BEGINNING, hash};
use super::file::LONGEST_LINE;
use super::line::AuditLine;

/// What is wrong with a log, the first thing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct AuditFault {
    /// Counts from 1.
    pub line: u64,
    /// What is wrong there.
    pub problem: String,
}

/// A log that is as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditReport {
    /// The last record; none where the log is empty.
    pub head: Option<AuditHead>,
    /// The lines that a crash had cut off and a later record names.
    pub torn: Vec<u64>,
}

/// Reads a log to its end and gives each whole record to `see`. Where `heads` were printed by
/// earlier runs, each must be in it.
///
/// # Errors
/// Where the file cannot be read. What is wrong with the log is in the answer.
pub fn verify(
    path: &Path,
    heads: &[AuditHead],
    mut see: impl FnMut(&AuditLine),
) -> io::Result<Result<AuditReport, AuditFault>> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut chain = Chain::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut reader)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        match chain.take(&line, heads) {
            Ok(Some(record)) => see(&record),
            Ok(None) => {}
            Err(fault) => return Ok(Err(fault)),
        }
    }
    Ok(chain.finish(heads))
}

#[derive(Default)]
struct Chain {
    lines: u64,
    head: Option<AuditHead>,
    /// A line that does not hold, and the hash of its bytes: the next one may say that it was torn.
    doubtful: Option<(AuditFault, String)>,
    torn: Vec<u64>,
}

impl Chain {
    fn take(&mut self, line: &[u8], heads: &[AuditHead]) -> Result<Option<AuditLine>, AuditFault> {
        self.lines += 1;
        let fault = |problem: String| AuditFault {
            line: self.lines,
            problem,
        };
        let content = line.strip_suffix(b"\n");
        let parsed = AuditLine::parse(content.unwrap_or(line));
        let record = match (parsed, content) {
            (Ok(record), Some(_)) => record,
            (Ok(_), None) => return Err(fault("its end is cut off".to_owned())),
            (Err(error), _) => {
                // Two in a row are no crash.
                if let Some((fault, _)) = self.doubtful.take() {
                    return Err(fault);
                }
                let hash = hash(content.unwrap_or(line));
                self.doubtful = Some((fault(error.to_string()), hash));
                return Ok(None);
            }
        };
        if let Some((doubt, torn)) = self.doubtful.take() {
            let names_it =
                record.text("record") == "recovered" && record.text("torn-sha256") == torn;
            if !names_it {
                return Err(doubt);
            }
            self.torn.push(doubt.line);
        }
        let (sequence, previous) = match &self.head {
            Some(head) => (head.sequence, head.hash.as_str()),
            None => (0, BEGINNING),
        };
        if record.head.sequence != sequence + 1 {
            return Err(fault(format!(
                "record {} follows record {sequence}: lines are missing, repeated or in another \
                 order",
                record.head.sequence
            )));
        }
        if record.previous != previous {
            return Err(fault(
                "it does not follow the line before: that one was replaced".to_owned(),
            ));
        }
        let other = heads
            .iter()
            .find(|head| head.sequence == record.head.sequence && head.hash != record.head.hash);
        if let Some(head) = other {
            return Err(fault(format!(
                "a run printed the head {head}, and here is {}: the log was rewritten",
                record.head
            )));
        }
        self.head = Some(record.head.clone());
        Ok(Some(record))
    }

    fn finish(self, heads: &[AuditHead]) -> Result<AuditReport, AuditFault> {
        if let Some((fault, _)) = self.doubtful {
            return Err(fault);
        }
        let last = self.head.as_ref().map_or(0, |head| head.sequence);
        if let Some(missing) = heads.iter().find(|head| head.sequence > last) {
            return Err(AuditFault {
                line: self.lines + 1,
                problem: format!(
                    "a run printed the head {missing}, and the log ends with record {last}: its \
                     end was cut off"
                ),
            });
        }
        Ok(AuditReport {
            head: self.head,
            torn: self.torn,
        })
    }
}
