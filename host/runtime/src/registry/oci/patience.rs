//! How long a registry is waited for, and how often it is asked again.

use std::time::{Duration, Instant};

use super::failure::Failure;
use crate::event::{LogLevel, Reporter};

/// How long a registry is waited for, and how often it is asked again.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    /// The longest wait for a connection.
    pub(super) connect: Duration,
    /// The longest time in which not a byte moves.
    pub(super) idle: Duration,
    /// Attempts in all.
    pub(super) attempts: u32,
    /// The pause after the first attempt; it doubles from one attempt to the next.
    pub(super) first_pause: Duration,
    /// The longest pause that is not the registry's own wish.
    pub(super) longest_pause: Duration,
    /// The time that the pauses of one request may take in all.
    pub(super) budget: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            attempts: 6,
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(8),
            budget: Duration::from_secs(60),
        }
    }
}

impl Patience {
    /// Begins to count the attempts of one request. `what` says what is tried, for the log.
    pub(super) fn begin<'a>(
        &'a self,
        what: &'a str,
        reporter: Option<&'a Reporter>,
    ) -> Attempts<'a> {
        Attempts {
            patience: self,
            what,
            reporter,
            begun: Instant::now(),
            failed: 0,
        }
    }
}

/// The attempts of one request.
pub(super) struct Attempts<'a> {
    patience: &'a Patience,
    what: &'a str,
    reporter: Option<&'a Reporter>,
    begun: Instant,
    failed: u32,
}

impl Attempts<'_> {
    /// Waits until the next attempt. The first failure is logged with its reason.
    ///
    /// # Errors
    /// `failure`, where another attempt cannot help or there was enough of them.
    pub(super) async fn pause_after(&mut self, failure: Failure) -> Result<(), Failure> {
        self.failed += 1;
        if !failure.is_transient() || self.failed >= self.patience.attempts {
            return Err(failure);
        }
        let pause = self.pause(failure.retry_after());
        if self.begun.elapsed().saturating_add(pause) > self.patience.budget {
            return Err(failure);
        }
        if self.failed == 1 {
            let message = format!("{}: {failure}; trying again", self.what);
            match self.reporter {
                Some(reporter) => reporter.log(LogLevel::Info, message),
                None => tracing::info!("{message}"),
            }
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
    fn a_wish_beyond_all_time_is_no_overflow() {
        let patience = Patience::default();
        let attempts = patience.begin("a request", None);
        assert_eq!(attempts.pause(Some(Duration::MAX)), Duration::MAX);
    }
}
