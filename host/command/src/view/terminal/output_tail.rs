//! The last lines of a long output.

use std::collections::VecDeque;

/// How many lines are kept for the case of a failure.
pub(super) const KEPT_LINES: usize = 40;

/// The last [`KEPT_LINES`] lines of an output, and how many there were.
#[derive(Clone, Debug, Default)]
pub(super) struct OutputTail {
    lines: VecDeque<String>,
    total: usize,
}

impl OutputTail {
    pub(super) fn push(&mut self, line: String) {
        if self.lines.len() == KEPT_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
        self.total += 1;
    }

    /// The last lines, at most `count`, from old to new.
    pub(super) fn last(&self, count: usize) -> impl Iterator<Item = &str> {
        let skipped = self.lines.len().saturating_sub(count);
        self.lines.iter().skip(skipped).map(String::as_str)
    }

    /// How many lines have come and gone.
    pub(super) fn dropped(&self) -> usize {
        self.total - self.lines.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut tail = OutputTail::default();
        assert_eq!(tail.last(3).count(), 0);
        for line in 1..=KEPT_LINES + 2 {
            tail.push(line.to_string());
        }
        assert_eq!(tail.last(3).collect::<Vec<_>>(), ["40", "41", "42"]);
        assert_eq!(tail.last(100).next(), Some("3"));
        assert_eq!(tail.dropped(), 2);
    }
}
