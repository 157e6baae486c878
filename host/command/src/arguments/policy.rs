//! `stepyard policy`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{FindingForm, InputArguments};

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Show each call that the steps of a file would make, what decides on it, and which rule
    Explain(Box<ExplainArguments>),
    /// Print the smallest policy under which the steps of a file run
    Init(Box<InitArguments>),
    /// Check files of rules against what steps can ask for
    Check(PolicyCheckArguments),
    /// Add a rule to a file
    Add(PolicyAddArguments),
    /// Print what rules can speak of, in Cedar's schema language
    Schema,
}

#[derive(Debug, Args)]
#[command(after_help = DRY_RUN_HELP)]
pub(crate) struct ExplainArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,

    /// How the calls are shown
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) format: FindingForm,
}

#[derive(Debug, Args)]
#[command(after_help = DRY_RUN_HELP)]
pub(crate) struct InitArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,

    /// Write it to this file, which must not be there yet
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

const DRY_RUN_HELP: &str = "\
The steps are run without changing anything: what reads is done, what writes answers as if it had
been done. Calls that the policy denies are shown, and the steps go on behind them.

Exit codes:
  0  every call is permitted
  1  a step failed, so that what it would have done afterwards is unknown
  2  the input is wrong: arguments, a settings file, a component, a policy
  3  the policy denies a call";

#[derive(Debug, Args)]
pub(crate) struct PolicyCheckArguments {
    /// Files of rules in Cedar; without one, those of stepyard.toml
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// The operator's configuration [default: ~/.config/stepyard/stepyard.toml, if it is there]
    #[arg(long, value_name = "FILE", env = "STEPYARD_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = ADD_EXAMPLE)]
pub(crate) struct PolicyAddArguments {
    /// The file, which is made where it is not there
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Who may do it: the name of a built-in or pinned step, or a component's digest
    #[arg(long, value_name = "NAME|sha256:HEX")]
    pub(crate) step: String,

    /// What it may do, such as push
    #[arg(long, value_name = "ACTION")]
    pub(crate) action: String,

    /// To what, such as Repository::"ghcr.io/team/app"
    #[arg(long, value_name = "TYPE::\"NAME\"")]
    pub(crate) resource: String,

    /// What the rule is called in denials and in the audit log
    #[arg(long, value_name = "NAME")]
    pub(crate) id: Option<String>,
}

const ADD_EXAMPLE: &str = "\
A denial prints the command that permits what was denied, such as:
  stepyard policy add policy.cedar --step promote-image --action copy \\
      --resource 'Repository::\"ghcr.io/team/app\"'";
