//! `stepyard replay`: a recorded step once more, answered by its recording.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use stepyard::component::ComponentSource;
use stepyard::recording::{Difference, RecordedEnd, RecordedRun, Replay, read_recording};
use stepyard::{RunRequest, Workspace};
use stepyard_grammar::Digest;

use crate::arguments::ReplayArguments;
use crate::exit::{self, Code, Failure};
use crate::view::{ViewKind, ViewOptions, one_line, view};
use crate::{inspect, session};

pub(crate) async fn run(arguments: ReplayArguments) -> Result<Code, Failure> {
    let configuration = session::configuration(arguments.config.as_deref())?;
    let recorded = chosen(&arguments)?;
    let host = session::bare_host(&configuration)?.build()?;
    let source = match &arguments.component {
        Some(path) => ComponentSource::file(path),
        None => source(&recorded, &configuration.components)?,
    };
    let component = session::load(&host, source).await?;
    let replay = Arc::new(Replay::new(recorded.exchanges.clone()));
    let view = view(ViewOptions {
        kind: ViewKind::Plain,
        verbose: false,
        color: exit::wants_color(),
    });
    let mut request = RunRequest::new(recorded.step.settings.clone())
        .step(recorded.step.step.clone())
        .events(crate::run::Events::new(view.clone()))
        .replay(replay.clone());
    if let Some(folder) = &arguments.workspace {
        request = request.workspace(Workspace::open(folder)?);
    }
    let result = host.run(&component, request).await;
    view.finish();
    let difference = replay.difference();
    if let (Err(error), None) = (&result, &difference) {
        exit::print(error);
    }
    let end = RecordedEnd::of(result.as_ref());
    let told = match &difference {
        Some(difference) => shown(difference),
        None if recorded.end.as_ref() == Some(&end) => "it ends as it was recorded\n".to_owned(),
        None => "it asks for what was recorded, and ends in another way\n".to_owned(),
    };
    std::io::stdout().lock().write_all(told.as_bytes())?;
    Ok(match (result, difference) {
        (Ok(_), None) => Code::Done,
        _ => Code::Failed,
    })
}

/// The step that is meant.
fn chosen(arguments: &ReplayArguments) -> Result<RecordedRun, Failure> {
    let runs = read_recording(&arguments.recording)
        .map_err(|error| Failure::new(Code::BadInput, error))?;
    let mut names: Vec<String> = runs.iter().map(|run| run.step.step.clone()).collect();
    names.dedup();
    let step = match (&arguments.step, names.as_slice()) {
        (Some(step), _) => step.clone(),
        (None, [only]) => only.clone(),
        (None, _) => {
            return Err(Failure::input(
                "the recording holds several steps",
                format!("name one with --step: {}", names.join(", ")),
            ));
        }
    };
    // Of a step that was tried again, the last time counts.
    let last = runs.into_iter().rev().find(|run| run.step.step == step);
    last.ok_or_else(|| {
        Failure::input(
            format!("the recording does not hold the step {step}"),
            format!("it holds {}", names.join(", ")),
        )
    })
}

/// The component that was recorded, with the bytes that it had.
fn source(
    recorded: &RecordedRun,
    components: &stepyard::configuration::ComponentsConfiguration,
) -> Result<ComponentSource, Failure> {
    let name = &recorded.step.component;
    if !inspect::is_named(name, components) && !Path::new(name).exists() {
        return Err(Failure::input(
            format!("the component {name} that was recorded is not here"),
            "name its file with --component",
        ));
    }
    let digest = Digest::parse(&recorded.step.digest)
        .map_err(|error| Failure::input(error.to_string(), "record the run again"))?;
    Ok(inspect::source(name, components).with_digest(digest))
}

/// What a run asks for otherwise.
fn shown(difference: &Difference) -> String {
    let mut text = format!(
        "call {} is another one than was recorded\n",
        difference.call
    );
    let expected = difference.expected.as_ref();
    let lines = [
        (
            "recorded",
            expected.map(|expected| (expected.function.as_str(), &expected.arguments)),
        ),
        (
            "now",
            difference
                .function
                .as_deref()
                .map(|function| (function, &difference.arguments)),
        ),
    ];
    for (which, call) in lines {
        // Writing to a string cannot fail.
        let _ = match call {
            Some((function, arguments)) => {
                writeln!(
                    text,
                    "  {which:<8}  {function} {}",
                    one_line(&arguments.to_string())
                )
            }
            None => writeln!(text, "  {which:<8}  nothing more"),
        };
    }
    text
}
