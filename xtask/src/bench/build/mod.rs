//! Whole builds and pushes: `stepyard run`, with its login, policy and verification, against the docker
//! command on the same engine, into a registry that is new in each round.
mod breakdown;
mod ground;
mod growth;
mod peer;
mod round;

use clap::Args;

use super::Bench;
use super::context::Content;
use super::table::Table;
use crate::error::Result;
use ground::{Ground, Setting};
use round::{Case, Outcome, TURN, ZSTD_TURN};

const MEBIBYTES: u64 = 500;
const FILES: u64 = 20_000;

#[derive(Args)]
pub(crate) struct Options {
    /// The size of the context of large files, in MiB
    #[arg(long, default_value_t = MEBIBYTES)]
    size: u64,
    /// How many files the context of small files has
    #[arg(long, default_value_t = FILES)]
    files: u64,
    /// Measure only with this; may be given several times
    #[arg(long)]
    engine: Vec<Setting>,
    /// Measure a cold build with zstd too, in the comparison
    #[arg(long)]
    zstd: bool,
    /// Instead of the comparison: how time and memory grow up to these contexts from a sixteenth of them
    #[arg(long)]
    growth: bool,
    /// Instead of the comparison: the peak memory of stepyard with a tenth of the size, the size, and ten
    /// times it, once each
    #[arg(long)]
    memory: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            size: MEBIBYTES,
            files: FILES,
            engine: Vec::new(),
            zstd: false,
            growth: false,
            memory: false,
        }
    }
}

impl Options {
    fn contents(&self) -> [Content; 2] {
        [
            Content::Large {
                mebibytes: self.size,
            },
            Content::Small { files: self.files },
        ]
    }
}

pub(super) fn run(bench: &Bench, options: &Options) -> Result<Vec<Table>> {
    let compares = !options.growth && !options.memory;
    let settings = match options.engine.as_slice() {
        [] if compares => Setting::available(),
        [] => vec![Setting::NewContainerd],
        chosen => chosen.to_vec(),
    };
    let mut tables = Vec::new();
    for setting in settings {
        let ground = Ground::new(bench, setting)?;
        for content in options.contents() {
            if compares {
                tables.extend(compare(&ground, content, options.zstd)?);
            }
            if options.growth {
                tables.extend(growth::measure(&ground, content)?);
            }
        }
        if options.memory {
            tables.push(growth::memory(&ground, options.size)?);
        }
    }
    Ok(tables)
}

/// The table of times, the one of what else was used, and where Stepyard's time went.
fn compare(ground: &Ground<'_>, content: Content, zstd: bool) -> Result<[Table; 3]> {
    let turns: &[&[Case]] = if zstd { &[TURN, ZSTD_TURN] } else { &[TURN] };
    let cases: Vec<&str> = turns
        .iter()
        .flat_map(|turn| turn.iter())
        .map(|case| case.name(content))
        .collect();
    let peers = ground.peers();
    let names: Vec<&str> = peers.iter().map(|peer| peer.name()).collect();
    let title = format!("Build and push, {}, {}", content.title(), ground.title());
    let mut times = Table::new(&title, "seconds", &names);
    let mut uses = Table::new(
        &format!("{title}: what it used"),
        "the unit of each row",
        &names,
    );
    let mut parts = Table::new(
        &format!("{title}: where Stepyard's time went"),
        "seconds",
        &cases,
    )
    .without_comparison();
    let runs = ground.bench.runs;
    round::measure(
        ground,
        content,
        peers,
        turns,
        runs,
        |peer, case, outcome| {
            let case = case.name(content);
            times.add(case, peer.name(), outcome.sample.seconds);
            for (what, value) in outcome.uses() {
                uses.add(&format!("{case}: {what}"), peer.name(), value);
            }
            for (part, seconds) in &outcome.parts {
                parts.add(part, case, *seconds);
            }
        },
    )?;
    Ok([times, uses, parts])
}

impl Outcome {
    /// What the build took besides time.
    fn uses(&self) -> Vec<(&'static str, f64)> {
        let mut uses = vec![
            ("CPU seconds of the command", self.sample.cpu_seconds),
            ("MiB at its peak", self.sample.peak_mebibytes),
        ];
        uses.extend(
            self.engine_cpu_seconds
                .map(|seconds| ("CPU seconds of the engine", seconds)),
        );
        uses
    }
}
