//! What expressions can see during a run.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use stepyard::Workspace;
use stepyard::document::{Problem, ProblemKind, Problems};
use stepyard::expression::{Codebase, ExecutionValues, ExpressionPath, Named, Scope, resolve_text};
use stepyard::pipeline::resolve_variables;
use stepyard::secret::{Placeholders, SecretName};

use super::plan::Plan;
use crate::arguments::InputArguments;
use crate::exit::Failure;

/// The values of one run of the command.
pub(crate) struct RunScope {
    values: RefCell<ExecutionValues>,
    placeholders: RefCell<Placeholders>,
    inputs: BTreeMap<String, String>,
    workspace: PathBuf,
    codebase_is_read: Cell<bool>,
    runs: bool,
}

impl RunScope {
    /// `runs` says whether the steps are run after they were checked.
    pub(crate) fn new(input: &InputArguments, plan: &Plan, runs: bool) -> Result<Self, Failure> {
        let scope = Self {
            values: RefCell::new(ExecutionValues {
                sequence_id: input.build_number,
                execution_id: input.build_number.map(|number| number.to_string()),
                pipeline: Named {
                    name: plan.pipeline.name.clone(),
                    identifier: plan.pipeline.identifier.clone(),
                },
                environment: environment(&input.environment)?,
                ..ExecutionValues::default()
            }),
            placeholders: RefCell::default(),
            inputs: pairs("--input", &input.inputs)?,
            workspace: input.workspace.clone(),
            codebase_is_read: Cell::new(false),
            runs,
        };
        let variables = resolve_variables(&plan.pipeline.variables, &scope)?;
        scope.values.borrow_mut().pipeline_variables = variables;
        Ok(scope)
    }

    /// The folder whose files the steps may read, where it can be opened.
    pub(crate) fn workspace(&self) -> Option<Workspace> {
        Workspace::open(&self.workspace).ok()
    }

    /// Whether the steps are run after they were checked.
    pub(crate) fn runs(&self) -> bool {
        self.runs
    }

    /// Sets what a stage defines.
    pub(crate) fn enter_stage(&self, plan: &Plan, index: usize) -> Result<(), Problems> {
        let Some(stage) = plan.pipeline.stages.get(index) else {
            return Ok(());
        };
        self.values.borrow_mut().stage = Named {
            name: stage.name.clone(),
            identifier: stage.identifier.clone(),
        };
        let variables = resolve_variables(&stage.variables, self)?;
        self.values.borrow_mut().stage_variables = variables;
        Ok(())
    }

    /// Lets later steps see what a step returned.
    pub(crate) fn add_outputs(&self, step: &str, outputs: &[(String, String)]) {
        self.values
            .borrow_mut()
            .step_outputs
            .insert(step.to_owned(), outputs.iter().cloned().collect());
    }

    /// The placeholders of all secrets that expressions have named so far.
    pub(crate) fn placeholders(&self) -> Placeholders {
        self.placeholders.borrow().clone()
    }

    /// Resolves the expressions of settings that were given as arguments.
    pub(crate) fn resolve_command_line(&self, settings: &Value) -> Result<Value, Problems> {
        Ok(match settings {
            Value::String(text) if text.contains("<+") => {
                resolve_text(text, "", self).map_err(|error| {
                    let help = error.fault.help();
                    let message = format!("--set {text}: {error}");
                    Problems::from(
                        Problem::without_position(ProblemKind::Unresolved, message).with_help(help),
                    )
                })?
            }
            Value::Array(values) => values
                .iter()
                .map(|value| self.resolve_command_line(value))
                .collect::<Result<_, _>>()?,
            Value::Object(values) => values
                .iter()
                .map(|(name, value)| Ok((name.clone(), self.resolve_command_line(value)?)))
                .collect::<Result<_, Problems>>()?,
            other => other.clone(),
        })
    }

    /// Asks git about the workspace, the first time that an expression wants to know.
    fn read_codebase(&self) {
        if !self.codebase_is_read.replace(true) {
            self.values.borrow_mut().codebase = codebase(&self.workspace);
        }
    }
}

impl Scope for RunScope {
    fn lookup(&self, path: &ExpressionPath) -> Option<Value> {
        if matches!(path, ExpressionPath::Codebase { .. }) {
            self.read_codebase();
        }
        self.values.borrow().lookup(path)
    }

    fn secret_placeholder(&self, name: &SecretName) -> String {
        self.placeholders.borrow_mut().add(name.clone())
    }

    fn input(&self, field: &str) -> Option<Value> {
        self.inputs.get(field).cloned().map(Value::String)
    }

    fn available(&self) -> Vec<String> {
        self.values.borrow().available()
    }
}

fn environment(arguments: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut variables = BTreeMap::new();
    for argument in arguments {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None => {
                let value = std::env::var(argument).map_err(|_| {
                    Failure::input(
                        format!("--env {argument}: there is no such variable"),
                        format!("set it, or give its value as --env {argument}=VALUE"),
                    )
                })?;
                (argument.as_str(), value)
            }
        };
        variables.insert(name.to_owned(), value);
    }
    Ok(variables)
}

fn pairs(option: &str, arguments: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    arguments
        .iter()
        .map(|argument| match argument.split_once('=') {
            Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
            None => Err(Failure::input(
                format!("{option} {argument}: there is no ="),
                format!("write {option} NAME=VALUE"),
            )),
        })
        .collect()
}

/// What git says of the workspace. Where it is no repository, nothing is known.
fn codebase(workspace: &Path) -> Codebase {
    let git = |arguments: &[&str]| -> Option<String> {
        let output = Command::new("git")
            .arg("-C")
            .arg(workspace)
            // A repository's own settings could make `log` run a program.
            .args(["-c", "log.showSignature=false"])
            .args(arguments)
            // The environment may hold secrets, which concern no other program.
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| is_for_git(name)))
            .stdin(Stdio::null())
            .output()
            .ok()
            .filter(|output| output.status.success())?;
        let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    Codebase {
        branch: git(&["symbolic-ref", "--quiet", "--short", "HEAD"]),
        tag: git(&["describe", "--tags", "--exact-match"]),
        commit_sha: git(&["rev-parse", "HEAD"]),
        commit_message: git(&["log", "-1", "--format=%s"]),
        repository_url: git(&["remote", "get-url", "origin"]).map(|url| without_password(&url)),
        ..Codebase::default()
    }
}

/// Whether a variable tells git where it is and where its settings are.
fn is_for_git(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    matches!(&*name, "PATH" | "HOME" | "XDG_CONFIG_HOME") || name.starts_with("GIT_")
}

/// A URL without the user and password before its host: the settings that it ends in are seen by
/// the step, and may end in an image.
fn without_password(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = authority.rsplit('@').next().unwrap_or(authority);
            format!("{scheme}://{host}/{path}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn a_password_in_a_repository_url_is_left_out() {
        assert_eq!(
            without_password("https://user:token@git.test/team/app.git"),
            "https://git.test/team/app.git"
        );
        assert_eq!(
            without_password("git@git.test:team/app"),
            "git@git.test:team/app"
        );
    }
}
