//! `stepyard new`: a project that builds, passes its own cases and runs as it is made.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use include_dir::{Dir, File, include_dir};

use super::Language;
use crate::arguments::NewArguments;
use crate::exit::{Code, Failure};

/// How the templates call the step.
const TEMPLATE_NAME: &str = "my-step";
/// The same, as a type.
const TEMPLATE_TYPE: &str = "MyStep";

static RUST: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../templates/rust");
static PYTHON: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../templates/python");
static JAVASCRIPT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../templates/javascript");
/// The SDK for Rust, with all that it is made of.
static RUST_SDK: [(&str, &Dir<'_>); 4] = [
    (
        ".",
        &include_dir!("$CARGO_MANIFEST_DIR/../../templates/rust-sdk"),
    ),
    (
        "guest-sdk",
        &include_dir!("$CARGO_MANIFEST_DIR/../../guest-sdk"),
    ),
    (
        "grammar",
        &include_dir!("$CARGO_MANIFEST_DIR/../../grammar"),
    ),
    ("wit", &WIT),
];
static WIT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../wit");
/// The file of the contract that says what a step may call.
const WORLD: &str = "world.wit";
/// What a step in Python or JavaScript can call beside the log: all that it imports becomes part of
/// the component, called or not.
const INTERFACES: [&str; 4] = ["auth", "build", "registry", "ecr"];

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
    match arguments.language {
        Language::Rust => {
            write(&RUST, &folder, name)?;
            for (place, part) in RUST_SDK {
                copy(part, &folder.join("stepyard").join(place))?;
            }
        }
        Language::Python => {
            write(&PYTHON, &folder, name)?;
            write_contract(&folder)?;
        }
        Language::JavaScript => {
            write(&JAVASCRIPT, &folder, name)?;
            write_contract(&folder)?;
        }
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

/// Writes the contract, with the log alone as what the step calls.
fn write_contract(folder: &Path) -> Result<(), Failure> {
    for file in files(&WIT) {
        let mut text = String::from_utf8_lossy(file.contents()).into_owned();
        if file.path() == Path::new(WORLD) {
            for interface in INTERFACES {
                let import = format!("    import {interface};\n");
                text = text.replace(&import, &format!("    // import {interface};\n"));
            }
        }
        write_file(&folder.join("wit").join(file.path()), text.as_bytes())?;
    }
    Ok(())
}

/// All files of a folder.
fn files<'a>(folder: &'a Dir<'_>) -> Vec<&'a File<'a>> {
    let below = folder.dirs().flat_map(files);
    folder.files().chain(below).collect()
}

fn write_file(path: &Path, content: &[u8]) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(path, content)?)
}
