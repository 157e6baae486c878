//! This program in place of the compiler (`RUSTC_WORKSPACE_WRAPPER`), for the project's own crates
//! alone: what they depend on is not compiled again.
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

/// Names the folder that is compiled instead of `host/runtime/src`.
const SOURCE: &str = "STEPYARD_COMPILE_SOURCE";
/// Set where what is compiled tells libFuzzer which branches it takes.
const COVERAGE: &str = "STEPYARD_COMPILE_COVERAGE";

/// What LLVM's `SanitizerCoverage` needs to be told, so that libFuzzer sees branches and comparisons.
const COVERAGE_FLAGS: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
];

/// Lets `command`, which is cargo, compile the runtime from `source`.
pub(crate) fn with_runtime_from(command: &mut Command, source: &std::path::Path) {
    command
        .env("RUSTC_WORKSPACE_WRAPPER", own_path())
        .env(SOURCE, source);
}

/// Lets `command`, which is cargo, compile for libFuzzer.
pub(crate) fn with_coverage(command: &mut Command) {
    command
        .env("RUSTC_WORKSPACE_WRAPPER", own_path())
        .env(COVERAGE, "1");
}

fn own_path() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("xtask"))
}

/// Whether cargo calls this program in place of the compiler.
pub(crate) fn is_wanted() -> bool {
    let is_set = |name| std::env::var_os(name).is_some();
    (is_set(SOURCE) || is_set(COVERAGE))
        && std::env::args()
            .nth(1)
            .is_some_and(|compiler| compiler.ends_with("rustc"))
}

/// Calls the compiler. It does not return unless the compiler cannot be started.
pub(crate) fn call() -> std::io::Error {
    let mut arguments = std::env::args_os().skip(1);
    let compiler = arguments.next().unwrap_or_else(|| "rustc".into());
    let mut arguments: Vec<_> = arguments.collect();
    if let Some(source) = std::env::var_os(SOURCE).map(PathBuf::from) {
        for argument in &mut arguments {
            if argument == "host/runtime/src/lib.rs" {
                *argument = source.join("lib.rs").into_os_string();
            }
        }
    }
    // Build scripts are programs without libFuzzer, and the steps are for another machine.
    let is_for_libfuzzer = std::env::var_os(COVERAGE).is_some()
        && !arguments.iter().any(|argument| {
            argument == "build_script_build" || argument == "wasm32-wasip2" || argument == "-vV"
        });
    if is_for_libfuzzer {
        arguments.extend(COVERAGE_FLAGS.map(Into::into));
    }
    Command::new(compiler).args(arguments).exec()
}
