//! `stepyard audit`: what steps asked for, and whether the log of it is whole.

mod show;
mod verify;

use std::path::PathBuf;

use crate::arguments::{AuditCommand, AuditFileArguments};
use crate::exit::{Code, Failure};
use crate::session;

pub(crate) fn run(command: &AuditCommand) -> Result<Code, Failure> {
    match command {
        AuditCommand::Verify(arguments) => verify::run(arguments),
        AuditCommand::Show(arguments) => show::run(arguments),
    }
}

/// The log that is meant.
fn file(arguments: &AuditFileArguments) -> Result<PathBuf, Failure> {
    if let Some(file) = &arguments.file {
        return Ok(file.clone());
    }
    let configuration = session::configuration(arguments.config.as_deref())?;
    configuration.audit.file.ok_or_else(|| {
        Failure::input(
            "there is no audit log",
            "name a file, or let `file` under [audit] of stepyard.toml name one",
        )
    })
}

fn unreadable(file: &std::path::Path, error: &std::io::Error) -> Failure {
    Failure::input(
        format!("{} cannot be read: {error}", file.display()),
        "name the file that `file` under [audit] of stepyard.toml names",
    )
}
