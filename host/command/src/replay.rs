//! `stepyard replay`: a recorded step once more, answered by its recording.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use stepyard::component::ComponentSource;
use stepyard::event::{Event, EventSink};
use stepyard::recording::{RecordedEnd, RecordedRun, Replay, read_recording};
use stepyard::{RunRequest, Workspace};
use stepyard_grammar::Digest;

use crate::arguments::ReplayArguments;
use crate::cases::{Case, Ending, Log, shown_call};
use crate::exit::{self, Code, Failure};
use crate::view::{ViewKind, ViewOptions, view, without_commands};
use crate::{inspect, session};

pub(crate) async fn run(arguments: ReplayArguments) -> Result<Code, Failure> {
    let configuration = session::configuration(arguments.config.as_deref())?;
    let recorded = chosen(&arguments)?;
    let host = session::bare_host(&configuration, None)?.build()?;
    let source = match &arguments.component {
        Some(component) => inspect::located(component)?,
        None => source(&recorded, &configuration.components)?,
    };
    let component = session::load(&host, source).await?;
    let replay =
        Arc::new(Replay::new(recorded.exchanges.clone()).within(recorded.surroundings.clone()));
    let view = view(ViewOptions {
        kind: ViewKind::Plain,
        verbose: false,
        color: exit::wants_color(),
    });
    let log = Log::default();
    let events = Both(crate::run::Events::new(view.clone()), log.clone());
    let mut request = RunRequest::new(recorded.step.settings.clone())
        .step(recorded.step.step.clone())
        .events(events)
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
        Some(difference) => shown_call(difference, "the recording") + "\n",
        None if recorded.end.as_ref() == Some(&end) => "it ends as it was recorded\n".to_owned(),
        None => "it asks for what was recorded, and ends in another way\n".to_owned(),
    };
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(without_commands(&told).as_bytes())?;
    if let (Some(folder), None) = (&arguments.save_case, &difference) {
        let case = Case {
            folder: folder.clone(),
            settings: recorded.step.settings,
            calls: replay.made(),
            surroundings: recorded.surroundings,
            expected: Some(Ending::of(&result, log.take())),
        };
        case.write_new()?;
        let folder = folder.display();
        writeln!(stdout, "{folder} is a case for `stepyard test` now")?;
        if arguments.workspace.is_some() {
            writeln!(
                stdout,
                "put the files that the step reads into {folder}/workspace"
            )?;
        }
    } else if arguments.save_case.is_some() {
        writeln!(
            stdout,
            "no case is made, because the component does something else"
        )?;
    }
    Ok(match (result, difference) {
        (Ok(_), None) => Code::Done,
        _ => Code::Failed,
    })
}

/// Events for a person who watches, and the log for a case.
struct Both(crate::run::Events, Log);

impl EventSink for Both {
    fn emit(&self, event: Event) {
        self.1.emit(event.clone());
        self.0.emit(event);
    }
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
    Ok(inspect::source(name, components)?.with_digest(digest))
}
