//! What a build prints: lines for the one who watches, and their end for an error message.

use std::collections::VecDeque;
use std::time::Instant;

use crate::event::{Lines, OutputSource, Reporter, printable};

/// How many lines an error message repeats.
const RECENT_LINES: usize = 20;
/// A longer line is shortened in an error message, in characters.
const LONGEST_RECENT_LINE: usize = 400;

/// An instruction of the Dockerfile that the builder works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    /// Its number, from 1.
    pub(super) number: u32,
    /// How many there are.
    pub(super) count: u32,
    /// Its text, on one line.
    pub(super) text: String,
}

/// The output of one build.
pub(super) struct BuildOutput<'reporter> {
    lines: Lines,
    told: Told<'reporter>,
}

/// What the lines have told so far.
struct Told<'reporter> {
    reporter: &'reporter Reporter,
    instruction: Option<Instruction>,
    /// When the instruction began, until it has ended.
    begun: Option<Instant>,
    /// Whether the instruction's result was in the cache; not known before its first line.
    cached: Option<bool>,
    recent: VecDeque<String>,
    image: Option<String>,
}

impl<'reporter> BuildOutput<'reporter> {
    /// No output yet.
    pub(super) fn new(reporter: &'reporter Reporter) -> Self {
        Self {
            lines: Lines::new(reporter.mask()),
            told: Told {
                reporter,
                instruction: None,
                begun: None,
                cached: None,
                recent: VecDeque::new(),
                image: None,
            },
        }
    }

    /// Takes output as it arrives, which need not be whole lines.
    pub(super) fn write(&mut self, text: &str) {
        let told = &mut self.told;
        self.lines.write(text.as_bytes(), |line| told.take(line));
    }

    /// Takes what has come of the last line.
    pub(super) fn finish(&mut self) {
        let told = &mut self.told;
        self.lines.finish(|line| told.take(line));
    }

    /// The instruction that the builder works on, if it has begun one.
    pub(super) fn instruction(&self) -> Option<&Instruction> {
        self.told.instruction.as_ref()
    }

    /// The last lines of the instruction's own output.
    pub(super) fn recent(&self) -> impl Iterator<Item = &str> {
        self.told.recent.iter().map(String::as_str)
    }

    /// The image that the output names at its end.
    pub(super) fn image(&self) -> Option<&str> {
        self.told.image.as_deref()
    }
}

