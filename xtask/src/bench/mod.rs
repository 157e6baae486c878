//! `cargo xtask bench`: Stepyard against the docker command, on this machine.
mod build;
mod context;
mod measure;
mod process_tree;
mod start;
mod table;

use std::fs;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::error::{Doing, Result};
use crate::{paths, prepare, stepyard_command};

#[derive(Args)]
pub(crate) struct Options {
    /// How often each case is measured
    #[arg(long, global = true, default_value_t = 7)]
    runs: u64,
    /// Measure this stepyard rather than build one
    #[arg(long, global = true)]
    program: Option<PathBuf>,
    #[command(subcommand)]
    subject: Option<Subject>,
}

#[derive(Subcommand)]
enum Subject {
    /// Until a step's code runs
    Start,
    /// Whole builds and pushes
    Build(build::Options),
}

/// What every bench needs.
struct Bench {
    program: PathBuf,
    runs: u64,
    files: TempDir,
}

impl Bench {
    /// A folder of the bench's own, deleted at the end.
    fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.files.path().join(name);
        fs::create_dir_all(&folder).doing(|| format!("making {}", folder.display()))?;
        Ok(folder)
    }
}

/// Measures what the options name, or otherwise the start and the comparison of builds.
pub(crate) fn run(options: &Options) -> Result<()> {
    prepare::everything()?;
    let program = match &options.program {
        Some(program) => fs::canonicalize(program).doing(|| program.display().to_string())?,
        None => stepyard_command::build(true)?,
    };
    fs::create_dir_all(paths::tasks()).doing(|| "making target/xtask".into())?;
    let bench = Bench {
        program,
        runs: options.runs,
        files: tempfile::tempdir_in(paths::tasks()).doing(|| "making a folder".into())?,
    };
    let mut tables = Vec::new();
    let mut in_library = Vec::new();
    if let None | Some(Subject::Start) = options.subject {
        if options.program.is_none() {
            in_library = start::in_library()?;
        }
        tables.extend(start::run(&bench)?);
    }
    match &options.subject {
        None => tables.extend(build::run(&bench, &build::Options::default())?),
        Some(Subject::Build(options)) => tables.extend(build::run(&bench, options)?),
        Some(Subject::Start) => {}
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
