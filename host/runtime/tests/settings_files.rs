//! Wrong settings files and the errors that they must produce: each folder of
//! `tests/cases/settings` holds one file and the exact text of its error. `UPDATE_EXPECT=1` writes
//! the texts anew.

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;
use stepyard::configuration::Configuration;
use stepyard::connector::Connectors;
use stepyard::document::{Problems, SourceFile, render_plain};
use stepyard::expression::{Codebase, ExecutionValues, ExpressionPath, Scope, resolve};
use stepyard::pipeline::{Pipeline, resolve_variables};
use stepyard::secret::SecretName;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/cases/settings");

/// Texts of the cases that no error may repeat.
const SECRETS: [&str; 6] = [
    "hunter2",
    "user:pass",
    "wJalrXUtnFEMI",
    "FwoGZXIvYXdz",
    "dckr_pat_0123",
    "accessKeyRef: AKIA",
];

#[test]
fn every_wrong_file_gets_its_error() {
    let mut folders: Vec<_> = std::fs::read_dir(FOLDER)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    assert!(
        folders.len() >= 40,
        "only {} cases in {FOLDER}",
        folders.len()
    );
    let mut differences = String::new();
    for folder in folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let Some(problems) = read(&folder) else {
            writeln!(differences, "{name}: there is no file, or it was accepted").unwrap();
            continue;
        };
        let error = render_plain(&problems);
        let mut shown = error.clone();
        miette::NarratableReportHandler::new()
            .render_report(&mut shown, &problems)
            .unwrap();
        for secret in SECRETS {
            assert!(!shown.contains(secret), "{name} shows a secret:\n{shown}");
        }
        let path = folder.join("error.txt");
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&path, &error).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        if error != expected {
            writeln!(differences, "{name}: expected\n{expected}but got\n{error}").unwrap();
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

/// The problems of the case's file, `None` where it has none.
fn read(folder: &Path) -> Option<Problems> {
    let source = |name: &str| {
        let text = std::fs::read_to_string(folder.join(name)).ok()?;
        SourceFile::new(name, &text).ok()
    };
    if let Some(file) = source("pipeline.yaml") {
        match Pipeline::parse(&file) {
            Ok(pipeline) => resolve_all(&pipeline),
            Err(problems) => Some(problems),
        }
    } else if let Some(file) = source("connectors.yaml") {
        Connectors::parse(&[file]).err()
    } else {
        Configuration::parse(&source("stepyard.toml")?).err()
    }
}

/// What is wrong with the expressions of a well-formed file.
fn resolve_all(pipeline: &Pipeline) -> Option<Problems> {
    let scope = Run(ExecutionValues {
        sequence_id: Some(7),
        codebase: Codebase {
            branch: Some("main".to_owned()),
            ..Codebase::default()
        },
        pipeline_variables: [("parts".to_owned(), Value::Array(Vec::new()))].into(),
        ..ExecutionValues::default()
    });
    let mut problems = Vec::new();
    problems.extend(resolve_variables(&pipeline.variables, &scope).err());
    for step in pipeline.steps() {
        let condition = step.when.as_ref().and_then(|when| when.condition.as_ref());
        problems.extend(condition.and_then(|condition| condition.evaluate(&scope).err()));
        problems.extend(resolve(&step.spec, &step.positions, &scope).err());
    }
    let problems: Vec<_> = problems.into_iter().flat_map(Problems::into_vec).collect();
    (!problems.is_empty()).then(|| problems.into())
}

struct Run(ExecutionValues);

impl Scope for Run {
    fn lookup(&self, path: &ExpressionPath) -> Option<Value> {
        self.0.lookup(path)
    }

    fn secret_placeholder(&self, name: &SecretName) -> String {
        name.to_string()
    }

    fn available(&self) -> Vec<String> {
        self.0.available()
    }
}