impl Told<'_> {
    fn take(&mut self, line: &str) {
        self.reporter.output(OutputSource::Build, line);
        let line = printable(line);
        if let Some(instruction) = self.next_instruction(&line) {
            self.instruction_ended();
            self.begun = Some(Instant::now());
            let Instruction {
                number,
                count,
                text,
            } = &instruction;
            let name = format!("[{number}/{count}] {text}");
            self.reporter.vertex_started(u64::from(*number), &name);
            self.instruction = Some(instruction);
            self.recent.clear();
            return;
        }
        self.cached.get_or_insert(line == " ---> Using cache");
        if let Some(image) = line.strip_prefix("Successfully built ") {
            self.instruction_ended();
            self.image = Some(image.to_owned());
        } else if !line.starts_with(" ---> ")
            && !line.starts_with("Removing intermediate container ")
        {
            if self.recent.len() == RECENT_LINES {
                self.recent.pop_front();
            }
            let mut short: String = line.chars().take(LONGEST_RECENT_LINE).collect();
            if short.len() < line.len() {
                short.push('…');
            }
            self.recent.push_back(short);
        }
    }

    /// The instruction has succeeded: another one begins, or the image is there.
    fn instruction_ended(&mut self) {
        let cached = self.cached.take().unwrap_or_default();
        if let (Some(instruction), Some(begun)) = (&self.instruction, self.begun.take()) {
            let number = u64::from(instruction.number);
            let took = Some(begun.elapsed());
            self.reporter.vertex_finished(number, cached, took, None);
        }
    }

    /// `Step 3/7 : RUN make`. What a `RUN` prints can look the same, but numbers only go up.
    fn next_instruction(&self, line: &str) -> Option<Instruction> {
        let (numbers, text) = line.strip_prefix("Step ")?.split_once(" : ")?;
        let (number, count) = numbers.split_once('/')?;
        let (number, count) = (number.parse().ok()?, count.parse().ok()?);
        let follows = self
            .instruction
            .as_ref()
            .is_none_or(|last| number > last.number && count == last.count);
        (follows && (1..=count).contains(&number)).then(|| Instruction {
            number,
            count,
            text: text.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventKind, channel};
    use std::sync::Arc;

    /// The lines that a watcher sees, and whatever `look` finds at the end.
    fn written<T>(pieces: &[&str], look: impl FnOnce(&BuildOutput<'_>) -> T) -> (Vec<String>, T) {
        let (sink, mut events) = channel();
        let reporter = Reporter::new(Arc::new(sink), "step");
        let mut output = BuildOutput::new(&reporter);
        for piece in pieces {
            output.write(piece);
        }
        output.finish();
        let found = look(&output);
        drop(reporter);
        let mut lines = Vec::new();
        while let Some(event) = events.blocking_recv() {
            if let EventKind::Output { line, .. } = event.kind {
                lines.push(line);
            }
        }
        (lines, found)
    }

    #[test]
    fn pieces_become_lines() {
        let (lines, ()) = written(&["a", "b\n\nc\r", "\n10%\r20%\r90%\r\n", "end"], |_| ());
        assert_eq!(lines, ["ab", "c", "90%", "end"]);
    }

    #[test]
    fn endless_lines_are_cut() {
        let (lines, recent) = written(&[&"x".repeat(10_000), &"y".repeat(10_000), "z"], |output| {
            output.recent().map(str::len).collect::<Vec<_>>()
        });
        assert_eq!(
            lines.iter().map(String::len).collect::<Vec<_>>(),
            [20_000, 1]
        );
        assert_eq!(recent, [LONGEST_RECENT_LINE + '…'.len_utf8(), 1]);
    }

    #[test]
    fn instructions_begin_and_end() {
        let (sink, mut events) = channel();
        let reporter = Reporter::new(Arc::new(sink), "step");
        let mut output = BuildOutput::new(&reporter);
        output.write(concat!(
            "Step 1/3 : FROM base\n ---> 066dde677288\n",
            "Step 2/3 : RUN make\n ---> Using cache\n ---> 066dde677289\n",
            "Step 3/3 : RUN echo\n ---> Running in 0123456789ab\n ---> Using cache\n",
            "Successfully built 066dde677290\n",
        ));
        let mut seen = Vec::new();
        while let Ok(event) = events.try_recv() {
            match event.kind {
                EventKind::VertexStarted { vertex, name } => seen.push(format!("{vertex} {name}")),
                EventKind::VertexFinished { vertex, cached, .. } => {
                    seen.push(format!("{vertex} {cached}"));
                }
                _ => {}
            }
        }
        assert_eq!(
            seen,
            [
                "1 [1/3] FROM base",
                "1 false",
                "2 [2/3] RUN make",
                "2 true",
                "3 [3/3] RUN echo",
                "3 false",
            ]
        );
    }

    #[test]
    fn the_instruction_and_its_last_lines_are_kept() {
        let noise: Vec<String> = (0..50).map(|number| format!("line {number}\n")).collect();
        let mut pieces = vec![
            "Step 1/2 : FROM base\n",
            " ---> 066dde677288\n",
            "Step 2/2 : RUN ",
            "make\n",
            " ---> Running in 0123456789ab\n",
        ];
        pieces.extend(noise.iter().map(String::as_str));
        pieces.push("Step 1/9 : a forged one\n");
        let (_, (instruction, recent)) = written(&pieces, |output| {
            let recent: Vec<String> = output.recent().map(str::to_owned).collect();
            (output.instruction().cloned().unwrap(), recent)
        });
        assert_eq!(
            (
                instruction.number,
                instruction.count,
                instruction.text.as_str()
            ),
            (2, 2, "RUN make")
        );
        assert_eq!(recent.len(), RECENT_LINES);
        assert_eq!(recent[0], "line 31");
        assert_eq!(recent[RECENT_LINES - 1], "Step 1/9 : a forged one");
    }
}
