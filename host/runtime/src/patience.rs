//! How often something is tried again that failed by what may pass.

use std::time::{Duration, Instant};

use crate::capability::CapabilityError;
use crate::event::{LogLevel, Reporter};

tokio::task_local! {
    /// The run that a task works for.
    static REPORTER: Reporter;
}

/// Does `work` for the run of `reporter`, which is told what is tried again.
pub(crate) async fn telling<F: Future>(reporter: &Reporter, work: F) -> F::Output {
    REPORTER.scope(reporter.clone(), work).await
}

/// Tells the run that the task works for, if it works for one, that `what` is tried again.
pub(crate) fn tell(what: &str, reason: &dyn std::fmt::Display) {
    let message = format!("{what}: {reason}; trying again");
    let told = REPORTER.try_with(|reporter| reporter.log(LogLevel::Info, message.as_str()));
    if told.is_err() {
        tracing::info!("{message}");
    }
}

/// A failure that another attempt may mend, or not.
pub(crate) trait MayPass: std::fmt::Display {
    /// Whether another attempt may succeed.
    fn is_transient(&self) -> bool;

    /// How long the other side asks to be left alone, where it says so.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

impl MayPass for CapabilityError {
    fn is_transient(&self) -> bool {
        self.retryable
    }
}

/// How often something is tried again.
#[derive(Clone, Debug)]
pub(crate) struct Patience {
    /// Attempts in all.
    pub(crate) attempts: u32,
    /// The pause after the first attempt; it doubles from one attempt to the next.
    pub(crate) first_pause: Duration,
    /// The longest pause that is not the other side's own wish.
    pub(crate) longest_pause: Duration,
    /// How long after the first failure another attempt is begun.
    pub(crate) budget: Duration,
}

impl Patience {
    /// With one request.
    pub(crate) const REQUEST: Self = Self {
        attempts: 6,
        first_pause: Duration::from_millis(250),
        longest_pause: Duration::from_secs(8),
        budget: Duration::from_secs(60),
    };
    /// With a push by an engine, which is many requests.
    pub(crate) const PUSH: Self = Self {
        attempts: 6,
        first_pause: Duration::from_secs(1),
        longest_pause: Duration::from_secs(16),
        budget: Duration::from_secs(5 * 60),
    };

    /// Begins to count attempts. `what` says what is tried, for the log.
    pub(crate) fn begin<'a>(&'a self, what: &'a str) -> Attempts<'a> {
        Attempts {
            patience: self,
            what,
            first_failure: None,
            failed: 0,
        }
    }
}

/// The attempts at one thing.
pub(crate) struct Attempts<'a> {
    patience: &'a Patience,
    what: &'a str,
    first_failure: Option<Instant>,
    failed: u32,
}

impl Attempts<'_> {
    /// Waits until the next attempt. The first failure is logged with its reason.
    ///
    /// # Errors
    /// `failure`, where another attempt cannot help or there was enough of them.
    pub(crate) async fn pause_after<F: MayPass>(&mut self, failure: F) -> Result<(), F> {
        self.failed += 1;
        if !failure.is_transient() || self.failed >= self.patience.attempts {
            return Err(failure);
        }
        let begun = *self.first_failure.get_or_insert_with(Instant::now);
        let pause = self.pause(failure.retry_after());
        if begun.elapsed().saturating_add(pause) > self.patience.budget {
            return Err(failure);
        }
        if self.failed == 1 {
            tell(self.what, &failure);
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// Half of the pause is random, so that many clients do not come back at the same instant.
    fn pause(&self, wish: Option<Duration>) -> Duration {
        let doublings = self.failed.saturating_sub(1).min(16);
        let pause = (self.patience.first_pause * 2_u32.pow(doublings))
            .min(self.patience.longest_pause)
            .mul_f64(0.5 + fastrand::f64() / 2.0);
        wish.map_or(pause, |wish| wish.saturating_add(pause.min(wish)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_differ() {
        let patience = Patience::PUSH;
        let mut attempts = patience.begin("a push");
        for failed in 1..6 {
            attempts.failed = failed;
            let longest = Duration::from_secs(1 << (failed - 1));
            let pauses: Vec<_> = (0..20).map(|_| attempts.pause(None)).collect();
            assert!(pauses.windows(2).any(|pair| pair[0] != pair[1]));
            assert!(
                pauses
                    .iter()
                    .all(|pause| (longest / 2..=longest).contains(pause))
            );
        }
    }

    #[test]
    fn a_wish_beyond_all_time_is_no_overflow() {
        let patience = Patience::REQUEST;
        let attempts = patience.begin("a request");
        assert_eq!(attempts.pause(Some(Duration::MAX)), Duration::MAX);
    }

    #[tokio::test]
    async fn only_what_may_pass_is_tried_again() {
        let patience = Patience {
            first_pause: Duration::ZERO,
            ..Patience::REQUEST
        };
        let mut attempts = patience.begin("a request");
        let mut failed = 0;
        while attempts
            .pause_after(CapabilityError::unavailable("broken"))
            .await
            .is_ok()
        {
            failed += 1;
        }
        assert_eq!(failed + 1, patience.attempts);
        let mut attempts = patience.begin("a request");
        let denied = CapabilityError::invalid("no");
        assert!(attempts.pause_after(denied).await.is_err());
    }
}
