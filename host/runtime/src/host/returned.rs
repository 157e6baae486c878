//! What a guest returned, as if the guest were hostile.

use crate::component::bindings;
use crate::component::state::RunContext;
use crate::outcome::Outcome;
use crate::run::RunError;

/// Checks what a guest returned: it ends in files that other programs read line by line.
pub(super) fn valid_outcome(
    returned: bindings::Outcome,
    context: &RunContext,
) -> Result<Outcome, RunError> {
    let fault = |what: &str, text: &str| RunError::FaultyOutcome {
        problem: format!("{what} {text:?}"),
    };
    let mut outcome = Outcome::default();
    for output in returned.outputs {
        let mut characters = output.name.chars();
        let begins_well = characters
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
        if !begins_well || !characters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(fault("an output is called", &output.name));
        }
        if output.value.contains(['\n', '\r', '\0']) {
            return Err(fault(
                "an output has a value of several lines:",
                &output.name,
            ));
        }
        outcome.outputs.push((output.name, output.value));
    }
    for image in returned.images {
        let text = format!(
            "{}/{}:{}@{}",
            image.registry, image.repository, image.tag, image.digest
        );
        let confirmed = context.image(|confirmed| {
            confirmed.registry == image.registry
                && confirmed.repository == image.repository
                && confirmed.tag == image.tag
                && confirmed.digest == image.digest
        });
        // Others trust what ends in the artifact file, so a claim is not enough.
        let Some(confirmed) = confirmed else {
            return Err(fault(
                "no registry confirmed during this run the image",
                &text,
            ));
        };
        outcome.images.push(confirmed);
    }
    Ok(outcome)
}
