//! A step that greets.

use stepyard_sdk::prelude::*;

/// The settings, each with the description that its users read.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MyStep {
    /// Whom to greet.
    name: String,
}

impl Step for MyStep {
    const NAME: &str = "my-step";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "Greets";

    fn run(self) -> Result<Outcome, Error> {
        log::info!("Hello, {}!", self.name);
        Ok(Outcome::new().output("greeted", self.name))
    }
}

stepyard_sdk::step!(MyStep);
