//! The languages of projects.

use clap::ValueEnum;

/// A language that steps are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// Rust, built by cargo
    Rust,
    /// Python, built by componentize-py
    Python,
    /// JavaScript, built by componentize-js
    #[value(name = "javascript")]
    JavaScript,
}

impl Language {
    pub(crate) const ALL: [Self; 3] = [Self::Rust, Self::Python, Self::JavaScript];

    /// The file that tells the language of a project.
    pub(crate) const fn manifest(self) -> &'static str {
        match self {
            Self::Rust => "Cargo.toml",
            Self::Python => "requirements.txt",
            Self::JavaScript => "package.json",
        }
    }

    /// What makes a project ready to be built.
    pub(crate) const fn installation(self) -> &'static str {
        match self {
            Self::Rust => "rustup target add wasm32-wasip2",
            Self::Python => "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt",
            Self::JavaScript => "npm install",
        }
    }
}
