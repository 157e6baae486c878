//! Time, and waiting. `std`'s clocks are the same in a component; these are a test's own where
//! [`crate::testing`] runs the step, which then waits for nothing.

use std::time::{Duration, SystemTime};

use crate::Error;

/// The time.
///
/// ```
/// use stepyard_sdk::clock;
///
/// let age = clock::now().duration_since(std::time::UNIX_EPOCH);
/// assert!(age.is_ok());
/// ```
pub fn now() -> SystemTime {
    #[cfg(not(target_family = "wasm"))]
    if let Some(now) = crate::bindings::script::with(|script| script.begin + script.elapsed) {
        return now;
    }
    SystemTime::now()
}

/// Waits.
///
/// ```
/// use std::time::Duration;
/// use stepyard_sdk::clock;
///
/// clock::sleep(Duration::from_millis(1));
/// ```
pub fn sleep(duration: Duration) {
    #[cfg(not(target_family = "wasm"))]
    if crate::bindings::script::with(|script| script.elapsed += duration).is_some() {
        return;
    }
    std::thread::sleep(duration);
}

/// Looks until there is something, with a wait of `interval` between two looks. Nothing where it
/// would take longer than `timeout`, of which the looks themselves are no part.
///
/// ```
/// use std::time::Duration;
/// use stepyard_sdk::{Error, clock, testing::Host};
///
/// let mut looks = 0;
/// let run = Host::new().call(|| {
///     clock::poll(Duration::from_secs(5), Duration::from_secs(60), || {
///         looks += 1;
///         Ok((looks == 3).then_some("there"))
///     })
/// });
/// assert_eq!(*run.value(), Some("there"));
/// assert_eq!(run.waited(), Duration::from_secs(10));
/// ```
///
/// # Errors
/// Those of `look`, which end it.
pub fn poll<T>(
    interval: Duration,
    timeout: Duration,
    mut look: impl FnMut() -> Result<Option<T>, Error>,
) -> Result<Option<T>, Error> {
    let interval = interval.max(Duration::from_millis(1));
    let mut waited = Duration::ZERO;
    loop {
        if let Some(found) = look()? {
            return Ok(Some(found));
        }
        waited = waited.saturating_add(interval);
        if waited > timeout {
            return Ok(None);
        }
        sleep(interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Host;

    #[test]
    fn polling_ends_with_its_time_and_with_an_error() {
        let seconds = Duration::from_secs;
        let mut looks = 0;
        let run = Host::new().call(|| {
            poll(seconds(10), seconds(25), || {
                looks += 1;
                Ok(None::<()>)
            })
        });
        assert_eq!(*run.value(), None);
        assert_eq!((looks, run.waited()), (3, seconds(20)));
        let failed = Host::new().call(|| {
            poll(seconds(1), seconds(9), || {
                Err::<Option<()>, _>(Error::conflict("no"))
            })
        });
        assert_eq!(*failed.error(), Error::conflict("no"));
    }

    #[test]
    fn time_goes_on_while_a_step_sleeps() {
        let run = Host::new().call(|| {
            let begin = now();
            sleep(Duration::from_secs(3600));
            Ok(now().duration_since(begin).ok())
        });
        assert_eq!(*run.value(), Some(Duration::from_secs(3600)));
    }
}
