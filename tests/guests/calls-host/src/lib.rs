//! Calls the host first thing.

use stepyard_sdk::prelude::*;

#[settings]
struct CallsHost {}

impl Step for CallsHost {
    const NAME: &str = "calls-host";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "Calls the host first thing";

    fn run(self) -> Result<Outcome, Error> {
        log::write(log::Level::Info, "called");
        Ok(Outcome::new())
    }
}

stepyard_sdk::step!(CallsHost);
