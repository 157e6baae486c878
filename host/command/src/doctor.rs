//! `stepyard doctor`: whether steps would work here, without building or pushing anything.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use stepyard::configuration::{ComponentsConfiguration, Configuration};
use stepyard::connector::Connectors;
use stepyard::doctor::{Check, Diagnosis, Examination, Finding, Section, Subject, Verdict};
use stepyard::{Component, Host, RunRequest};
use stepyard_grammar::AwsRegion;

use crate::arguments::{DoctorArguments, FindingForm, InputArguments};
use crate::exit::{self, Code, Failure};
use crate::run::{plan, scope};
use crate::view::{self, FindingView};
use crate::{inspect, session};

pub(crate) async fn run(arguments: Box<DoctorArguments>) -> Result<Code, Failure> {
    let input = &arguments.input;
    let names_step = input.target.is_some() || input.component.is_some();
    if !names_step && (!input.settings.is_empty() || input.step.is_some()) {
        return Err(Failure::input(
            "--set and --step go with a step, and none is named",
            "name a file or a built-in step, or leave them out",
        ));
    }
    let configuration = session::configuration(input.config.as_deref())?;
    let connectors = session::connectors(input)?;
    let host = session::impatient_host(&configuration, connectors.clone())?;
    let steps = if names_step {
        read_steps(&host, &configuration, &connectors, input).await?
    } else {
        Steps::default()
    };

    let mut examination = Examination::new(connectors).timeout(arguments.timeout);
    if let Some(region) = region_of_environment() {
        examination = examination.region(region);
    }
    for (component, request) in steps.known {
        examination = examination.step(component, request);
    }
    let examined = host
        .examine(examination)
        .await
        .map_err(|error| Failure::new(Code::BadInput, error))?;
    let files = read_files(input, &configuration.components);
    let sections = (!files.findings.is_empty())
        .then_some(files)
        .into_iter()
        .chain(examined.sections)
        .chain(steps.unknown);
    let diagnosis = Diagnosis {
        sections: sections.collect(),
    };
    show(&diagnosis, arguments.format)?;
    Ok(match diagnosis.count(Verdict::Failed) {
        0 => Code::Done,
        _ => Code::Failed,
    })
}

/// The region that AWS's own tools take where they are given none.
fn region_of_environment() -> Option<AwsRegion> {
    let set = |name| std::env::var(name).ok();
    let region = set("AWS_REGION").or_else(|| set("AWS_DEFAULT_REGION"))?;
    AwsRegion::parse(&region).ok()
}

/// The steps that a command line names.
#[derive(Default)]
struct Steps {
    known: Vec<(Component, RunRequest)>,
    /// Those that nothing can be said of yet.
    unknown: Vec<Section>,
}

async fn read_steps(
    host: &Host,
    configuration: &Configuration,
    connectors: &Connectors,
    input: &InputArguments,
) -> Result<Steps, Failure> {
    let workspace = session::workspace(configuration, input)?;
    let plan = plan::Plan::read(host, input, configuration).await?;
    let scope = scope::RunScope::new(input, &plan, false)?;
    plan.check(host, connectors, &scope).await?;
    let mut steps = Steps::default();
    for step in plan.steps() {
        if step.needs_outputs() {
            let message = "its settings hold what earlier steps return";
            steps.unknown.push(Section {
                subject: Subject::Step(step.identifier.clone()),
                findings: vec![Finding::unproven(Check::Request, message)],
            });
            continue;
        }
        scope.enter_stage(&plan, step.stage)?;
        let settings = step.resolve(&scope)?;
        let request = RunRequest::new(settings.value)
            .step(step.identifier.clone())
            .placeholders(settings.placeholders)
            .workspace(workspace.clone());
        steps.known.push((step.component.clone(), request));
    }
    Ok(steps)
}

/// The files, which are all valid: a wrong one has ended the command.
fn read_files(input: &InputArguments, components: &ComponentsConfiguration) -> Section {
    let configuration = session::configuration_path(input.config.as_deref());
    let target = input.target.as_deref();
    let file = target
        .filter(|target| !inspect::is_named(target, components) || Path::new(target).exists());
    let paths = configuration
        .as_deref()
        .into_iter()
        .chain(input.connectors.iter().map(AsRef::as_ref))
        .chain(file.map(Path::new));
    Section {
        subject: Subject::Files,
        findings: paths
            .map(|path| Finding::ok(Check::File, format!("{} is valid", path.display())))
            .collect(),
    }
}

fn show(diagnosis: &Diagnosis, form: FindingForm) -> std::io::Result<()> {
    let stdout = std::io::stdout();
    let text = match form {
        FindingForm::Json => serde_json::to_string_pretty(diagnosis)? + "\n",
        FindingForm::Text if stdout.is_terminal() => {
            view::findings(diagnosis, FindingView::marks(exit::wants_color()))
        }
        FindingForm::Text => view::findings(diagnosis, FindingView::Words),
    };
    match stdout.lock().write_all(text.as_bytes()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
