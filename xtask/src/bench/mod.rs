//! `cargo xtask bench`: Stepyard against the docker command, on this machine.
mod context;
mod image;
mod measure;
mod start;
mod table;

use std::fs;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::error::{Doing, Result};
use crate::services::docker_engine::{DockerEngine, Edition, ImageStore};
use crate::stepyard_command;
use crate::{base_image, paths, prepare};

const BASE_IMAGE: &str = "stepyard-bench/busybox:1";

#[derive(Args)]
pub(crate) struct Options {
    /// How often each case is measured
    #[arg(long, default_value_t = 5)]
    runs: u32,
    /// The size of the build context, in MiB
    #[arg(long, default_value_t = 500)]
    size: u64,
    /// Measure only this
    #[arg(long)]
    only: Option<Subject>,
    /// Use a newer engine, with containerd's image store
    #[arg(long)]
    containerd_store: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// Until a step's code runs
    Start,
    /// A whole build and push
    Image,
}

/// What every bench needs.
struct Bench {
    program: PathBuf,
    /// A private one: its caches are emptied.
    engine: DockerEngine,
    files: TempDir,
}

impl Bench {
    /// An empty folder of the bench's own, deleted at the end.
    fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.files.path().join(name);
        fs::create_dir_all(&folder).doing(|| format!("making {}", folder.display()))?;
        Ok(folder)
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    prepare::everything()?;
    let program = stepyard_command::build(true)?;
    let edition = if options.containerd_store {
        Edition::Unpacked(ImageStore::Containerd)
    } else {
        Edition::Distribution
    };
    let engine = DockerEngine::start_private(edition)?;
    base_image::import(&engine, BASE_IMAGE)?;
    fs::create_dir_all(paths::tasks()).doing(|| "making target/xtask".into())?;
    let files = tempfile::tempdir_in(paths::tasks()).doing(|| "making a folder".into())?;
    let bench = Bench {
        program,
        engine,
        files,
    };

    let mut tables = Vec::new();
    let mut in_library = Vec::new();
    if options.only != Some(Subject::Image) {
        in_library = start::in_library()?;
        tables.extend(start::run(&bench, options.runs)?);
    }
    if options.only != Some(Subject::Start) {
        tables.extend(image::run(&bench, options.runs, options.size)?);
    }
    report(&tables, &in_library)
}

/// Prints the results, and writes them to `target/bench/results.md` and `results.json`.
fn report(tables: &[table::Table], in_library: &[Value]) -> Result<()> {
    let mut markdown: String = tables.iter().map(|table| table.markdown() + "\n").collect();
    if !in_library.is_empty() {
        markdown.push_str("### Start within the library\n```json\n");
        for line in in_library {
            markdown.push_str(&format!("{line}\n"));
        }
        markdown.push_str("```\n");
    }
    let results = json!({
        "tables": tables.iter().map(table::Table::json).collect::<Vec<_>>(),
        "in-library": in_library,
    });
    let folder = paths::target().join("bench");
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(folder.join("results.md"), &markdown))
        .and_then(|()| fs::write(folder.join("results.json"), format!("{results:#}\n")))
        .doing(|| format!("writing {}", folder.display()))?;
    println!("{markdown}");
    println!(
        "written to {}/results.md and results.json",
        folder.display()
    );
    Ok(())
}
