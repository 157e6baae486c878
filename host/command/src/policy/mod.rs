//! `stepyard policy`: the rules that decide what steps may do.

mod add;
mod check;
mod explain;
mod init;
mod rehearsal;

use std::io::Write as _;

use stepyard::policy::cedar;

use crate::arguments::PolicyCommand;
use crate::exit::{Code, Failure};

pub(crate) async fn run(command: PolicyCommand) -> Result<Code, Failure> {
    match command {
        PolicyCommand::Explain(arguments) => explain::run(&arguments).await,
        PolicyCommand::Init(arguments) => init::run(&arguments).await,
        PolicyCommand::Check(arguments) => check::run(&arguments),
        PolicyCommand::Add(arguments) => add::run(&arguments),
        PolicyCommand::Schema => print(cedar::SCHEMA).map(|()| Code::Done),
    }
}

/// Writes to standard output. Who closes a pipe has seen enough.
fn print(text: &str) -> Result<(), Failure> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}
