//! Logs 100 lines of 1,000 characters.

use stepyard_sdk::prelude::*;

#[settings]
struct FloodsLog {}

impl Step for FloodsLog {
    const NAME: &str = "floods-log";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "Logs 100 lines of 1,000 characters";

    fn run(self) -> Result<Outcome, Error> {
        let line = "x".repeat(1_000);
        for _ in 0..100 {
            log::info!("{line}");
        }
        Ok(Outcome::new())
    }
}

stepyard_sdk::step!(FloodsLog);
