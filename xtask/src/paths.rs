//! Where things are in a clone.
use std::path::{Path, PathBuf};

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}

/// Cargo's target folder.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// What tasks keep between runs: the Python environment, logs, the data of running services.
pub(crate) fn tasks() -> PathBuf {
    target().join("xtask")
}

/// The workspace of the guest fixtures; absent in a checkout that has none.
pub(crate) fn guests() -> PathBuf {
    root().join("tests/guests")
}

/// Where the guest fixtures' components are after a build.
pub(crate) fn guest_components() -> PathBuf {
    guests().join("target/wasm32-wasip2/release")
}
