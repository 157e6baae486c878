//! `stepyard check`: whatever can be known without acting.

use crate::arguments::CheckArguments;
use crate::exit::{Code, Failure};
use crate::run::{plan, scope};
use crate::session;

#[allow(clippy::print_stdout)]
pub(crate) async fn run(arguments: Box<CheckArguments>) -> Result<Code, Failure> {
    let input = &arguments.input;
    let configuration = session::configuration(input.config.as_deref())?;
    let connectors = session::connectors(input)?;
    // Secrets that are missing matter only where a component is fetched with them.
    let authenticator = session::authenticator(&configuration, connectors.clone()).ok();
    let host = session::bare_host(&configuration, authenticator.as_ref())?.build()?;
    let plan = plan::Plan::read(&host, input, &configuration).await?;
    let scope = scope::RunScope::new(input, &plan, false)?;
    plan.check(&host, &connectors, &scope).await?;
    let count = plan.steps().len();
    println!(
        "{count} step{} checked, nothing wrong",
        if count == 1 { "" } else { "s" }
    );
    Ok(Code::Done)
}
