//! The Wasm target of the Rust toolchain.
use std::path::PathBuf;
use std::process::Command;

use crate::error::{Error, Result};
use crate::process;

const TARGET: &str = "wasm32-wasip2";

/// Adds the target with rustup where the toolchain lacks it.
pub(crate) fn install() -> Result<()> {
    let sysroot = process::output(
        Command::new("rustc")
            .args(["--print", "sysroot"])
            .current_dir(crate::paths::root()),
    )?;
    let library = PathBuf::from(sysroot.trim())
        .join("lib/rustlib")
        .join(TARGET);
    if library.is_dir() {
        return Ok(());
    }
    if !process::exists("rustup") {
        return Err(Error::Unmet(format!(
            "the Rust toolchain at {} lacks the target {TARGET}, and there is no rustup to add it: \
             install Rust with rustup, then run `rustup target add {TARGET}`",
            sysroot.trim()
        )));
    }
    process::run(
        Command::new("rustup")
            .args(["target", "add", TARGET])
            .current_dir(crate::paths::root()),
    )
}
