//! Output that arrives in pieces, as lines.

use crate::secret::Mask;

/// A longer line is passed on in several, in bytes.
const LONGEST: usize = 16 << 10;

/// Joins pieces of output to lines, so that whatever looks at them (a mask above all) sees what
/// belongs together. A line that is too long is cut, but never within a secret.
#[derive(Debug)]
pub(crate) struct Lines {
    mask: Mask,
    unfinished: Vec<u8>,
}

impl Lines {
    /// No output yet; `mask` knows the secrets.
    pub(crate) fn new(mask: &Mask) -> Self {
        Self {
            mask: mask.clone(),
            unfinished: Vec::new(),
        }
    }

    /// Takes output as it arrives, and passes on the lines that it ends.
    pub(crate) fn write(&mut self, bytes: &[u8], mut line: impl FnMut(&str)) {
        let pieces = bytes.split_inclusive(|byte| *byte == b'\n');
        for piece in pieces.flat_map(|piece| piece.chunks(LONGEST)) {
            self.unfinished.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                self.finish(&mut line);
            } else if self.unfinished.len() >= LONGEST {
                self.cut(&mut line);
            }
        }
    }

    /// Passes on what has come of the last line.
    pub(crate) fn finish(&mut self, line: impl FnMut(&str)) {
        pass_on(&self.unfinished, line);
        self.unfinished.clear();
    }

    /// Drops the end of the last line where it may be the beginning of a secret whose rest is
    /// missing.
    pub(crate) fn end_early(&mut self) {
        let safe = self.mask.safe_cut(&self.unfinished);
        self.unfinished.truncate(safe);
    }

    fn cut(&mut self, line: impl FnMut(&str)) {
        // What is kept back cannot be longer than a secret, unless it is the same again and again.
        let most = LONGEST + self.mask.longest();
        let end = if self.unfinished.len() > most {
            self.unfinished.len()
        } else {
            self.mask.safe_cut(&self.unfinished)
        };
        pass_on(self.unfinished.get(..end).unwrap_or_default(), line);
        self.unfinished.drain(..end);
    }
}

/// Passes on a line that is not empty.
fn pass_on(bytes: &[u8], mut line: impl FnMut(&str)) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(text) = last_state(&text) {
        line(text);
    }
}

/// A progress bar overwrites its line: what a person would see is the last state.
fn last_state(text: &str) -> Option<&str> {
    let text = text.trim_end_matches(['\n', '\r']);
    text.rsplit('\r').next().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines, as a reporter shows them.
    fn shown(mask: &Mask, pieces: &[&[u8]]) -> Vec<String> {
        let mut seen = Vec::new();
        let mut lines = Lines::new(mask);
        for piece in pieces {
            lines.write(piece, |line| seen.push(mask.text(line).into_owned()));
        }
        lines.finish(|line| seen.push(mask.text(line).into_owned()));
        seen
    }

    #[test]
    fn pieces_become_lines() {
        let pieces: [&[u8]; 5] = [b"a", b"b\n\nc\r", b"\n10%\r20%\r", b"90%\r\n", b"end"];
        assert_eq!(shown(&Mask::default(), &pieces), ["ab", "c", "90%", "end"]);
    }

    #[test]
    fn endless_lines_are_cut() {
        let (mask, x) = (Mask::default(), vec![b'x'; 1_000]);
        let mut lines = Lines::new(&mask);
        let mut lengths = Vec::new();
        for _ in 0..100 {
            lines.write(&x, |line| lengths.push(line.len()));
            assert!(lines.unfinished.capacity() <= 2 * LONGEST);
        }
        assert_eq!(lengths, [17_000; 5]);
        lengths.clear();
        lines.write(&[b'y'; 100_000], |line| lengths.push(line.len()));
        assert!(lengths.iter().all(|length| *length <= 2 * LONGEST));
    }

    #[test]
    fn a_secret_is_never_cut() {
        let secret = "0123456789-secret";
        let mask = Mask::default();
        mask.note(secret);
        for before in LONGEST - 20..LONGEST + 5 {
            let line = format!("{}{secret}{}", "x".repeat(before), "y".repeat(50));
            let whole = shown(&mask, &[line.as_bytes()]).concat();
            assert_eq!(
                whole,
                format!("{}***{}", "x".repeat(before), "y".repeat(50))
            );
            let bytes: Vec<&[u8]> = line.as_bytes().chunks(7).collect();
            assert_eq!(shown(&mask, &bytes).concat(), whole);
        }
    }

    #[test]
    fn the_same_again_and_again_does_not_fill_the_memory() {
        let mask = Mask::default();
        mask.note("aaaaaaaa");
        let mut lines = Lines::new(&mask);
        for _ in 0..100 {
            lines.write(&[b'a'; 1_000], |line| assert_eq!(mask.text(line), "***"));
            assert!(lines.unfinished.len() < 2 * LONGEST);
        }
    }

    #[test]
    fn what_is_cut_off_shows_no_beginning_of_a_secret() {
        let mask = Mask::default();
        mask.note("0123456789-secret");
        let mut lines = Lines::new(&mask);
        lines.write(b"so: 0123456789-sec", |_| {});
        lines.end_early();
        let mut seen = Vec::new();
        lines.finish(|line| seen.push(line.to_owned()));
        assert_eq!(seen, ["so: "]);
    }
}
