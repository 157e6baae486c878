//! The page `docs/first-step.md`, followed word by word in a fresh folder, once for each language.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::backend::Backend;
use crate::support::project::Project;
use crate::support::run;
use crate::support::step_tools;

/// What a reader does or sees next.
#[derive(Debug)]
enum Block {
    /// Types this.
    Commands(String),
    /// Writes this into a file.
    File(String, String),
    /// Sees these lines, in what the commands before said.
    Said(String),
}

/// The blocks of the page for a reader who has chosen a language. A line `**Language**` begins what is
/// for one language, a heading what is for all.
fn blocks(language: &str) -> Vec<Block> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/first-step.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut blocks = Vec::new();
    let mut is_read = true;
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if line.starts_with('#') {
            is_read = true;
        } else if let Some(name) = line.strip_prefix("**") {
            is_read = name.trim_end_matches('*').eq_ignore_ascii_case(language);
        } else if let Some(kind) = line.strip_prefix("```") {
            let block = lines.by_ref().take_while(|line| *line != "```");
            let block: String = block.map(|line| format!("{line}\n")).collect();
            if is_read {
                blocks.push(match kind.split_once(' ') {
                    Some((_, file)) => Block::File(file.to_owned(), block),
                    None if kind == "sh" => Block::Commands(block),
                    None => Block::Said(block),
                });
            }
        }
    }
    blocks
}

fn is_followed(language: &str) {
    let project = Project::new(&Backend::local_ecr(&[]));
    let mut folder = project.path("");
    let mut said = String::new();
    for block in blocks(language) {
        match block {
            Block::Commands(commands) => {
                let (output, next) = typed(&project, &folder, &commands);
                (said, folder) = (output, next);
            }
            Block::File(name, text) => std::fs::write(folder.join(name), text).unwrap(),
            Block::Said(lines) => {
                for line in lines.lines() {
                    assert!(said.contains(line.trim()), "{line:?} is not in\n{said}");
                }
            }
        }
    }
}

/// Types commands, and gives what they say and the folder that they end in.
fn typed(project: &Project, folder: &Path, commands: &str) -> (String, PathBuf) {
    // What would be fetched is there.
    let commands = step_tools::INSTALLATIONS
        .iter()
        .fold(commands.to_owned(), |commands, (language, typed)| {
            commands.replace(typed, &step_tools::installing(language))
        });
    let place = project.path("place");
    let script = format!("set -e\n{commands}pwd > {}\n", place.display());
    let program = PathBuf::from(env!("CARGO_BIN_EXE_stepyard"));
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new("sh");
    step_tools::with_cargo(&mut command);
    let run = run::to_end(
        command
            .args(["-c", &script])
            .current_dir(folder)
            .env(
                "PATH",
                format!("{}:{path}", program.parent().unwrap().display()),
            )
            .env("XDG_CONFIG_HOME", project.path("")),
    )
    .expect(0);
    let place = std::fs::read_to_string(place).unwrap();
    (run.stdout + &run.stderr, PathBuf::from(place.trim_end()))
}

#[test]
fn the_first_step_in_rust() {
    is_followed("rust");
}

#[test]
fn the_first_step_in_python() {
    is_followed("python");
}

#[test]
fn the_first_step_in_javascript() {
    is_followed("javascript");
}
