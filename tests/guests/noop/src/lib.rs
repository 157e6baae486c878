//! Does nothing.

use stepyard_sdk::prelude::*;

#[settings]
struct Noop {}

impl Step for Noop {
    const NAME: &str = "noop";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "Does nothing";

    fn run(self) -> Result<Outcome, Error> {
        Ok(Outcome::new())
    }
}

stepyard_sdk::step!(Noop);
