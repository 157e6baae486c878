//! The guest fixtures: components that the tests and the demo run, a cargo workspace of their own.
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::error::{Doing, Result};
use crate::{paths, process};

/// Builds every package of `tests/guests`, or only the named one; returns the components, `NAME.wasm` by
/// package name. A checkout without that package, or without that folder has none.
pub(crate) fn build(only: Option<&str>) -> Result<Vec<PathBuf>> {
    let manifest = paths::guests().join("Cargo.toml");
    if !manifest.is_file() {
        eprintln!("no guest fixtures: {} is not there", manifest.display());
        return Ok(Vec::new());
    }
    let metadata = process::output(
        process::cargo()
            .args([
                "metadata",
                "--no-deps",
                "--format-version",
                "1",
                "--manifest-path",
            ])
            .arg(&manifest),
    )?;
    let metadata: Value =
        serde_json::from_str(&metadata).doing(|| "reading the fixtures' metadata".into())?;
    let names: Vec<&str> = package_names(&metadata)
        .into_iter()
        .filter(|name| only.is_none_or(|only| only == *name))
        .collect();
    let mut command = process::cargo();
    command
        .args([
            "build",
            "--release",
            "--target",
            "wasm32-wasip2",
            "--manifest-path",
        ])
        .arg(&manifest)
        .arg("--target-dir")
        .arg(paths::guests().join("target"));
    for name in &names {
        command.args(["--package", name]);
    }
    if names.is_empty() {
        return Ok(Vec::new());
    }
    process::run(&mut command)?;
    let folder = paths::guest_components();
    let mut components = Vec::new();
    for name in names {
        let component = folder.join(format!("{name}.wasm"));
        // cargo names a library after its crate, with underscores.
        let library = folder.join(format!("{}.wasm", name.replace('-', "_")));
        if library != component && library.is_file() {
            fs::copy(&library, &component).doing(|| format!("copying {}", library.display()))?;
        }
        if component.is_file() {
            components.push(component);
        }
    }
    Ok(components)
}

fn package_names(metadata: &Value) -> Vec<&str> {
    metadata
        .get("packages")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|package| package.get("name").and_then(Value::as_str))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_read_from_the_metadata() {
        let metadata =
            serde_json::json!({"packages": [{"name": "noop"}, {"name": "hostile-push"}]});
        assert_eq!(package_names(&metadata), ["noop", "hostile-push"]);
    }
}
