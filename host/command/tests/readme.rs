//! Runs the commands that the documentation shows.
//!
//! A block that begins with ```` ```console ```` and has the line `<!-- run -->` before it is run:
//! each of its lines `$ stepyard …`, in a folder that holds the files of the blocks above it in
//! the same page (those whose first line is `# file: NAME`). What the block shows below a command
//! is what it must print; a line `...` stands for any lines. `<!-- run N -->` expects the exit
//! code N.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed assumption fails the test"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The blocks to be run that the pages had when they were counted last: a block whose mark is
/// misspelt must not go unnoticed.
const FEWEST_BLOCKS: usize = 5;

/// A fenced block, and the line before it.
struct Block<'a> {
    line: usize,
    mark: &'a str,
    language: &'a str,
    lines: Vec<&'a str>,
}

impl Block<'_> {
    /// The exit code that the block's commands must have, where it is to be run.
    fn expected_code(&self) -> Option<i32> {
        let mark = self.mark.strip_prefix("<!-- run")?.strip_suffix("-->")?;
        match mark.trim() {
            "" => Some(0),
            code => Some(code.parse().unwrap()),
        }
    }
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    let mut before = "";
    for (index, line) in text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => block.lines.push(line),
            (None, Some(language)) => {
                open = Some(Block {
                    line: index + 1,
                    mark: before,
                    language,
                    lines: Vec::new(),
                });
            }
            (None, None) => {}
        }
        before = line;
    }
    blocks
}

/// The commands of a console block, each with the lines that it must print.
fn commands<'a>(block: &Block<'a>) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut commands: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in &block.lines {
        match (line.strip_prefix("$ stepyard "), commands.last_mut()) {
            (Some(arguments), _) => commands.push((arguments, Vec::new())),
            (None, Some((_, output))) => output.push(line),
            (None, None) => {}
        }
    }
    commands
}

/// Whether `found` is `expected`, in which a line `...` stands for any lines.
fn matches(expected: &[&str], found: &[&str]) -> bool {
    match (expected.split_first(), found.split_first()) {
        (None, None) => true,
        (Some((&"...", rest)), _) => {
            (0..=found.len()).any(|skipped| matches(rest, found.get(skipped..).unwrap_or_default()))
        }
        (Some((line, rest)), Some((found_line, found_rest))) => {
            line == found_line && matches(rest, found_rest)
        }
        _ => false,
    }
}

/// Runs `stepyard ARGUMENTS` and returns its exit code and what it prints: the output, then the
/// errors.
fn run(arguments: &str, folder: &Path) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_stepyard"))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = vec![root.join("README.md")];
    for folder in ["docs", "docs/steps"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

#[test]
fn commands_print_what_the_pages_show() {
    let mut count = 0;
    let mut faults = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for block in blocks(&text) {
            if let Some((first, lines)) = block.lines.split_first()
                && let Some(name) = first.strip_prefix("# file: ")
            {
                fs::write(folder.path().join(name), lines.join("\n") + "\n").unwrap();
            }
            let Some(code) = block.expected_code() else {
                continue;
            };
            assert_eq!(
                block.language,
                "console",
                "{}:{}",
                page.display(),
                block.line
            );
            count += 1;
            for (arguments, expected) in commands(&block) {
                let (found_code, found) = run(arguments, folder.path());
                let found_lines: Vec<&str> = found.lines().collect();
                let as_shown = expected.is_empty() || matches(&expected, &found_lines);
                if found_code != Some(code) || !as_shown {
                    faults.push(format!(
                        "{}:{}: stepyard {arguments}\nended with {found_code:?} and printed:\n{found}",
                        page.display(),
                        block.line
                    ));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count >= FEWEST_BLOCKS, "only {count} blocks are run");
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for rest in text.split("](").skip(1) {
            let target = rest.split(')').next().unwrap_or_default();
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains("://") && !page.with_file_name(file).exists() {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "broken links: {broken:#?}");
}
