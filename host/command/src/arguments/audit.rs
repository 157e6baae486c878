//! `stepyard audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use stepyard::audit::AuditHead;

use super::FindingForm;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check that no record of a log was changed, and none is missing
    Verify(AuditVerifyArguments),
    /// Show the calls of a log, a line each
    Show(AuditShowArguments),
}

#[derive(Debug, Args)]
pub(crate) struct AuditFileArguments {
    /// The log; without it, the one of stepyard.toml
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// The operator's configuration [default: ~/.config/stepyard/stepyard.toml, if it is there]
    #[arg(long, value_name = "FILE", env = "STEPYARD_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = VERIFY_EXIT_CODES)]
pub(crate) struct AuditVerifyArguments {
    #[command(flatten)]
    pub(crate) input: AuditFileArguments,

    /// A head that a run printed; may be given several times. Without one, an end that was cut off
    /// does not show
    #[arg(long = "head", value_name = "NUMBER:HASH")]
    pub(crate) heads: Vec<AuditHead>,
}

const VERIFY_EXIT_CODES: &str = "\
Exit codes:
  0  every record is there and as it was written
  1  a record is missing or was changed; the error names the first line
  2  the input is wrong: arguments, a file that cannot be read";

#[derive(Debug, Args)]
pub(crate) struct AuditShowArguments {
    #[command(flatten)]
    pub(crate) input: AuditFileArguments,

    /// Only the run that begins with these digits
    #[arg(long, value_name = "ID")]
    pub(crate) run: Option<String>,

    /// Only calls that the policy denies
    #[arg(long)]
    pub(crate) denied: bool,

    /// How the calls are shown; as JSON, one object a line
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) format: FindingForm,
}
