//! Returns its settings, to show what a step sees of them.

use std::collections::BTreeMap;

use stepyard_sdk::prelude::*;

#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
struct EchoSettings(BTreeMap<String, serde_json::Value>);

impl Step for EchoSettings {
    const NAME: &str = "echo-settings";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "Returns its settings";

    fn run(self) -> Result<Outcome, Error> {
        let settings = serde_json::to_string(&self.0)?;
        log::info!("{settings}");
        Ok(Outcome::new().output("settings", settings))
    }
}

stepyard_sdk::step!(EchoSettings);
