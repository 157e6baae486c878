//! Greets.

use stepyard_sdk::prelude::*;

#[settings]
struct Hello {
    /// Whom to greet.
    name: String,
}

impl Step for Hello {
    const NAME: &str = "hello";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "Greets";

    fn run(self) -> Result<Outcome, Error> {
        log::info!("Hello, {}!", self.name);
        Ok(Outcome::new().output("greeted", self.name))
    }
}

stepyard_sdk::step!(Hello);
