//! Builds the steps that are part of the program, as components.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The built-in steps: packages in `steps/`.
const STEPS: [&str; 3] = ["build-push-ecr", "ecr-scan-gate", "promote-image"];

const TARGET: &str = "wasm32-wasip2";

fn main() {
    let workspace = environment("CARGO_MANIFEST_DIR").join("../..");
    for path in ["steps", "guest-sdk", "grammar", "wit", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", workspace.join(path).display());
    }
    let output = environment("OUT_DIR");
    // A target folder of its own: the outer cargo holds the lock of the usual one.
    let target_folder = output.join("components");
    let mut cargo = Command::new(environment("CARGO"));
    cargo
        .current_dir(&workspace)
        .args(["build", "--release", "--target", TARGET, "--target-dir"])
        .arg(&target_folder);
    for step in STEPS {
        cargo.args(["--package", step]);
    }
    // What the outer build sets for the host's own target must not reach this one.
    for variable in [
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTFLAGS",
        "CARGO_BUILD_TARGET",
        "CARGO_BUILD_RUSTFLAGS",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "CLIPPY_ARGS",
        "CLIPPY_CONF_DIR",
    ] {
        cargo.env_remove(variable);
    }
    let built = cargo
        .output()
        .unwrap_or_else(|error| fail(&format!("cargo cannot be started: {error}")));
    if !built.status.success() {
        let messages = String::from_utf8_lossy(&built.stderr);
        if messages.contains(&format!("`{TARGET}` target may not be installed")) {
            fail(&format!(
                "the built-in steps need Rust's target {TARGET}; run: rustup target add {TARGET}"
            ));
        }
        fail(&format!("the built-in steps cannot be built:\n{messages}"));
    }
    let folder = target_folder.join(TARGET).join("release");
    let components: String = STEPS.iter().map(|step| entry(step, &folder)).collect();
    let table = output.join("built_in_components.rs");
    std::fs::write(&table, format!("&[{components}]"))
        .unwrap_or_else(|error| fail(&format!("{} cannot be written: {error}", table.display())));
}

fn entry(step: &str, folder: &Path) -> String {
    let file = folder.join(format!("{}.wasm", step.replace('-', "_")));
    format!(
        "({step:?}, include_bytes!({:?}).as_slice()),",
        file.display().to_string()
    )
}

fn environment(name: &str) -> PathBuf {
    std::env::var_os(name)
        .unwrap_or_else(|| fail(&format!("cargo does not set {name}")))
        .into()
}

fn fail(message: &str) -> ! {
    println!("cargo::error={}", message.replace('\n', "\ncargo::error="));
    std::process::exit(1)
}
