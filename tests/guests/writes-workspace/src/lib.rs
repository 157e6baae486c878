//! Tries to change the workspace.

use std::fs;

use stepyard_sdk::prelude::*;

#[settings]
struct WritesWorkspace {}

impl Step for WritesWorkspace {
    const NAME: &str = "writes-workspace";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "Tries to change the workspace";

    fn run(self) -> Result<Outcome, Error> {
        let attempts: [(&str, fn() -> std::io::Result<()>); 4] = [
            ("create", || fs::write("/workspace/created-by-guest", b"x")),
            ("folder", || fs::create_dir("/workspace/folder-by-guest")),
            ("append", || {
                fs::OpenOptions::new()
                    .append(true)
                    .open("/workspace/Dockerfile")
                    .map(drop)
            }),
            ("remove", || fs::remove_file("/workspace/Dockerfile")),
        ];
        let mut outcome = Outcome::new();
        for (name, attempt) in attempts {
            let result = match attempt() {
                Ok(()) => "done".to_owned(),
                Err(error) => error.to_string(),
            };
            outcome = outcome.output(name, result);
        }
        Ok(outcome)
    }
}

stepyard_sdk::step!(WritesWorkspace);
