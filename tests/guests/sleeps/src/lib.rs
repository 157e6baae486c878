//! Puts a file into its scratch folder and waits for an hour.

use std::{fs, thread, time::Duration};

use stepyard_sdk::prelude::*;

#[settings]
struct Sleeps {}

impl Step for Sleeps {
    const NAME: &str = "sleeps";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "Waits for an hour";

    fn run(self) -> Result<Outcome, Error> {
        fs::write("/scratch/left-behind", b"x")?;
        log::info!("waiting");
        thread::sleep(Duration::from_secs(3600));
        Ok(Outcome::new())
    }
}

stepyard_sdk::step!(Sleeps);
