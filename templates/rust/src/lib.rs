//! A step that greets.

use stepyard_sdk::prelude::*;

/// The settings, each with the description that its users read.
#[settings]
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

#[cfg(test)]
mod tests {
    use super::*;
    use stepyard_sdk::testing::{Host, json};

    #[test]
    fn it_greets() {
        let run = Host::new().run::<MyStep>(json!({"name": "Ada"}));
        assert_eq!(run.output("greeted"), "Ada");
        assert_eq!(run.log(), ["Hello, Ada!"]);
    }
}
