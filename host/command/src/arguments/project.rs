//! What authors of steps use: `stepyard new`, `build`, `test`, `replay` and `publish`.

use std::path::PathBuf;

use clap::Args;

use crate::project::Language;

#[derive(Debug, Args)]
#[command(after_help = REPLAY_EXIT_CODES)]
pub(crate) struct ReplayArguments {
    /// The recording, which `stepyard run --record` made
    #[arg(value_name = "FILE")]
    pub(crate) recording: PathBuf,

    /// Run this component in place of the one that was recorded: a file, or oci://… in a registry
    #[arg(long, value_name = "COMPONENT")]
    pub(crate) component: Option<String>,

    /// The step, where the recording holds several
    #[arg(long, value_name = "ID")]
    pub(crate) step: Option<String>,

    /// The files that the step may read, where it reads some itself
    #[arg(long, value_name = "FOLDER")]
    pub(crate) workspace: Option<PathBuf>,

    /// Make a case for `stepyard test` of the run, in this new folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) save_case: Option<PathBuf>,

    /// The operator's configuration [default: ~/.config/stepyard/stepyard.toml, if it is there]
    #[arg(long, value_name = "FILE", env = "STEPYARD_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct NewArguments {
    /// The step's name, such as scan-gate
    #[arg(value_name = "NAME")]
    pub(crate) name: String,

    /// What it is written in
    #[arg(long, short, value_name = "LANGUAGE")]
    pub(crate) language: Language,

    /// The folder, which must not be there yet [default: the name]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct BuildArguments {
    /// The project, as `stepyard new` makes it; the component is step.wasm in it
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub(crate) folder: PathBuf,

    /// Build faster, and let each frame of a trap name its file and line: for development. In Python
    /// and JavaScript every build is one
    #[arg(long)]
    pub(crate) dev: bool,
}

#[derive(Debug, Args)]
#[command(after_help = TEST_HELP)]
pub(crate) struct TestArguments {
    /// The project, which has a folder `cases`
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub(crate) folder: PathBuf,

    /// The component's file, the name of a built-in or pinned step, or oci://… in a registry; without
    /// it, the project is built where it has changed
    #[arg(long, value_name = "COMPONENT")]
    pub(crate) component: Option<String>,

    /// Only this case; may be given several times
    #[arg(long = "case", value_name = "NAME")]
    pub(crate) cases: Vec<String>,

    /// Write what the component does now into the cases: its calls, with the answers that are there,
    /// and what comes of it
    #[arg(long)]
    pub(crate) update: bool,

    /// The operator's configuration [default: ~/.config/stepyard/stepyard.toml, if it is there]
    #[arg(long, value_name = "FILE", env = "STEPYARD_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = PUBLISH_HELP)]
pub(crate) struct PublishArguments {
    /// Where to: HOST/REPOSITORY:TAG
    #[arg(value_name = "REFERENCE")]
    pub(crate) reference: String,

    /// The project, which is built where it has changed
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub(crate) folder: PathBuf,

    /// Publish this file in place of a project's component
    #[arg(long, value_name = "FILE", conflicts_with = "folder")]
    pub(crate) component: Option<PathBuf>,

    /// Let the tag name this component though it names another one now
    #[arg(long)]
    pub(crate) move_tag: bool,

    /// A file of connectors, to log in with; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) connectors: Vec<PathBuf>,

    /// The operator's configuration [default: ~/.config/stepyard/stepyard.toml, if it is there]
    #[arg(long, value_name = "FILE", env = "STEPYARD_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

const PUBLISH_HELP: &str = "\
Examples:
  stepyard publish ghcr.io/team/hello:1.0.0                     in the folder of its project
  stepyard publish ghcr.io/team/hello:1.0.0 --component hello.wasm

It prints one line, the reference that pins what was published:
  oci://ghcr.io/team/hello:1.0.0@sha256:4ae1…

Logins are those of `docker login` ($DOCKER_CONFIG or ~/.docker/config.json, and the credential
helpers that it names), or the connector for that registry. The same component always has the same
digest; SOURCE_DATE_EPOCH sets the time that is written into it, which is 1970 otherwise.

Exit codes:
  0  it is published, or was already
  1  the registry does not take it, or the tag names another component
  2  the input is wrong: arguments, a component";

const TEST_HELP: &str = "\
A case is a folder cases/NAME:
  settings.yaml      the settings; none where it is missing
  workspace/         the files that the step may read
  calls.yaml         the calls that it must make, in this order, each with its answer
  surroundings.yaml  the time that it reads; the same for each run where it is missing
  expected.yaml      what must come of it: status, outputs, error, lines of the log

`stepyard replay RECORDING --save-case cases/NAME` makes one of a real run.

Exit codes:
  0  every case passed
  1  a case failed
  2  the input is wrong: arguments, a case, a component";

const REPLAY_EXIT_CODES: &str = "\
Exit codes:
  0  the step succeeds, and asks for what the recording has
  1  it fails, as it may have when it was recorded, or asks for something else; both are told
  2  the input is wrong: arguments, the recording, a component";
