//! How long it takes until a step's code runs: a component that does nothing against a container that
//! does nothing.
use std::fs;
use std::process::Command;

use serde_json::Value;

use super::Bench;
use super::measure;
use super::table::Table;
use crate::error::{Doing, Result};
use crate::services::docker_engine::{DockerEngine, Edition};
use crate::stepyard_command::Stepyard;
use crate::{base_image, fixtures, paths, process};

const BASE_IMAGE: &str = "stepyard-bench/busybox:1";
const CASES: &[&str] = &["compiled code cached", "compiled code not cached"];
const CONTAINER: &str = "docker run --rm";

/// Measures whole processes.
pub(super) fn run(bench: &Bench) -> Result<Option<Table>> {
    fixtures::build(Some("noop"))?;
    let component = paths::guest_components().join("noop.wasm");
    if !component.is_file() {
        eprintln!(
            "left out: process start: {} is not there",
            component.display()
        );
        return Ok(None);
    }
    let engine = DockerEngine::start_private(Edition::Distribution)?;
    base_image::import(&engine, BASE_IMAGE)?;
    let folder = bench.folder("start")?;
    let workspace = bench.folder("start/workspace")?;
    let stepyard = Stepyard::set_up(
        &bench.program,
        &folder,
        &workspace,
        engine.host(),
        "pipeline: {}\n",
    )?;
    stepyard.point_at("127.0.0.1:1", "127.0.0.1:1")?;
    let cache = folder.join("cache");
    let component = component.to_string_lossy();
    let step = || {
        let mut command = stepyard.run(&["--component", &component]);
        command.env("XDG_CACHE_HOME", &cache);
        command
    };
    let container = || {
        let mut command = engine.docker();
        command.args(["run", "--rm", "--network", "none", BASE_IMAGE, "true"]);
        command
    };

    let mut table = Table::new("Process start", "seconds", &["stepyard", CONTAINER]);
    for _ in 0..bench.runs {
        for case in CASES.iter().rev() {
            // The case without a cache comes first and fills it for the other one.
            if *case == "compiled code not cached" && cache.exists() {
                fs::remove_dir_all(&cache).doing(|| "emptying the cache".into())?;
            }
            table.add(case, "stepyard", measure::run(&mut step())?.seconds);
            table.add(case, CONTAINER, measure::run(&mut container())?.seconds);
        }
    }
    Ok(Some(table))
}

/// Runs the library's own benches: from `run` to the guest's first call of the host, and what a call
/// costs; their JSON lines.
pub(super) fn in_library() -> Result<Vec<Value>> {
    let mut lines = Vec::new();
    for (bench, guest) in [("start_bench", "calls-host"), ("call_bench", "logs-in")] {
        fixtures::build(Some(guest))?;
        let component = paths::guest_components().join(format!("{guest}.wasm"));
        let mut command = Command::new(paths::target().join("release/examples").join(bench));
        command.arg(&component);
        for line in process::output(&mut command)?.lines() {
            lines.push(serde_json::from_str(line).doing(|| format!("reading the line {line:?}"))?);
        }
    }
    Ok(lines)
}
