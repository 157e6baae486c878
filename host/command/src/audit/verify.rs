//! `stepyard audit verify`: whether a log is as it was written.

use stepyard::audit;

use crate::arguments::AuditVerifyArguments;
use crate::exit::{Code, Failure};

#[allow(clippy::print_stdout)]
pub(super) fn run(arguments: &AuditVerifyArguments) -> Result<Code, Failure> {
    let file = super::file(&arguments.input)?;
    let mut runs = 0_u64;
    let verified = audit::verify(&file, &arguments.heads, |line| {
        runs += u64::from(line.text("record") == "run-started");
    });
    match verified.map_err(|error| super::unreadable(&file, &error))? {
        Ok(report) => {
            for line in &report.torn {
                println!("line {line} was cut off by a crash, as the record after it says");
            }
            match report.head {
                Some(head) => println!(
                    "{} records of {runs} runs, nothing missing or changed; the head is {head}",
                    head.sequence
                ),
                None => println!("the log is empty"),
            }
            if arguments.heads.is_empty() {
                println!(
                    "whether its end was cut off, only a head shows: --head HEAD, as a run printed it"
                );
            }
            Ok(Code::Done)
        }
        Err(fault) => Err(Failure::failed(
            format!("{}: {fault}", file.display()),
            "what stands before that line is whole; compare with a copy of the log",
        )),
    }
}
