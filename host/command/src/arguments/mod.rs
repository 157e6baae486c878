//! The command line.

mod audit;
mod policy;
mod project;

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use stepyard_grammar::{Digest, StepIdentifier, StepTimeout};
use stepyard_local_ecr::Replica;

pub(crate) use audit::{
    AuditCommand, AuditFileArguments, AuditShowArguments, AuditVerifyArguments,
};
pub(crate) use policy::{
    ExplainArguments, InitArguments, PolicyAddArguments, PolicyCheckArguments, PolicyCommand,
};
pub(crate) use project::{
    BuildArguments, NewArguments, PublishArguments, ReplayArguments, TestArguments,
};

/// Run CI steps as sandboxed WebAssembly components.
///
/// A step can do nothing that the host does not let it do: it builds, logs in and pushes through
/// the host, which holds every password.
#[derive(Debug, Parser)]
#[command(name = "stepyard", version, propagate_version = true, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Exit codes:
  0    everything was done
  1    a step failed
  2    the input is wrong: arguments, a settings file, a component
  3    the policy denied what a step asked for
  124  a time limit was reached
  130  interrupted";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the steps of a file, or one step with settings from the command line
    Run(Box<RunArguments>),
    /// Check a file without running anything
    Check(Box<CheckArguments>),
    /// Look whether steps would work on this machine, without building or pushing anything
    Doctor(Box<DoctorArguments>),
    /// See, write and check the rules that decide what steps may do
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Make the project of a new step, which builds, passes its tests and runs as it is
    New(NewArguments),
    /// Build the component of a step's project, in whichever language it is
    Build(BuildArguments),
    /// Push a component to a registry, and print the reference by which others run it
    Publish(PublishArguments),
    /// Try a component against the cases of its project, without an engine, a registry or AWS
    Test(TestArguments),
    /// Run a recorded step again without an engine, a registry or AWS: the recording answers
    Replay(ReplayArguments),
    /// See what steps asked for, and check that the log of it is whole
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Show what a component is: name, version, digest, imports, settings
    Inspect(InspectArguments),
    /// Serve an Amazon ECR on this machine, to try and test without AWS
    LocalEcr(LocalEcrArguments),
}

/// What to run and with what.
#[derive(Debug, Args)]
pub(crate) struct InputArguments {
    /// A YAML file with steps in Harness's shape, the name of a built-in step (build-push-ecr,
    /// ecr-scan-gate, promote-image), or a component in a registry (oci://HOST/REPOSITORY@sha256:…)
    #[arg(value_name = "FILE|STEP")]
    pub(crate) target: Option<String>,

    /// A setting of the step: NAME=VALUE; a list as a,b or by repeating; an entry of a mapping as
    /// labels.KEY=VALUE
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) settings: Vec<String>,

    /// Run this component instead of a built-in step: a file, or oci://… in a registry
    #[arg(long, value_name = "COMPONENT")]
    pub(crate) component: Option<String>,

    /// Run the component only if its bytes have this digest
    #[arg(long, value_name = "sha256:HEX", requires = "component")]
    pub(crate) digest: Option<Digest>,

    /// A file of connectors; may be given several times, each may hold several documents
    #[arg(long, value_name = "FILE")]
    pub(crate) connectors: Vec<PathBuf>,

    /// The folder whose files the steps may read
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) workspace: PathBuf,

    /// The operator's configuration [default: ~/.config/stepyard/stepyard.toml, if it is there]
    #[arg(long, value_name = "FILE", env = "STEPYARD_CONFIG")]
    pub(crate) config: Option<PathBuf>,

    /// Run only the step with this identifier
    #[arg(long, value_name = "ID")]
    pub(crate) step: Option<StepIdentifier>,

    /// A further file of rules in Cedar, beside those of stepyard.toml
    #[arg(long = "policy", value_name = "FILE")]
    pub(crate) policies: Vec<PathBuf>,

    /// The branch that is built, for rules that ask for it
    #[arg(long, value_name = "NAME", env = "DRONE_BRANCH")]
    pub(crate) branch: Option<String>,

    /// A variable for <+env.NAME>, from this environment or with a value
    #[arg(long = "env", value_name = "NAME[=VALUE]")]
    pub(crate) environment: Vec<String>,

    /// A value for <+input> of a field: step.spec.imageName=team/app
    #[arg(long = "input", value_name = "FIELD=VALUE")]
    pub(crate) inputs: Vec<String>,

    /// The build's number, for <+pipeline.sequenceId>
    #[arg(long, value_name = "NUMBER", env = "DRONE_BUILD_NUMBER")]
    pub(crate) build_number: Option<u64>,
}

