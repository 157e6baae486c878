//! `stepyard policy add`: one more rule at the end of a file.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};

use stepyard::policy::{Action, CedarPolicy};

use crate::arguments::PolicyAddArguments;
use crate::exit::{Code, Failure};

pub(super) fn run(arguments: &PolicyAddArguments) -> Result<Code, Failure> {
    let Some(action) = Action::named(&arguments.action) else {
        let known: Vec<&str> = Action::ALL.into_iter().map(Action::name).collect();
        return Err(Failure::input(
            format!("--action {}: there is no such action", arguments.action),
            format!("the actions are {}", known.join(", ")),
        ));
    };
    let rule = rule(arguments, action);
    let before = match std::fs::read_to_string(&arguments.file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => {
            return Err(Failure::input(
                format!("{} cannot be read: {error}", arguments.file.display()),
                "name a file of rules in Cedar",
            ));
        }
    };
    let separator = match before.as_str() {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    let addition = format!("{separator}{rule}\n");
    // What does not hold must not get into a file that runs depend on.
    CedarPolicy::builder()
        .text(&arguments.file, format!("{before}{addition}"))
        .build()?;
    let written = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&arguments.file)
        .and_then(|mut file| file.write_all(addition.as_bytes()));
    written.map_err(|error| {
        Failure::input(
            format!("{} cannot be written: {error}", arguments.file.display()),
            "add the rule by hand, or name another file",
        )
    })?;
    super::print(&format!("added to {}:\n{rule}\n", arguments.file.display()))?;
    Ok(Code::Done)
}

fn rule(arguments: &PolicyAddArguments, action: Action) -> String {
    let id = match &arguments.id {
        Some(id) => format!("@id({})\n", quoted(id)),
        None => String::new(),
    };
    format!(
        "{id}permit (\n  principal == Step::{},\n  action == Action::{},\n  resource == {}\n);",
        quoted(&arguments.step),
        quoted(action.name()),
        arguments.resource
    )
}

/// A text in Cedar.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}
