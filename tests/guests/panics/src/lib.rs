//! Panics with a message.

use stepyard_sdk::prelude::*;

#[settings]
struct Panics {}

impl Step for Panics {
    const NAME: &str = "panics";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "Panics with a message";

    fn run(self) -> Result<Outcome, Error> {
        panic!("the fixture panics as it should");
    }
}

stepyard_sdk::step!(Panics);
