//! The project's own tasks: `cargo xtask prepare | test | faults | interop | mutants | fuzz | fixtures | services |
//! demo | bench`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command that reports to a terminal"
)]

mod base_image;
mod bench;
mod bridge;
mod compiler;
mod demo;
mod ecr_api;
mod end_to_end;
mod error;
mod faults;
mod fixtures;
mod fuzz;
mod http;
mod interop;
mod interrupt;
mod mutants;
mod paths;
mod prepare;
mod process;
mod services;
mod stepyard_command;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::{Error, Result};

/// Stepyard's own tasks. They need Rust, Python 3 and a C linker; what else they need is installed
/// from the distribution's packages when run as root, and named in an error otherwise.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what the other tasks need, and check that the services start
    Prepare,
    /// Check formatting and lints, run every test, and count the results
    Test(test::Options),
    /// Fail each request of a run in each way, and check that no tag names a wrong image
    Faults,
    /// Run the tests of published components with wkg, which is installed for them
    Interop,
    /// Let the gate permit one denied action after another, and check that a test fails each time
    Mutants(mutants::Options),
    /// Look for inputs that break what reads other people's files, names and calls
    Fuzz(fuzz::Options),
    /// Build the guest fixtures in tests/guests
    Fixtures,
    /// Start the services that the tests use, print their variables, and wait for Ctrl-C
    Services,
    /// Build, push, promote and deny: a tour on this machine, without an AWS account
    Demo(demo::Options),
    /// Measure Stepyard against the docker command
    Bench(bench::Options),
    /// Run one service, and clean up after it once standard input closes
    #[command(hide = true)]
    Keep(services::keeper::Options),
    /// Pass connections on to the BuildKit within a Docker Engine, as if it were a daemon of its own
    #[command(hide = true)]
    Bridge(bridge::Options),
}

fn main() -> ExitCode {
    if compiler::is_wanted() {
        eprintln!("error: starting the compiler: {}", compiler::call());
        return ExitCode::FAILURE;
    }
    let arguments = Arguments::parse();
    let outcome = match arguments.task {
        Task::Keep(options) => {
            services::keeper::keep(&options, std::io::stdin()).map(|()| ExitCode::SUCCESS)
        }
        Task::Bridge(options) => bridge::run(&options).map(|()| ExitCode::SUCCESS),
        task => interrupt::watch().and_then(|()| run(task)),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        match error {
            Error::Interrupted => ExitCode::from(130),
            _ => ExitCode::FAILURE,
        }
    })
}

fn run(task: Task) -> Result<ExitCode> {
    match task {
        Task::Prepare => {
            prepare::everything()?;
            services::TestServices::start()?;
            println!("prepared: every tool is installed and every service starts");
        }
        Task::Test(options) => return Ok(test::run(&options)),
        Task::Faults => return faults::run(),
        Task::Interop => return interop::run(),
        Task::Mutants(options) => return mutants::run(&options),
        Task::Fuzz(options) => return fuzz::run(&options),
        Task::Fixtures => {
            prepare::wasm_target::install()?;
            for component in fixtures::build(None)? {
                println!("{}", component.display());
            }
        }
        Task::Services => {
            prepare::everything()?;
            let services = services::TestServices::start()?;
            for (name, value) in services.environment() {
                println!("export {name}={value}");
            }
            eprintln!("the services run until Ctrl-C");
            interrupt::wait();
            eprintln!("stopping the services");
        }
        Task::Demo(options) => demo::run(&options)?,
        Task::Bench(options) => bench::run(&options)?,
        Task::Keep(_) | Task::Bridge(_) => {}
    }
    Ok(ExitCode::SUCCESS)
}
