//! Puts the time, a random number and how long it slept into its outputs.

use std::hash::{BuildHasher as _, RandomState};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use stepyard_sdk::prelude::*;

#[settings]
struct ReadsSurroundings {
    /// How long to sleep.
    milliseconds: u64,
}

impl Step for ReadsSurroundings {
    const NAME: &str = "reads-surroundings";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "Reads clocks and random numbers";

    fn run(self) -> Result<Outcome, Error> {
        let begin = Instant::now();
        sleep(Duration::from_millis(self.milliseconds));
        let slept = begin.elapsed();
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_nanos();
        Ok(Outcome::new()
            .output("time", now.to_string())
            .output("random", RandomState::new().hash_one("").to_string())
            .output("slept", slept.as_nanos().to_string()))
    }
}

stepyard_sdk::step!(ReadsSurroundings);
