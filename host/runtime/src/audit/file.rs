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
    line: Vec<u8>,
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
            head: AuditHead {
                sequence: 0,
                hash: BEGINNING.to_owned(),
            },
            line: Vec::new(),
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
        let mut state = self.state();
        let written = state.append(entry, self.sync);
        written.map_err(|error| self.fault(&error))
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

impl State {
    fn append(&mut self, entry: &AuditEntry<'_>, sync: AuditSync) -> io::Result<()> {
        self.file.lock()?;
        let appended = self.append_locked(entry);
        let unlocked = self.file.unlock();
        appended?;
        unlocked?;
        if sync == AuditSync::Record {
            self.file.sync_data()?;
        }
        Ok(())
    }

    fn append_locked(&mut self, entry: &AuditEntry<'_>) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        if length != self.length {
            self.read_end(length, entry)?;
        }
        self.write("", entry)
    }

    /// Writes a record with what ends the line before it, both at once: a crash leaves one line
    /// torn at most.
    fn write(&mut self, before: &str, entry: &AuditEntry<'_>) -> io::Result<()> {
        let sequence = self.head.sequence + 1;
        self.line.clear();
        self.line.extend_from_slice(before.as_bytes());
        let hash = line::write(&mut self.line, sequence, &self.head.hash, entry)?;
        self.file.write_all(&self.line)?;
        self.length += self.line.len() as u64;
        self.head = AuditHead { sequence, hash };
        Ok(())
    }

    /// Learns the head from the last line: somebody else has written, or this is the first record.
    fn read_end(&mut self, length: u64, entry: &AuditEntry<'_>) -> io::Result<()> {
        let begin = length.saturating_sub(2 * LONGEST_LINE);
        let mut end = Vec::new();
        self.file.seek(SeekFrom::Start(begin))?;
        (&self.file).take(length - begin).read_to_end(&mut end)?;
        self.length = length;
        let whole = end.iter().rposition(|byte| *byte == b'\n');
        let torn = end.split_off(whole.map_or(0, |place| place + 1));
        match last_line(&end) {
            None => {
                self.head = AuditHead {
                    sequence: 0,
                    hash: BEGINNING.to_owned(),
                };
            }
            Some(line) => {
                let line = AuditLine::parse(line).map_err(|error| {
                    io::Error::other(format!(
                        "its last line cannot be continued: {error}; run `stepyard audit verify`, \
                         and put the file aside"
                    ))
                })?;
                self.head = line.head;
            }
        }
        if torn.is_empty() {
            return Ok(());
        }
        let recovered = AuditEntry {
            time: OffsetDateTime::now_utc(),
            run: entry.run,
            step: entry.step,
            record: AuditRecord::Recovered {
                torn_bytes: torn.len() as u64,
                torn_sha256: &hash(&torn),
            },
        };
        self.write("\n", &recovered)
    }
}

/// The last line of whole lines.
fn last_line(lines: &[u8]) -> Option<&[u8]> {
    let lines = lines.strip_suffix(b"\n")?;
    let begin = lines.iter().rposition(|byte| *byte == b'\n');
    lines.get(begin.map_or(0, |place| place + 1)..)
}
