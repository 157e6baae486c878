//! The log as a file that is only added to.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;

use super::chain::{AuditHead, BEGINNING, hash};
use super::line::{self, AuditLine};
use super::record::{AuditEntry, AuditRecord};
use super::{AuditError, AuditSink};
use crate::private_folder::is_private;

/// The longest line that is read, in bytes.
pub(super) const LONGEST_LINE: u64 = 1 << 20;

/// The outcome of a call that took less than this, in microseconds, waits for the next record.
const AT_ONCE: u64 = 1_000;

/// When records are made to survive the end of the machine's power.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditSync {
    /// At the end of each run.
    #[default]
    Run,
    /// After each record, which takes a disk's time.
    Record,
}

/// JSON lines in a file. Several runs, and several processes, may add to one: each record is
/// written under a lock of the file.
#[derive(Debug)]
pub struct AuditFile {
    path: PathBuf,
    sync: AuditSync,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    /// How long the file was after the last record that is known.
    length: u64,
    head: AuditHead,
    /// The outcome that is written with the next record.
    waiting: Option<Written>,
    lines: Vec<u8>,
}

impl AuditFile {
    /// Opens the file, or makes it for this user alone.
    ///
    /// # Errors
    /// Where it cannot be opened, is no regular file, is a symbolic link, or others may write it.
    pub fn open(path: &Path, sync: AuditSync) -> Result<Self, AuditError> {
        let fault = |error: io::Error| AuditError {
            place: path.display().to_string(),
            problem: error.to_string(),
        };
        let file = open(path).map_err(fault)?;
        let state = State {
            file,
            length: 0,
            head: beginning(),
            waiting: None,
            lines: Vec::new(),
        };
        Ok(Self {
            path: path.to_owned(),
            sync,
            state: Mutex::new(state),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault(&self, error: &io::Error) -> AuditError {
        AuditError {
            place: self.path.display().to_string(),
            problem: error.to_string(),
        }
    }
}

impl AuditSink for AuditFile {
    fn record(&self, entry: &AuditEntry<'_>) -> Result<(), AuditError> {
        let record = Written::of(entry).map_err(|error| self.fault(&error))?;
        let mut state = self.state();
        if self.sync == AuditSync::Run && state.waiting.is_none() && can_wait(&entry.record) {
            state.waiting = Some(record);
            return Ok(());
        }
        let appended = state.append(Some(&record), self.sync);
        appended.map_err(|error| self.fault(&error))
    }

    fn end_of_run(&self) -> Result<Option<AuditHead>, AuditError> {
        let state = self.state();
        if self.sync == AuditSync::Run {
            let synced = state.file.sync_data();
            synced.map_err(|error| self.fault(&error))?;
        }
        Ok((state.head.sequence > 0).then(|| state.head.clone()))
    }
}

/// Whether a record may be written together with the one after it, which takes half the time: the
/// outcome of a call that was over at once.
fn can_wait(record: &AuditRecord<'_>) -> bool {
    matches!(record, AuditRecord::Outcome { microseconds, .. } if *microseconds < AT_ONCE)
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let no_links = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.mode(0o600);
        options.custom_flags(i32::try_from(no_links.bits()).unwrap_or_default());
    }
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    if !is_private(&metadata) {
        return Err(io::Error::other(
            "it must belong to the user who runs Stepyard and be closed to others' writing; run: \
             chmod go-w",
        ));
    }
    Ok(file)
}

/// A record that has no place in the chain yet.
#[derive(Debug)]
struct Written {
    run: String,
    step: String,
    body: Vec<u8>,
}

impl Written {
    fn of(entry: &AuditEntry<'_>) -> io::Result<Self> {
        Ok(Self {
            run: entry.run.to_owned(),
            step: entry.step.to_owned(),
            body: line::body(entry)?,
        })
    }
}

impl State {
    /// Writes the record that waits, and this one.
    fn append(&mut self, record: Option<&Written>, sync: AuditSync) -> io::Result<()> {
        let waiting = self.waiting.take();
        self.file.lock()?;
        let appended = self.append_locked(waiting.as_ref().into_iter().chain(record));
        let unlocked = self.file.unlock();
        if appended.is_err() {
            self.waiting = waiting;
        }
        appended?;
        unlocked?;
        if sync == AuditSync::Record {
            self.file.sync_data()?;
        }
        Ok(())
    }

    /// Writes records with what ends the line before them, all at once: a crash leaves one line torn
    /// at most.
    fn append_locked<'a>(&mut self, records: impl Iterator<Item = &'a Written>) -> io::Result<()> {
        let mut records = records.peekable();
        let Some(first) = records.peek() else {
            return Ok(());
        };
        self.lines.clear();
        let length = self.file.seek(SeekFrom::End(0))?;
        let mut head = self.head.clone();
        if length != self.length {
            let end = self.read_end(length)?;
            head = end.head;
            if let Some(recovered) = end.torn.map(|torn| recovered(&torn, first)).transpose()? {
                self.lines.push(b'\n');
                head = self.add(&head, &recovered);
            }
        }
        for record in records {
            head = self.add(&head, record);
        }
        self.file.write_all(&self.lines)?;
        self.length = length + self.lines.len() as u64;
        self.head = head;
        Ok(())
    }

    /// Adds a line to those that are to be written, behind `head`.
    fn add(&mut self, head: &AuditHead, record: &Written) -> AuditHead {
        let sequence = head.sequence + 1;
        let hash = line::write(&mut self.lines, sequence, &head.hash, &record.body);
        AuditHead { sequence, hash }
    }

    /// Learns the head from the last line: somebody else has written, or this is the first record.
    fn read_end(&mut self, length: u64) -> io::Result<End> {
        let begin = length.saturating_sub(2 * LONGEST_LINE);
        let mut end = Vec::new();
        self.file.seek(SeekFrom::Start(begin))?;
        (&self.file).take(length - begin).read_to_end(&mut end)?;
        let whole = end.iter().rposition(|byte| *byte == b'\n');
        let torn = end.split_off(whole.map_or(0, |place| place + 1));
        let head = match last_line(&end) {
            None => beginning(),
            Some(line) => {
                let line = AuditLine::parse(line).map_err(|error| {
                    io::Error::other(format!(
                        "its last line cannot be continued: {error}; run `stepyard audit verify`, \
                         and put the file aside"
                    ))
                })?;
                line.head
            }
        };
        let torn = (!torn.is_empty()).then_some(torn);
        Ok(End { head, torn })
    }
}

/// What waits is written when nothing comes after it.
impl Drop for State {
    fn drop(&mut self) {
        if self.waiting.is_some()
            && let Err(error) = self.append(None, AuditSync::Run)
        {
            tracing::error!("the last record of the audit log is lost: {error}");
        }
    }
}

/// How a file ends.
struct End {
    head: AuditHead,
    /// The line that a crash has cut off.
    torn: Option<Vec<u8>>,
}

/// The record of a torn line, in the name of the one that comes after it.
fn recovered(torn: &[u8], next: &Written) -> io::Result<Written> {
    Written::of(&AuditEntry {
        time: OffsetDateTime::now_utc(),
        run: &next.run,
        step: &next.step,
        record: AuditRecord::Recovered {
            torn_bytes: torn.len() as u64,
            torn_sha256: &hash(torn),
        },
    })
}

fn beginning() -> AuditHead {
    AuditHead {
        sequence: 0,
        hash: BEGINNING.to_owned(),
    }
}

/// The last line of whole lines.
fn last_line(lines: &[u8]) -> Option<&[u8]> {
    let lines = lines.strip_suffix(b"\n")?;
    let begin = lines.iter().rposition(|byte| *byte == b'\n');
    lines.get(begin.map_or(0, |place| place + 1)..)
}
