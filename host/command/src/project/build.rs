//! `stepyard build`: a project's component, whatever its language.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime};

use serde::Deserialize;

use super::{COMPONENT, Language, Project};
use crate::arguments::BuildArguments;
use crate::exit::{Code, Failure};
use crate::view;

/// What is in a project and not part of what it is built of.
const NO_SOURCE: [&str; 4] = [COMPONENT, "node_modules", "__pycache__", "cases"];

pub(crate) fn run(arguments: &BuildArguments) -> Result<Code, Failure> {
    let project = Project::open(&arguments.folder)?;
    let begin = Instant::now();
    build(&project, arguments.dev)?;
    let duration = view::duration(begin.elapsed());
    let component = project.component();
    let size = fs::metadata(&component)?.len();
    let mut stdout = std::io::stdout().lock();
    let mib = size as f64 / f64::from(1 << 20);
    writeln!(
        stdout,
        "{} ({mib:.1} MiB) in {duration}",
        component.display()
    )?;
    Ok(Code::Done)
}

/// Builds the component of a project where it is older than the source. Cargo finds that out by
/// itself.
pub(crate) fn build_if_older(project: &Project) -> Result<(), Failure> {
    let built = fs::metadata(project.component()).and_then(|metadata| metadata.modified());
    match built {
        Ok(built)
            if project.language != Language::Rust && last_change(&project.folder)? <= built =>
        {
            Ok(())
        }
        _ => build(project, false),
    }
}

/// When the source was changed last.
fn last_change(folder: &Path) -> std::io::Result<SystemTime> {
    let mut last = SystemTime::UNIX_EPOCH;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') || NO_SOURCE.contains(&&*name) {
            continue;
        }
        let metadata = entry.metadata()?;
        last = last.max(match metadata.is_dir() {
            true => last_change(&entry.path())?,
            false => metadata.modified()?,
        });
    }
    Ok(last)
}

/// Builds the component of a project. What the tools say goes to standard error.
fn build(project: &Project, dev: bool) -> Result<(), Failure> {
    match project.language {
        Language::Rust => build_rust(project, dev),
        Language::Python => build_python(project),
        Language::JavaScript => build_javascript(project),
    }
}

fn build_rust(project: &Project, dev: bool) -> Result<(), Failure> {
    let target = installed_target(project)?;
    let mut cargo = tool(project, "cargo");
    cargo.args(["build", "--target", target]);
    cargo.args(["--message-format", "json-render-diagnostics"]);
    if !dev {
        cargo.arg("--release");
    }
    let output = finished(project, &mut cargo, "cargo")?;
    let built = built_component(&output).ok_or_else(|| {
        Failure::failed(
            "cargo built no component",
            "let Cargo.toml have `crate-type = [\"cdylib\", \"rlib\"]` under [lib]",
        )
    })?;
    fs::copy(&built, project.component())?;
    Ok(())
}

/// The target that components are built for, where it is installed.
fn installed_target(project: &Project) -> Result<&'static str, Failure> {
    const TARGET: &str = "wasm32-wasip2";
    let mut rustc = tool(project, "rustc");
    rustc.args(["--print", "target-libdir", "--target", TARGET]);
    let output = finished(project, &mut rustc, "rustc")?;
    let folder = String::from_utf8_lossy(&output).trim().to_owned();
    match Path::new(&folder).is_dir() {
        true => Ok(TARGET),
        false => Err(Failure::failed(
            format!("Rust's standard library for {TARGET} is not installed"),
            project.language.installation(),
        )),
    }
}

#[derive(Deserialize)]
struct Artifact {
    reason: String,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// The last WebAssembly file of cargo's messages: what comes before it are the packages it needs.
fn built_component(messages: &[u8]) -> Option<PathBuf> {
    let messages = messages.split(|byte| *byte == b'\n');
    let artifacts = messages.filter_map(|line| serde_json::from_slice::<Artifact>(line).ok());
    let files = artifacts
        .filter(|artifact| artifact.reason == "compiler-artifact")
        .flat_map(|artifact| artifact.filenames);
    let mut files = files.filter(|file| file.extension() == Some(OsStr::new("wasm")));
    files.next_back()
}

fn build_python(project: &Project) -> Result<(), Failure> {
    let own = project.folder.join(".venv/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::iter::once(own.clone()).chain(std::env::split_paths(&path));
    if !folders.any(|folder| folder.join("componentize-py").is_file()) {
        return Err(not_installed(project, "componentize-py"));
    }
    let python = own.join("python");
    let python = match python.is_file() {
        // Not where its link leads to: it knows by this name which environment it is of.
        true => std::path::absolute(python)?,
        false => "python3".into(),
    };
    make_component(project, &python, "stepyard_sdk/make_component.py")
}

fn build_javascript(project: &Project) -> Result<(), Failure> {
    let packages = project.folder.join("node_modules/@bytecodealliance");
    if !packages.join("componentize-js").is_dir() {
        return Err(not_installed(project, "componentize-js"));
    }
    make_component(project, Path::new("node"), "stepyard-sdk/make-component.js")
}

fn not_installed(project: &Project, tool: &str) -> Failure {
    Failure::failed(
        format!("{tool} is not installed for the project"),
        project.language.installation(),
    )
}

/// Runs the SDK's script that writes the component, with no more imports than the step calls.
fn make_component(project: &Project, interpreter: &Path, script: &str) -> Result<(), Failure> {
    if !project.folder.join(script).is_file() {
        return Err(Failure::input(
            format!("the project has no {script}"),
            "`stepyard new` writes it: copy it from a new project",
        ));
    }
    let mut command = tool(project, interpreter);
    command.arg(script);
    let name = interpreter.display().to_string();
    finished(project, &mut command, &name).map(drop)
}

fn tool(project: &Project, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(&project.folder).stdin(Stdio::null());
    command
}

/// What a tool prints to standard output, once it has succeeded.
fn finished(project: &Project, command: &mut Command, name: &str) -> Result<Vec<u8>, Failure> {
    command.stdout(Stdio::piped()).stderr(Stdio::inherit());
    let child = command.spawn().map_err(|error| {
        Failure::failed(
            format!("{name} cannot be run: {error}"),
            format!("install it: {}", project.language.installation()),
        )
    })?;
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    std::io::stderr().lock().write_all(&output.stdout)?;
    Err(Failure::failed(
        format!("{name} does not build the step: {}", output.status),
        "what it says stands above",
    ))
}
