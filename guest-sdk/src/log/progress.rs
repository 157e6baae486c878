//! How far the work has come.

/// Counts what is done, and logs it at each tenth of the whole: so a long loop has few lines.
///
/// ```
/// use stepyard_sdk::{log, testing::Host};
///
/// let run = Host::new().call(|| {
///     let mut progress = log::Progress::new("images looked at", 250);
///     for _ in 0..250 {
///         progress.advance(1);
///     }
///     Ok(())
/// });
/// assert_eq!(run.log().len(), 10);
/// assert_eq!(run.log()[0], "25 of 250 images looked at");
/// assert_eq!(run.log()[9], "250 of 250 images looked at");
/// ```
#[derive(Debug)]
pub struct Progress {
    what: String,
    done: u64,
    all: u64,
    /// The tenths that were told.
    told: u64,
}

impl Progress {
    /// Nothing of `all` is done. `what` goes behind the numbers.
    ///
    /// ```
    /// let progress = stepyard_sdk::log::Progress::new("tags copied", 3);
    /// # let _ = progress;
    /// ```
    pub fn new(what: impl Into<String>, all: u64) -> Self {
        Self {
            what: what.into(),
            done: 0,
            all,
            told: 0,
        }
    }

    /// So much more is done.
    ///
    /// ```
    /// let run = stepyard_sdk::testing::Host::new().call(|| {
    ///     stepyard_sdk::log::Progress::new("tags copied", 3).advance(2);
    ///     Ok(())
    /// });
    /// assert_eq!(run.log(), ["2 of 3 tags copied"]);
    /// ```
    pub fn advance(&mut self, by: u64) {
        self.done = self.done.saturating_add(by).min(self.all);
        let tenths = self.done.saturating_mul(10) / self.all.max(1);
        if tenths > self.told {
            self.told = tenths;
            crate::log::info!("{} of {} {}", self.done, self.all, self.what);
        }
    }
}
