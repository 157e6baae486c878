//! Logs in as often as it is told, and returns a text that it was given.

use stepyard_sdk::prelude::*;

#[settings]
struct LogsIn {
    /// How often.
    times: u32,
    /// What it returns.
    text: String,
    /// Whether each time with another connector.
    #[setting(default)]
    anew: bool,
}

impl Step for LogsIn {
    const NAME: &str = "logs-in";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "Logs in as often as it is told";

    fn run(self) -> Result<Outcome, Error> {
        for number in 0..self.times {
            match self.anew {
                true => auth::login(&format!("any-{number}"), None)?,
                false => auth::login("any", None)?,
            };
        }
        Ok(Outcome::new().output("text", self.text))
    }
}

stepyard_sdk::step!(LogsIn);
