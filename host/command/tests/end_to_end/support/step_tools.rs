//! What builds the projects of steps.

use std::path::PathBuf;
use std::process::Command;

use super::service;

/// How each language's tools are installed, as the command and the page print it.
pub(crate) const INSTALLATIONS: [(&str, &str); 3] = [
    ("rust", "rustup target add wasm32-wasip2"),
    (
        "python",
        "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt",
    ),
    ("javascript", "npm install"),
];

/// Commands that do in a project what the printed ones do: what those would fetch is there.
pub(crate) fn installing(language: &str) -> String {
    let tools = PathBuf::from(service("STEPYARD_TEST_STEP_TOOLS"));
    let link = |from: &str, to: &str| format!("ln -s '{}' {to}", tools.join(from).display());
    match language {
        "python" => link("python", ".venv"),
        "javascript" => link("javascript/node_modules", "node_modules"),
        // The machine's.
        _ => "true".to_owned(),
    }
}

/// Lets a command find cargo and what it has fetched.
pub(crate) fn with_cargo(command: &mut Command) {
    for name in ["HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("CARGO_NET_OFFLINE", "true");
}
