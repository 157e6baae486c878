//! `stepyard test`: a component against cases, without an engine, a registry or AWS: each case says
//! what the step calls and how it is answered.

mod difference;
mod ending;
mod folder;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use stepyard::event::{Event, EventKind, EventSink, LogLevel};
use stepyard::recording::Replay;
use stepyard::{Component, ComponentSource, Host, RunRequest};

pub(crate) use difference::shown_call;
pub(crate) use ending::Ending;
pub(crate) use folder::Case;

use crate::arguments::TestArguments;
use crate::exit::{Code, Failure};
use crate::project::{self, Project};
use crate::{inspect, session};

/// Where a project has its cases.
const CASES: &str = "cases";

pub(crate) async fn run(arguments: TestArguments) -> Result<Code, Failure> {
    let mut configuration = session::configuration(arguments.config.as_deref())?;
    // Nothing that the step asks for is done.
    configuration.components.allow_unpinned = true;
    let cases = chosen(&arguments)?;
    let host = session::bare_host(&configuration, None)?.build()?;
    let source = match &arguments.component {
        Some(name) => inspect::known_source(name, &configuration.components)?,
        None => {
            let project = Project::open(&arguments.folder)?;
            project::build_if_older(&project)?;
            ComponentSource::file(project.component())
        }
    };
    let component = session::load(&host, source).await?;
    let mut failed = 0;
    let width = cases.iter().map(|case| case.name().len()).max();
    let width = width.unwrap_or_default();
    for case in &cases {
        let tried = match arguments.update {
            true => update(&host, &component, case).await?,
            false => attempt(&host, &component, case).await?,
        };
        failed += usize::from(tried.problem.is_some());
        print(&tried.shown(&case.name(), width))?;
    }
    let passed = cases.len() - failed;
    print(&format!("{passed} passed, {failed} failed\n"))?;
    Ok(match failed {
        0 => Code::Done,
        _ => Code::Failed,
    })
}

fn print(text: &str) -> std::io::Result<()> {
    let text = crate::view::without_commands(text);
    std::io::stdout().lock().write_all(text.as_bytes())
}

/// The cases that are meant.
fn chosen(arguments: &TestArguments) -> Result<Vec<Case>, Failure> {
    let all = arguments.folder.join(CASES);
    let mut names = folders(&all)?;
    if !arguments.cases.is_empty() {
        for name in &arguments.cases {
            if !names.contains(name) {
                return Err(Failure::input(
                    format!("there is no case {name} in {}", all.display()),
                    format!("the cases are {}", names.join(", ")),
                ));
            }
        }
        names.retain(|name| arguments.cases.contains(name));
    }
    names
        .iter()
        .map(|name| Case::read(&all.join(name)))
        .collect()
}

/// The names of the folders in one, in order.
fn folders(folder: &Path) -> Result<Vec<String>, Failure> {
    let none = |problem: &str| {
        Failure::input(
            format!("{} {problem}", folder.display()),
            "a case is a folder with `settings.yaml`, `calls.yaml` and `expected.yaml`; `stepyard \
             replay RECORDING --save-case FOLDER` makes one of a run",
        )
    };
    let entries =
        std::fs::read_dir(folder).map_err(|error| none(&format!("has no cases: {error}")))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.path().is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    if names.is_empty() {
        return Err(none("holds no case"));
    }
    names.sort();
    Ok(names)
}

/// How a case went.
struct Tried {
    duration: Duration,
    /// What is wrong; none where it passed.
    problem: Option<String>,
    /// What was written.
    note: Option<&'static str>,
}

impl Tried {
    fn shown(&self, name: &str, width: usize) -> String {
        let how = match (&self.problem, self.note) {
            (Some(_), _) => "FAILED",
            (None, Some(note)) => note,
            (None, None) => "ok",
        };
        let milliseconds = self.duration.as_secs_f64() * 1_000.0;
        let mut text = format!("{name:<width$}  {how:<7}  {milliseconds:.1} ms\n");
        for line in self.problem.iter().flat_map(|problem| problem.lines()) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {line}");
        }
        text
    }
}

/// Runs a case, and compares what it comes to.
async fn attempt(host: &Host, component: &Component, case: &Case) -> Result<Tried, Failure> {
    let Some(expected) = &case.expected else {
        return Err(Failure::input(
            format!("{} is not there", case.expected_file()),
            "write what must come of the case, or let `stepyard test --update` write it",
        ));
    };
    let replay = Arc::new(Replay::new(case.calls.clone()).within(case.surroundings.clone()));
    let (ending, duration) = ending_of(host, component, case, &replay).await?;
    let mut problems = Vec::new();
    if let Some(difference) = replay.difference() {
        problems.push(shown_call(&difference, &case.calls_file()));
    } else {
        let differences = expected.differences(&ending);
        if !differences.is_empty() {
            problems.push(format!(
                "it comes to something else than {} says\n{differences}",
                case.expected_file()
            ));
        }
    }
    Ok(Tried {
        duration,
        problem: (!problems.is_empty()).then(|| problems.join("\n")),
        note: None,
    })
}

/// Runs a case, and writes what it comes to.
async fn update(host: &Host, component: &Component, case: &Case) -> Result<Tried, Failure> {
    let replay = Arc::new(Replay::tolerant(case.calls.clone()).within(case.surroundings.clone()));
    let (ending, duration) = ending_of(host, component, case, &replay).await?;
    let mut tried = Tried {
        duration,
        problem: None,
        note: None,
    };
    if let Some(difference) = replay.difference() {
        tried.problem = Some(format!(
            "{}\nno answer is known: add the call and its answer to {}",
            shown_call(&difference, &case.calls_file()),
            case.calls_file()
        ));
        return Ok(tried);
    }
    let is_same = |expected: &Ending| expected.differences(&ending).is_empty();
    let calls = replay.made();
    if calls == case.calls && case.expected.as_ref().is_some_and(is_same) {
        return Ok(tried);
    }
    let written = Case {
        folder: case.folder.clone(),
        settings: case.settings.clone(),
        calls,
        surroundings: case.surroundings.clone(),
        expected: Some(ending),
    };
    written.write_expectation()?;
    tried.note = Some("updated");
    Ok(tried)
}

/// What a run of the case comes to, and how long it took.
async fn ending_of(
    host: &Host,
    component: &Component,
    case: &Case,
    replay: &Arc<Replay>,
) -> Result<(Ending, Duration), Failure> {
    let log = Log::default();
    let mut request = RunRequest::new(case.settings.clone())
        .step(case.name())
        .events(log.clone())
        .replay(replay.clone());
    if let Some(workspace) = case.workspace()? {
        request = request.workspace(workspace);
    }
    let begin = Instant::now();
    let result = host.run(component, request).await;
    let duration = begin.elapsed();
    Ok((Ending::of(&result, log.take()), duration))
}

/// Keeps what a step logs for its user.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// The lines so far.
    pub(crate) fn take(&self) -> Vec<String> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut lines)
    }
}

impl EventSink for Log {
    fn emit(&self, event: Event) {
        let EventKind::Log { level, message } = event.kind else {
            return;
        };
        if level != LogLevel::Debug {
            let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            lines.extend(message.lines().map(str::to_owned));
        }
    }
}
