//! `stepyard new`: a project that builds, passes its own cases and runs as it is made.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use include_dir::{Dir, File, include_dir};

use super::Language;
use crate::arguments::NewArguments;
use crate::exit::{Code, Failure};

/// Folders that are no part of a project.
const NO_PART: [&str; 2] = ["tests", "__pycache__"];
/// How the templates call the step.
const TEMPLATE_NAME: &str = "my-step";
/// The same, as a type.
const TEMPLATE_TYPE: &str = "MyStep";

static RUST: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../templates/rust");
static PYTHON: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../templates/python");
static JAVASCRIPT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../templates/javascript");
/// The same for every language.
static CASES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../templates/cases");
static RUST_WORKSPACE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../templates/rust-sdk");
static RUST_SDK: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../guest-sdk");
static GRAMMAR: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../grammar");
static PYTHON_SDK: Dir<'_> =
    include_dir!("$CARGO_MANIFEST_DIR/../../guest-sdk-python/stepyard_sdk");
static JAVASCRIPT_SDK: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../guest-sdk-javascript");
static WIT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../wit");

/// A folder of the project, and what is in it.
type Part = (&'static str, &'static Dir<'static>);

// What stands in a project beside its template and the cases.
static RUST_PARTS: [Part; 4] = [
    ("stepyard", &RUST_WORKSPACE),
    ("stepyard/guest-sdk", &RUST_SDK),
    ("stepyard/grammar", &GRAMMAR),
    ("stepyard/wit", &WIT),
];
static PYTHON_PARTS: [Part; 2] = [("stepyard_sdk", &PYTHON_SDK), ("wit", &WIT)];
static JAVASCRIPT_PARTS: [Part; 2] = [("stepyard-sdk", &JAVASCRIPT_SDK), ("wit", &WIT)];

pub(crate) fn run(arguments: &NewArguments) -> Result<Code, Failure> {
    let name = &arguments.name;
    check_name(name)?;
    let folder = arguments.folder.clone().unwrap_or_else(|| name.into());
    fs::create_dir(&folder).map_err(|error| {
        Failure::input(
            format!("{} cannot be made: {error}", folder.display()),
            "name another step, or another folder with --folder",
        )
    })?;
    let (template, parts): (_, &[Part]) = match arguments.language {
        Language::Rust => (&RUST, &RUST_PARTS),
        Language::Python => (&PYTHON, &PYTHON_PARTS),
        Language::JavaScript => (&JAVASCRIPT, &JAVASCRIPT_PARTS),
    };
    write(template, &folder, name)?;
    for (place, part) in [("cases", &CASES)].iter().chain(parts) {
        copy(part, &folder.join(place))?;
    }
    let mut stdout = std::io::stdout().lock();
    writeln!(
        stdout,
        "{} is a step that greets. Next:\n  cd {0}\n  {}\n  stepyard build\n  stepyard test\n  \
         stepyard run --component step.wasm --set name=world",
        folder.display(),
        arguments.language.installation()
    )?;
    Ok(Code::Done)
}

/// A name that is one in Rust, Python, npm and Stepyard alike.
fn check_name(name: &str) -> Result<(), Failure> {
    let is_name = name.len() <= 64
        && name.starts_with(|character: char| character.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.chars().all(|character| {
            character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-'
        });
    match is_name {
        true => Ok(()),
        false => Err(Failure::input(
            format!("{name:?} cannot be a step's name"),
            "use small letters, digits and dashes, with a letter first, such as scan-gate",
        )),
    }
}

/// Writes a template with the step's name in it.
fn write(template: &Dir<'_>, folder: &Path, name: &str) -> Result<(), Failure> {
    let type_name: String = name
        .split('-')
        .map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_ascii_uppercase() + rest
        })
        .collect();
    for file in files(template) {
        let content = String::from_utf8_lossy(file.contents())
            .replace(TEMPLATE_NAME, name)
            .replace(TEMPLATE_TYPE, &type_name);
        write_file(&folder.join(file.path()), content.as_bytes())?;
    }
    Ok(())
}

fn copy(source: &Dir<'_>, folder: &Path) -> Result<(), Failure> {
    for file in files(source) {
        write_file(&folder.join(file.path()), file.contents())?;
    }
    Ok(())
}

/// All files of a folder, without its tests and what Python leaves behind.
fn files<'a>(folder: &'a Dir<'_>) -> Vec<&'a File<'a>> {
    let below = folder
        .dirs()
        .filter(|below| !NO_PART.iter().any(|name| below.path().ends_with(name)))
        .flat_map(files);
    folder.files().chain(below).collect()
}

fn write_file(path: &Path, content: &[u8]) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(path, content)?)
}
