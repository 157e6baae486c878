//! Programs that print secrets: started without a shell, bounded, and killed with their children.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use super::Mask;
use crate::event::printable;

/// The most that a program may print, in bytes.
const LARGEST: usize = 1 << 20;
/// How much of what the program says on standard error is read, in bytes.
const LONGEST_COMPLAINT: usize = 64 << 10;
/// How much of its end is shown, in characters.
const SHOWN_OF_COMPLAINT: usize = 1_000;

/// Runs a program to its end, with `input` on its standard input where that is a pipe. It is killed,
/// with the processes of its group, when it takes too long or is no longer waited for.
///
/// # Errors
/// What went wrong, after the name of the program.
pub(crate) async fn run(
    mut command: Command,
    input: &str,
    timeout: Duration,
) -> Result<Ended, String> {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let child = command.spawn().map_err(|error| {
        let program = Path::new(command.as_std().get_program()).display();
        format!("{program} cannot be started: {error}")
    })?;
    let mut running = Running(child);
    tokio::time::timeout(timeout, running.end(input))
        .await
        .unwrap_or_else(|_| Err(format!("it did not end within {timeout:?}")))
}

/// The path of a program that is named by its path, or by a name that is looked for in `PATH`. That
/// variable is the host's: the program need not see it.
///
/// # Errors
/// Where there is none.
pub(crate) fn found(program: &Path) -> Result<PathBuf, String> {
    if program.components().count() > 1 {
        let absolute = std::path::absolute(program);
        return absolute.map_err(|error| format!("its path is no path: {error}"));
    }
    let folders = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/bin:/bin"));
    std::env::split_paths(&folders)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
        .ok_or_else(|| "there is no such program in PATH".to_owned())
}

/// A program that runs; its process group is killed where the value is dropped before it ends.
struct Running(Child);

impl Running {
    async fn end(&mut self, input: &str) -> Result<Ended, String> {
        if let Some(mut stdin) = self.0.stdin.take() {
            // A program that does not read ends as it likes.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        let (stdout, stderr) = (self.0.stdout.take(), self.0.stderr.take());
        let unreadable = |error: std::io::Error| format!("its output cannot be read: {error}");
        let output = async {
            // One more, to tell what is too long. The whole room at once, so that growing leaves no
            // copy behind.
            let output = read(stdout, LARGEST + 1).await.map_err(unreadable)?.0;
            if output.len() > LARGEST {
                return Err(format!("it prints more than {LARGEST} bytes"));
            }
            Ok(output)
        };
        let complaint = async {
            let (complaint, rest) = read(stderr, LONGEST_COMPLAINT).await.map_err(unreadable)?;
            if let Some(mut rest) = rest {
                // Whoever cannot write does not end.
                let drained = tokio::io::copy(&mut rest, &mut tokio::io::sink()).await;
                drained.map_err(unreadable)?;
            }
            Ok(complaint)
        };
        let (output, complaint) = tokio::try_join!(output, complaint)?;
        Ok(Ended {
            status: self.0.wait().await.map_err(unreadable)?,
            output,
            complaint,
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        #[cfg(unix)]
        {
            // The number is that of the process until it was waited for.
            let group = self.0.id().and_then(|id| i32::try_from(id).ok());
            if let Some(group) = group.and_then(rustix::process::Pid::from_raw) {
                // A group that has ended needs no end.
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            }
        }
    }
}

/// The first bytes of a stream, and the rest of it.
async fn read<R: AsyncRead + Unpin>(
    stream: Option<R>,
    most: usize,
) -> std::io::Result<(Zeroizing<Vec<u8>>, Option<R>)> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(most));
    let Some(stream) = stream else {
        return Ok((bytes, None));
    };
    let mut limited = stream.take(most as u64);
    limited.read_to_end(&mut bytes).await?;
    Ok((bytes, Some(limited.into_inner())))
}

/// A program that has ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) output: Zeroizing<Vec<u8>>,
    complaint: Zeroizing<Vec<u8>>,
}

impl Ended {
    /// What a program printed that ended well.
    ///
    /// # Errors
    /// How else it ended, with the end of what it said on standard error.
    pub(crate) fn printed(&self) -> Result<&str, String> {
        match self.status.code() {
            Some(0) => std::str::from_utf8(&self.output)
                .map_err(|_| "what it prints is not UTF-8".to_owned()),
            Some(code) => Err(format!(
                "it ended with exit code {code}{}",
                self.complaint()
            )),
            None => Err(format!("it ended by a {}{}", self.status, self.complaint())),
        }
    }

    /// The end of what it said, without what it printed: that may be a secret.
    fn complaint(&self) -> String {
        let mask = Mask::default();
        mask.note(self.output.as_slice());
        let said = Zeroizing::new(printable(&String::from_utf8_lossy(&self.complaint)));
        let said = mask.text(said.trim()).replace('\n', " ");
        let surplus = said.chars().count().saturating_sub(SHOWN_OF_COMPLAINT);
        let shown: String = said.chars().skip(surplus).collect();
        match (shown.is_empty(), surplus) {
            (true, _) => String::new(),
            (false, 0) => format!(": {shown}"),
            (false, _) => format!(": …{shown}"),
        }
    }
}
