//! How what a build takes grows with its context.
use super::super::context::Content;
use super::super::table::Table;
use super::ground::Ground;
use super::peer::Peer;
use super::round::{self, Case};
use crate::error::{Doing, Error, Result};

/// What part of a context each column is.
const SCALES: [(&str, u64); 3] = [("1×", 16), ("4×", 4), ("16×", 1)];
const CASES: &[Case] = &[Case::Cold, Case::NothingChanged];
/// Of a context's size, the most that is on the disk at once: the context, and what engine and registry
/// make of it.
const COPIES: u64 = 5;
const MEBIBYTE: u64 = 1024 * 1024;

/// Time and memory of Stepyard and the first of its peers, with contexts up to this one.
pub(super) fn measure(ground: &Ground<'_>, content: Content) -> Result<[Table; 2]> {
    let names = SCALES.map(|(name, _)| name);
    let title = |what: &str| {
        format!(
            "{what} as the context grows to {}, {}",
            content.title(),
            ground.title()
        )
    };
    let mut times = Table::new(&title("Time"), "seconds", &names);
    let mut memory = Table::new(&title("Peak memory"), "MiB", &names);
    let peers = ground.peers().split_at(2.min(ground.peers().len())).0;
    for (name, part) in SCALES {
        let scaled = content.part(part);
        let runs = ground.bench.runs;
        round::measure(
            ground,
            scaled,
            peers,
            &[CASES],
            runs,
            |peer, case, outcome| {
                let row = format!("{}, {}", peer.name(), case.name(scaled));
                times.add(&row, name, outcome.sample.seconds);
                memory.add(&row, name, outcome.sample.peak_mebibytes);
            },
        )?;
    }
    Ok([times, memory])
}

/// The peak memory of `stepyard` alone.
pub(super) fn memory(ground: &Ground<'_>, mebibytes: u64) -> Result<Table> {
    let sizes = [mebibytes / 10, mebibytes, mebibytes * 10];
    check_space(ground, mebibytes * 10)?;
    let names = sizes.map(|size| format!("{size} MiB"));
    let columns: Vec<&str> = names.iter().map(String::as_str).collect();
    let title = format!("Peak memory of stepyard, {}", ground.title());
    let mut table = Table::new(&title, "MiB", &columns);
    for (name, size) in columns.iter().zip(sizes) {
        let content = Content::Large { mebibytes: size };
        round::measure(
            ground,
            content,
            &[Peer::Stepyard],
            &[CASES],
            1,
            |_, case, outcome| {
                table.add(case.name(content), name, outcome.sample.peak_mebibytes);
            },
        )?;
    }
    Ok(table)
}

fn check_space(ground: &Ground<'_>, mebibytes: u64) -> Result<()> {
    let folder = ground.bench.folder("build")?;
    let doing = || format!("asking for the free space at {}", folder.display());
    let system = rustix::fs::statvfs(&folder).doing(doing)?;
    let free = system.f_bavail.saturating_mul(system.f_frsize) / MEBIBYTE;
    if free >= mebibytes * COPIES {
        return Ok(());
    }
    Err(Error::Unmet(format!(
        "a context of {mebibytes} MiB needs {} MiB at {}, where {free} MiB are free",
        mebibytes * COPIES,
        folder.display()
    )))
}
