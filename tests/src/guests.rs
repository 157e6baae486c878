//! The guest fixtures of `tests/guests`, as components.

use std::path::{Path, PathBuf};

/// The sources of the fixtures, a folder for each package.
pub const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/guests");

/// The component of the fixture `name`.
///
/// # Panics
/// Where the fixtures are not built.
#[must_use]
pub fn component(name: &str) -> PathBuf {
    let Some(folder) = std::env::var_os("STEPYARD_TEST_GUESTS") else {
        panic!("STEPYARD_TEST_GUESTS is not set; run: cargo xtask test");
    };
    let path = Path::new(&folder).join(format!("{name}.wasm"));
    assert!(
        path.is_file(),
        "{} does not exist; run: cargo xtask test",
        path.display()
    );
    path
}
