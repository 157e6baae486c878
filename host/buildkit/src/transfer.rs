//! How much has travelled, and how fast.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The time that a rate is measured over.
const WINDOW: Duration = Duration::from_secs(3);
/// A shorter time tells no rate, and of two counts within it one is kept.
const SHORTEST: Duration = Duration::from_millis(100);

/// How fast a count of bytes grows.
#[derive(Clone, Debug, Default)]
pub struct RateMeter {
    /// Counts of the last [`WINDOW`], and the one before them.
    counts: VecDeque<(Instant, u64)>,
}

impl RateMeter {
    /// Bytes a second over the last 3 seconds, where there are `bytes` at `now`. Nothing before
    /// there is something to compare with. To be asked a few times a second.
    pub fn rate(&mut self, now: Instant, bytes: u64) -> Option<u64> {
        let since = |then: &Instant| now.saturating_duration_since(*then);
        while self
            .counts
            .get(1)
            .is_some_and(|(then, _)| since(then) >= WINDOW)
        {
            self.counts.pop_front();
        }
        if self
            .counts
            .back()
            .is_none_or(|(then, _)| since(then) >= SHORTEST)
        {
            self.counts.push_back((now, bytes));
        }
        let (then, before) = self.counts.front()?;
        let elapsed = since(then);
        let rate = bytes.saturating_sub(*before) as f64 / elapsed.as_secs_f64();
        (elapsed >= SHORTEST).then_some(rate as u64)
    }
}

/// What was sent of the client's files so far.
#[derive(Debug, Default)]
pub struct TransferProgress {
    entries: AtomicU64,
    files: AtomicU64,
    bytes: AtomicU64,
    meter: Mutex<RateMeter>,
}

impl TransferProgress {
    /// Files, directories and links that the daemon was told of.
    pub fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }

    /// Files whose content was sent, counted when they are complete.
    pub fn files(&self) -> u64 {
        self.files.load(Ordering::Relaxed)
    }

    /// Bytes of their content.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Bytes of content a second lately, as [`RateMeter::rate`].
    pub fn rate(&self) -> Option<u64> {
        let mut meter = self.meter.lock().unwrap_or_else(PoisonError::into_inner);
        meter.rate(Instant::now(), self.bytes())
    }

    pub(crate) fn add_entries(&self, entries: usize) {
        add(&self.entries, entries);
    }

    pub(crate) fn add_content(&self, files: usize, bytes: usize) {
        add(&self.files, files);
        add(&self.bytes, bytes);
    }
}

fn add(counter: &AtomicU64, more: usize) {
    counter.fetch_add(u64::try_from(more).unwrap_or(u64::MAX), Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_last_seconds() {
        let begin = Instant::now();
        let mut meter = RateMeter::default();
        let mut rate =
            |milliseconds, bytes| meter.rate(begin + Duration::from_millis(milliseconds), bytes);
        assert_eq!(rate(0, 500), None);
        assert_eq!(rate(50, 600), None);
        assert_eq!(rate(1_000, 2_500), Some(2_000));
        assert_eq!(rate(2_000, 3_500), Some(1_500));
        // What came before the window does not count, and a standstill shows.
        assert_eq!(rate(5_000, 9_500), Some(2_000));
        assert_eq!(rate(8_000, 9_500), Some(0));
        // A count that starts anew is none that shrinks.
        assert_eq!(rate(9_000, 0), Some(0));
    }

    #[test]
    fn counts_are_few_however_many_are_told() {
        let begin = Instant::now();
        let mut meter = RateMeter::default();
        for millisecond in 0..10_000 {
            meter.rate(begin + Duration::from_millis(millisecond), millisecond);
        }
        assert!(meter.counts.len() <= 32, "{}", meter.counts.len());
    }
}
