//! Outcomes that other programs would misread.

use crate::{Outcome, Output, PushedImage, Settings};

pub(crate) fn outcome(name: &str, settings: &Settings) -> Option<Outcome> {
    let mut outcome = Outcome {
        outputs: Vec::new(),
        images: Vec::new(),
    };
    match name {
        "return-output" => outcome.outputs.push(Output {
            name: settings.text("name").to_owned(),
            value: settings.repeated("text"),
        }),
        "return-many-outputs" => {
            for number in 0..settings.number("times") {
                outcome.outputs.push(Output {
                    name: format!("output{number}"),
                    value: settings.text("text").to_owned(),
                });
            }
        }
        "claim-image" => outcome.images.push(PushedImage {
            registry: settings.text("registry").to_owned(),
            repository: settings.text("repository").to_owned(),
            tag: settings.text("tag").to_owned(),
            digest: settings.text("digest").to_owned(),
        }),
        _ => return None,
    }
    Some(outcome)
}
