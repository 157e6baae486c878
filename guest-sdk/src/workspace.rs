//! The files that a step may read, and those that it may write.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Context as _, Error};

/// Where the host shows the workspace, read-only.
const WORKSPACE: &str = "/workspace";
/// Where it shows an empty folder, which is deleted after the run.
const SCRATCH: &str = "/scratch";

/// A path of the workspace, for `std::fs`.
///
/// ```
/// use stepyard_sdk::{testing::Host, workspace};
///
/// let run = Host::new()
///     .file("app/Dockerfile", "FROM scratch\n")
///     .call(|| Ok(workspace::path("app/Dockerfile").exists()));
/// assert!(run.value());
/// ```
pub fn path(relative: impl AsRef<Path>) -> PathBuf {
    folder(WORKSPACE).join(relative)
}

/// A path for a scratch file.
///
/// ```
/// use stepyard_sdk::{testing::Host, workspace};
///
/// let run = Host::new().call(|| {
///     std::fs::write(workspace::scratch("notes"), "a")?;
///     Ok(std::fs::read_to_string(workspace::scratch("notes"))?)
/// });
/// assert_eq!(run.value(), "a");
/// ```
pub fn scratch(relative: impl AsRef<Path>) -> PathBuf {
    folder(SCRATCH).join(relative)
}

/// The text of a file of the workspace.
///
/// ```
/// use stepyard_sdk::{ErrorKind, testing::Host, workspace};
///
/// let run = Host::new().call(|| workspace::read_to_string("rules.json"));
/// assert_eq!(*run.error().kind(), ErrorKind::NotFound);
/// assert!(run.error().message().starts_with("rules.json: "));
/// ```
///
/// # Errors
/// `not-found` where it is not there, and others as [`std::fs`] has them, with the path in front.
pub fn read_to_string(relative: impl AsRef<Path>) -> Result<String, Error> {
    let relative = relative.as_ref();
    fs::read_to_string(path(relative)).context(relative.display())
}

/// The folder of a test, where one runs.
#[cfg(not(target_family = "wasm"))]
fn folder(name: &str) -> PathBuf {
    let of_test = crate::bindings::script::with(|script| match name {
        WORKSPACE => script.workspace.clone(),
        _ => script.scratch.clone(),
    });
    of_test.flatten().unwrap_or_else(|| name.into())
}

#[cfg(target_family = "wasm")]
fn folder(name: &str) -> PathBuf {
    name.into()
}
