//! Handles that the guest has not been given, or has given back.

use crate::stepyard::step::auth;
use crate::stepyard::step::build::{self, Request};
use crate::stepyard::step::registry;
use crate::stepyard::step::types::Credential;
use crate::{Got, Settings};

pub(crate) fn attack(name: &str, settings: &Settings) -> Option<Got> {
    let reference = settings.text("reference");
    let number = u32::try_from(settings.number("handle")).unwrap_or_default();
    Some(match name {
        "use-forged-handle" => {
            // SAFETY: a forged handle is what is tried here; the host checks every one.
            let credential = unsafe { Credential::from_handle(number) };
            resolve(reference, &credential)
        }
        "use-closed-handle" => auth::anonymous(settings.text("registry")).and_then(|credential| {
            // SAFETY: as above.
            let again = unsafe { Credential::from_handle(credential.handle()) };
            drop(credential);
            resolve(reference, &again)
        }),
        "use-handle-of-another-type" => {
            let request = Request::new();
            // SAFETY: as above.
            let credential = unsafe { Credential::from_handle(request.handle()) };
            let resolved = resolve(reference, &credential);
            std::mem::forget(credential);
            resolved
        }
        "build-twice-with-one-request" => {
            let request = Request::new();
            // SAFETY: as above.
            let again = unsafe { Request::from_handle(request.handle()) };
            let _ = build::build(request);
            build::build(again).map(|image| image.id())
        }
        "close-twice" => auth::anonymous(settings.text("registry")).map(|credential| {
            // SAFETY: as above.
            let again = unsafe { Credential::from_handle(credential.handle()) };
            drop(credential);
            drop(again);
            "closed".to_owned()
        }),
        _ => return None,
    })
}

fn resolve(reference: &str, credential: &Credential) -> Got {
    registry::resolve(reference, credential)
        .map(|found| format!("{:?}", found.map(|found| found.digest)))
}