#[derive(Debug, Args)]
#[command(after_help = RUN_EXAMPLES)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,

    /// End a step that runs for longer, such as 10m or "1h 30m"; a step's own timeout may be
    /// shorter
    #[arg(long, value_name = "TIME", value_parser = timeout)]
    pub(crate) timeout: Option<Duration>,

    /// Change nothing: look up what reads, and say of what writes that it is not done
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Keep each call of the steps and its answer in this new file, for `stepyard replay`. Secrets are
    /// masked
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub(crate) record: Option<PathBuf>,

    /// Show each call of the steps with its arguments, what the policy decided, how long it took and
    /// what it answered. Secrets are masked
    #[arg(long)]
    pub(crate) trace: bool,

    /// Write the run as a page for any browser when it has ended, in whichever way: on an axis of time
    /// the steps, phases, calls, decisions, builds and layers, with lines and outputs. It replaces a
    /// file that is there. Secrets are masked
    #[arg(long, value_name = "FILE.html")]
    pub(crate) report: Option<PathBuf>,

    /// Permit a local component what it imports, for this run; not where CI is set
    #[arg(long, requires = "component")]
    pub(crate) allow_imports: bool,

    /// How events are shown
    #[arg(long, value_name = "FORM", default_value = "pretty")]
    pub(crate) events: EventForm,

    /// Show debug lines and every capability call
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

const RUN_EXAMPLES: &str = "\
Examples:
  stepyard run pipeline.yaml --connectors connectors.yaml
  stepyard run build-push-ecr --connectors connectors.yaml --set connectorRef=aws \\
      --set region=us-east-1 --set account=123456789012 --set imageName=team/app --set tags=1.2,latest
  stepyard run --component ./my_step.wasm --set name=value
  stepyard run oci://ghcr.io/team/hello:1.0.0@sha256:4ae1… --set name=value

Files written afterwards, for a CI agent:
  $PLUGIN_ARTIFACT_FILE                                    the images that were pushed, as JSON
  $DRONE_OUTPUT, $HARNESS_OUTPUT_FILE, $GITHUB_OUTPUT      output variables, as NAME=VALUE lines";

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,
}

#[derive(Debug, Args)]
#[command(after_help = DOCTOR_EXIT_CODES)]
pub(crate) struct DoctorArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,

    /// How long each check may take, such as 10s
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = timeout)]
    pub(crate) timeout: Duration,

    /// How the findings are shown
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) format: FindingForm,
}

const DOCTOR_EXIT_CODES: &str = "\
Without a file or step it looks at the machine and at all connectors.

Exit codes:
  0  nothing failed; warnings and what could not be proven count as nothing
  1  something failed
  2  the input is wrong: arguments, a settings file, a component";

#[derive(Debug, Args)]
#[command(after_help = INSPECT_EXAMPLES)]
pub(crate) struct InspectArguments {
    /// A component file, the name of a built-in step, or a component in a registry (oci://…)
    #[arg(value_name = "COMPONENT")]
    pub(crate) component: String,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    /// The operator's configuration [default: ~/.config/stepyard/stepyard.toml, if it is there]
    #[arg(long, value_name = "FILE", env = "STEPYARD_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

const INSPECT_EXAMPLES: &str = "\
Examples:
  stepyard inspect build-push-ecr
  stepyard inspect step.wasm
  stepyard inspect oci://ghcr.io/team/hello:1.0.0@sha256:4ae1…";

#[derive(Debug, Args)]
pub(crate) struct LocalEcrArguments {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:5100")]
    pub(crate) listen: SocketAddr,

    /// Where repositories and images are kept
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,

    /// The account that the registry belongs to
    #[arg(long, value_name = "ID", default_value = "123456789012")]
    pub(crate) account: String,

    /// The region that it is in
    #[arg(long, value_name = "REGION", default_value = "us-east-1")]
    pub(crate) region: String,

    /// How long an authorization token lives
    #[arg(long, value_name = "TIME", default_value = "12h", value_parser = timeout)]
    pub(crate) token_lifetime: Duration,

    /// Let layers be mounted from other repositories
    #[arg(long)]
    pub(crate) blob_mounting: bool,

    /// Make a repository when something is pushed to it
    #[arg(long)]
    pub(crate) create_on_push: bool,

    /// A JSON file with what scans find: {"team/app:1.0": [{"name": "CVE-…", "severity": "HIGH"}]}
    #[arg(long, value_name = "FILE")]
    pub(crate) findings: Option<PathBuf>,

    /// Say of images that they are replicated there: [ACCOUNT/]REGION, with =FAILED or =IN_PROGRESS
    #[arg(long, value_name = "PLACE")]
    pub(crate) replicate: Vec<Replica>,

    /// Deny an IAM action, such as ecr:PutImage
    #[arg(long, value_name = "ACTION")]
    pub(crate) deny: Vec<String>,

    /// Throttle every n-th call of an action, such as ecr:GetAuthorizationToken=3
    #[arg(long, value_name = "ACTION=N", value_parser = throttle)]
    pub(crate) throttle: Vec<(String, NonZeroU64)>,
}

/// How events are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EventForm {
    /// For people: a live view on a terminal, plain lines otherwise
    Pretty,
    /// One JSON object a line
    Ndjson,
}

/// How the findings of `stepyard doctor` are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FindingForm {
    /// For people: a line each, with marks on a terminal
    Text,
    /// One JSON object
    Json,
}

fn timeout(text: &str) -> Result<Duration, String> {
    StepTimeout::parse(text)
        .map(StepTimeout::duration)
        .map_err(|error| error.to_string())
}

fn throttle(text: &str) -> Result<(String, NonZeroU64), String> {
    text.split_once('=')
        .and_then(|(action, every)| Some((action.to_owned(), every.parse().ok()?)))
        .ok_or_else(|| "expected ACTION=N, N from 1".to_owned())
}
