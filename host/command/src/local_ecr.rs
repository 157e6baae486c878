//! `stepyard local-ecr`: an Amazon ECR on this machine.

use std::io::{IsTerminal, Write};
use std::path::Path;

use stepyard_local_ecr::{Findings, LocalEcr};

use crate::arguments::LocalEcrArguments;
use crate::exit::{Code, Failure};

#[allow(clippy::print_stderr)]
pub(crate) async fn run(arguments: LocalEcrArguments) -> Result<Code, Failure> {
    let mut builder = LocalEcr::builder(&arguments.data)
        .account(arguments.account)
        .region(arguments.region)
        .token_lifetime(arguments.token_lifetime)
        .blob_mounting(arguments.blob_mounting)
        .create_on_push(arguments.create_on_push);
    if let Some(path) = &arguments.findings {
        builder = builder.findings(read_findings(path)?);
    }
    for replica in arguments.replicate {
        builder = builder.replicate(replica);
    }
    for action in arguments.deny {
        builder = builder.deny(action);
    }
    for (action, every) in arguments.throttle {
        builder = builder.throttle(action, every);
    }
    let server = builder.bind(arguments.listen).await.map_err(|error| {
        Failure::input(
            error.to_string(),
            "choose another address with --listen or another folder with --data",
        )
    })?;
    let mut stdout = std::io::stdout().lock();
    for (name, value) in server.environment() {
        writeln!(stdout, "export {name}={value}")?;
    }
    stdout.flush()?;
    drop(stdout);
    if std::io::stderr().is_terminal() {
        eprintln!(
            "\n{} is served at {}. The lines above point a client at it. Ctrl-C ends it.",
            server.registry_host(),
            server.address()
        );
    }
    crate::run::interrupted().await?;
    server.shutdown().await;
    Ok(Code::Done)
}

fn read_findings(path: &Path) -> Result<Findings, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::input(
            format!("{} cannot be read: {error}", path.display()),
            "--findings names a JSON file",
        )
    })?;
    Findings::parse(&text).map_err(|error| {
        Failure::input(
            format!("{}: {error}", path.display()),
            "docs/local-ecr.md shows such a file",
        )
    })
}
