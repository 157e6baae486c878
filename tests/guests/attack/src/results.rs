//! Outcomes that other programs would misread.

use crate::calls::login;
use crate::stepyard::step::registry;
use crate::stepyard::step::types::ErrorKind;
use crate::{Error, Outcome, Output, PushedImage, Settings};

pub(crate) fn outcome(name: &str, settings: &Settings) -> Option<Result<Outcome, Error>> {
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
        "claim-resolved-image" => match resolved_image(settings) {
            Ok(image) => outcome.images.push(image),
            Err(error) => return Some(Err(error)),
        },
        "return-error" => {
            return Some(Err(Error {
                kind: ErrorKind::Other(settings.text("error-kind").to_owned()),
                message: settings.repeated("text"),
                hint: Some(settings.repeated("text")),
                retryable: false,
            }));
        }
        _ => return None,
    }
    Some(Ok(outcome))
}

/// An image that a registry has confirmed, under the tag that is claimed.
fn resolved_image(settings: &Settings) -> Result<PushedImage, Error> {
    let credential = login(settings)?;
    let found = registry::resolve(settings.text("reference"), &credential)?;
    Ok(PushedImage {
        registry: settings.text("registry").to_owned(),
        repository: settings.text("repository").to_owned(),
        tag: settings.text("tag").to_owned(),
        digest: found.map(|found| found.digest).unwrap_or_default(),
    })
}
