//! `stepyard policy init`: the smallest policy under which steps run.

use std::fs::OpenOptions;
use std::io::Write as _;

use super::rehearsal::rehearse;
use crate::arguments::InitArguments;
use crate::exit::{self, Code, Failure};

pub(super) async fn run(arguments: &InitArguments) -> Result<Code, Failure> {
    let rehearsal = rehearse(&arguments.input).await?;
    let asked: Vec<stepyard::policy::Asked<'_>> = rehearsal
        .steps
        .iter()
        .map(|step| stepyard::policy::Asked {
            step: &step.step,
            principal: &step.principal,
            calls: &step.calls,
        })
        .collect();
    let text = stepyard::policy::smallest_policy(&asked, rehearsal.engine.as_deref());
    for error in rehearsal
        .steps
        .iter()
        .filter_map(|step| step.error.as_ref())
    {
        exit::print(error);
    }
    if rehearsal.steps.iter().any(|step| step.error.is_some()) {
        return Err(Failure::failed(
            "a step failed, so that what it would have done afterwards is unknown; no policy is \
             written",
            "mend what the error says, and run the command again",
        ));
    }
    match &arguments.output {
        None => super::print(&text)?,
        Some(path) => {
            let written = OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(path)
                .and_then(|mut file| file.write_all(text.as_bytes()));
            written.map_err(|error| {
                Failure::input(
                    format!("{} cannot be written: {error}", path.display()),
                    "name a file that is not there yet; without --output the policy is printed",
                )
            })?;
        }
    }
    Ok(Code::Done)
}
