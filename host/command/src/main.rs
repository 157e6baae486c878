//! The `stepyard` command.

mod arguments;
mod audit;
mod cases;
mod check;
mod doctor;
mod exit;
mod inspect;
mod local_ecr;
mod policy;
mod project;
mod publish;
mod replay;
mod report;
mod run;
mod session;
mod view;

use std::process::ExitCode;

use arguments::{Arguments, Command};
use clap::Parser;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return exit::Failure::from(error).report(),
    };
    let result = runtime.block_on(async {
        match arguments.command {
            Command::Run(arguments) => run::run(arguments).await,
            Command::Check(arguments) => check::run(arguments).await,
            Command::Doctor(arguments) => doctor::run(arguments).await,
            Command::Replay(arguments) => replay::run(arguments).await,
            Command::New(arguments) => project::run_new(&arguments),
            Command::Build(arguments) => project::run_build(&arguments),
            Command::Publish(arguments) => publish::run(arguments).await,
            Command::Test(arguments) => cases::run(arguments).await,
            Command::Audit(command) => audit::run(&command),
            Command::Policy(command) => policy::run(command).await,
            Command::Inspect(arguments) => inspect::run(arguments).await,
            Command::LocalEcr(arguments) => local_ecr::run(arguments).await,
        }
    });
    // What still blocks a thread, such as compiling a component after an interrupt, must not keep
    // the process.
    runtime.shutdown_background();
    match result {
        Ok(code) => code.into(),
        Err(failure) => failure.report(),
    }
}
