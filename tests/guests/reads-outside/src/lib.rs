//! Tries to read what is outside its workspace.
//!
//! The workspace may hold the symbolic links `absolute-link` (to `/etc/passwd`) and
//! `climbing-link` (to `../../../../etc/passwd`), and the file `inside`, which must be readable.

use std::fs;

use stepyard_sdk::prelude::*;

#[settings]
struct ReadsOutside {}

impl Step for ReadsOutside {
    const NAME: &str = "reads-outside";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "Tries to read what is outside its workspace";

    /// An output for each attempt: `read: …` with the beginning of what was read, or the error.
    fn run(self) -> Result<Outcome, Error> {
        let attempts = [
            ("inside", "/workspace/inside"),
            ("absolute", "/etc/passwd"),
            ("parent", "/workspace/../etc/passwd"),
            ("climbing", "/workspace/../../../../../../etc/passwd"),
            ("absolute_link", "/workspace/absolute-link"),
            ("climbing_link", "/workspace/climbing-link"),
            ("relative", "etc/passwd"),
        ];
        let mut outcome = Outcome::new();
        for (name, path) in attempts {
            outcome = outcome.output(name, attempt(fs::read_to_string(path)));
        }
        for (name, path) in [("root", "/"), ("above", "/workspace/..")] {
            let names = fs::read_dir(path).and_then(|entries| {
                let names: Result<Vec<_>, _> = entries
                    .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                    .collect();
                names.map(|names| names.join(" "))
            });
            outcome = outcome.output(name, attempt(names));
        }
        Ok(outcome)
    }
}

fn attempt(result: std::io::Result<String>) -> String {
    match result {
        Ok(text) => format!("read: {}", text.chars().take(40).collect::<String>()),
        Err(error) => error.to_string(),
    }
}

stepyard_sdk::step!(ReadsOutside);
