//! `stepyard policy check`: whether rules hold.

use stepyard::policy::CedarPolicy;

use crate::arguments::PolicyCheckArguments;
use crate::exit::{Code, Failure};
use crate::session;

pub(super) fn run(arguments: &PolicyCheckArguments) -> Result<Code, Failure> {
    let configured;
    let files = if arguments.files.is_empty() {
        configured = session::configuration(arguments.config.as_deref())?
            .policy
            .files;
        &configured
    } else {
        &arguments.files
    };
    if files.is_empty() {
        return Err(Failure::input(
            "there is no policy to check",
            "name a file, or let `files` under [policy] of stepyard.toml name one",
        ));
    }
    let mut builder = CedarPolicy::builder();
    for file in files {
        builder = builder.file(file)?;
    }
    let rules = builder.build()?.rules().len();
    super::print(&format!(
        "{rules} rule{} checked, nothing wrong\n",
        if rules == 1 { "" } else { "s" }
    ))?;
    Ok(Code::Done)
}
