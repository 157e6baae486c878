//! Returns the environment, the arguments and the working folder that it sees.

use std::env;

use stepyard_sdk::prelude::*;

#[settings]
struct ReadsEnvironment {}

impl Step for ReadsEnvironment {
    const NAME: &str = "reads-environment";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str =
        "Returns the environment, the arguments and the working folder that it sees";

    fn run(self) -> Result<Outcome, Error> {
        let variables: Vec<String> = env::vars()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let arguments: Vec<String> = env::args().collect();
        let folder = match env::current_dir() {
            Ok(folder) => folder.display().to_string(),
            Err(error) => error.to_string(),
        };
        Ok(Outcome::new()
            .output("variables", variables.join(" "))
            .output("arguments", arguments.join(" "))
            .output("folder", folder))
    }
}

stepyard_sdk::step!(ReadsEnvironment);
